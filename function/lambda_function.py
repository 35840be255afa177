"""The entry point: what S3's event calls, with clients and settings made once, at import."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import aws
from deadline import Deadline
from mail import Mailbox
from memory import keep_what_is_freed
from processing import Pipeline
from settings import Settings
from storage import Storage


def _connect(settings: Settings) -> Pipeline:
    partition = settings.topic_arn.split(":")[1]
    s3, sns = aws.connect(os.environ, partition, _PATIENCE)
    return Pipeline(
        settings=settings,
        storage=Storage(s3, settings.output_bucket),
        mailbox=Mailbox(sns, settings.topic_arn),
        executor=ThreadPoolExecutor(max_workers=len(settings.sizes)),
    )


keep_what_is_freed()
_PATIENCE = aws.Patience()
_PIPELINE = _connect(Settings.from_environment(os.environ))


class Context(Protocol):
    """What the function asks of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda stops the invocation."""


def lambda_handler(event: dict[str, Any], context: Context) -> None:
    """Make the pictures of every upload in an S3 event. What can succeed later is raised."""
    deadline = Deadline(context.get_remaining_time_in_millis)
    _PATIENCE.ends = time.monotonic() + (deadline.allowed_ms - deadline.margin_ms) / 1000
    _PIPELINE.handle(event, deadline)

"""The entry point: what S3's event calls, with clients and settings made once, at import."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import boto3
from botocore.config import Config

from deadline import Deadline
from mail import Mailbox
from processing import Pipeline
from settings import Settings
from storage import Storage

_CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "max_attempts": 4},
)


def _connect(settings: Settings) -> Pipeline:
    return Pipeline(
        settings=settings,
        storage=Storage(boto3.client("s3", config=_CONFIG), settings.output_bucket),
        mailbox=Mailbox(boto3.client("sns", config=_CONFIG), settings.topic_arn),
        executor=ThreadPoolExecutor(max_workers=len(settings.sizes)),
    )


_PIPELINE = _connect(Settings.from_environment(os.environ))


class Context(Protocol):
    """What the function asks of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda stops the invocation."""


def lambda_handler(event: dict[str, Any], context: Context) -> None:
    """Make the pictures of every upload in an S3 event. What can succeed later is raised."""
    _PIPELINE.handle(event, Deadline(context.get_remaining_time_in_millis))

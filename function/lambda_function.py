"""The entry point: what S3's event calls, with clients and settings made once, at import."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol, cast

import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

from deadline import Deadline
from mail import Mailbox
from processing import Pipeline
from settings import Settings
from storage import Storage

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient

_CONFIG = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "max_attempts": 4},
)


class _TwoServices(Loader):
    """Knows the two services that are used; to look for all takes a tenth of a cold start."""

    def list_available_services(self, type_name: str) -> list[str]:
        """Return what botocore would search four hundred folders for."""
        return ["s3", "sns"]


def _connect(settings: Settings) -> Pipeline:
    session = botocore.session.get_session()  # boto3 itself adds nothing but its import
    session.register_component("data_loader", _TwoServices())
    s3 = cast("S3Client", session.create_client("s3", config=_CONFIG))
    sns = cast("SNSClient", session.create_client("sns", config=_CONFIG))
    return Pipeline(
        settings=settings,
        storage=Storage(s3, settings.output_bucket),
        mailbox=Mailbox(sns, settings.topic_arn),
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

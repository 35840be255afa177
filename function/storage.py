"""The two buckets: reading an upload, asking whether it was replaced, writing its pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from body import Body, fetch
from deadline import Deadline
from refusals import Refused, Skipped
from uploads import Upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

    from renditions import Rendition


@dataclass(frozen=True)
class Source:
    """One version of an upload; `etag` has its quotes, as S3 sends and wants it."""

    body: Body
    etag: str


class Storage:
    """Reads uploads and writes pictures into `output_bucket`."""

    def __init__(self, client: S3Client, output_bucket: str) -> None:
        self._client = client
        self._output_bucket = output_bucket

    def read(self, upload: Upload, deadline: Deadline) -> Source:
        """Read the upload as it is now. Raises SetAside when it is gone or far too large."""
        try:
            answer = self._client.get_object(Bucket=upload.bucket, Key=upload.key)
        except ClientError as error:
            raise _meaning(error) from error
        return _source(answer, deadline)

    def read_if_replaced(self, upload: Upload, etag: str, deadline: Deadline) -> Source | None:
        """Read the upload again unless it is still the version `etag`, or gone by now."""
        try:
            answer = self._client.get_object(Bucket=upload.bucket, Key=upload.key, IfNoneMatch=etag)
        except ClientError as error:
            meaning = _meaning(error)
            unchanged = error.response["ResponseMetadata"]["HTTPStatusCode"] == 304
            if unchanged or isinstance(meaning, Skipped):
                return None
            raise meaning from error
        return _source(answer, deadline)

    def write(self, key: str, rendition: Rendition, etag: str, fingerprint: str) -> None:
        """Write one picture with the marks by which a stale one is found."""
        self._client.put_object(
            Bucket=self._output_bucket,
            Key=key,
            Body=rendition.data,
            ContentType=rendition.content_type,
            Metadata={"source-etag": etag.strip('"'), "settings": fingerprint},
        )


def _source(answer: GetObjectOutputTypeDef, deadline: Deadline) -> Source:
    with answer["Body"] as stream:
        return Source(fetch(stream, answer["ContentLength"], deadline), answer["ETag"])


def _meaning(error: ClientError) -> Exception:
    """Tell an upload that is gone from a fault; without s3:ListBucket both are a 403 (S23)."""
    code, text = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    denied = re.search(r"not authorized to perform: (\S+)", text)
    if code == "NoSuchKey" or (denied and denied[1] == "s3:ListBucket"):
        return Skipped("gone", "The object was deleted before it could be read.")
    if code == "InvalidObjectState":
        return Refused("archived", "The object is in an archive. Restore it, then copy it here.")
    return error

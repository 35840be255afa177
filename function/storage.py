"""The two buckets: reading an upload, asking whether it was replaced, writing its pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from aws import S3, Object
from body import Body, fetch
from deadline import Deadline
from refusals import Refused, Skipped
from uploads import Upload

if TYPE_CHECKING:
    from renditions import Rendition


@dataclass(frozen=True)
class Source:
    """One version of an upload; `etag` has its quotes, as S3 sends and wants it."""

    body: Body
    etag: str


class Storage:
    """Reads uploads and writes pictures into `output_bucket`."""

    def __init__(self, s3: S3, output_bucket: str) -> None:
        self._s3 = s3
        self._output_bucket = output_bucket

    def read(self, upload: Upload, deadline: Deadline) -> Source:
        """Read the upload as it is now. Raises SetAside when it is gone or far too large."""
        try:
            found = self._s3.get_object(upload.bucket, upload.key)
        except ClientError as error:
            raise _meaning(error) from error
        return _source(found, deadline)

    def read_if_replaced(self, upload: Upload, etag: str, deadline: Deadline) -> Source | None:
        """Read the upload again unless it is still the version `etag`, or gone by now."""
        try:
            found = self._s3.get_object(upload.bucket, upload.key, if_none_match=etag)
        except ClientError as error:
            meaning = _meaning(error)
            unchanged = error.response["ResponseMetadata"]["HTTPStatusCode"] == 304
            if unchanged or isinstance(meaning, Skipped):
                return None
            raise meaning from error
        return _source(found, deadline)

    def write(self, key: str, rendition: Rendition, etag: str, fingerprint: str) -> None:
        """Write one picture with the marks by which a stale one is found."""
        marks = {"source-etag": etag.strip('"'), "settings": fingerprint}
        self._s3.put_object(self._output_bucket, key, rendition.data, rendition.content_type, marks)


def _source(found: Object, deadline: Deadline) -> Source:
    with found.body as stream:
        return Source(fetch(stream, found.size_bytes, deadline), found.etag)


def _meaning(error: ClientError) -> Exception:
    """Tell an upload that is gone from a fault; without s3:ListBucket both are a 403 (S23)."""
    code, text = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    denied = re.search(r"not authorized to perform: (\S+)", text)
    if code == "NoSuchKey" or (denied and denied[1] == "s3:ListBucket"):
        return Skipped("gone", "The object was deleted before it could be read.")
    if code == "InvalidObjectState":
        return Refused("archived", "The object is in an archive. Restore it, then copy it here.")
    return error

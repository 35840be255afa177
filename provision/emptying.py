"""Counts and deletes everything a bucket holds: objects, versions, markers, unfinished uploads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from provision.aws import Aws
from provision.aws_errors import found
from provision.errors import PipelineError
from provision.events import Event

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_BATCH: Final = 1000  # more are refused (S26)
_THREADS: Final = 8
_NOT_IN_XML: Final = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]")  # so no batch can name it
_REFILLS: Final = 5  # late writes fill a bucket again (S25)
_PASSING: Final = {"InternalError", "ServiceUnavailable", "SlowDown"}  # of single keys (S26)
_PASSING_S: Final = 60.0


def count_objects(aws: Aws, bucket: str, owner: str) -> tuple[int, int]:
    """Return the number and the bytes of all versions in a bucket; markers count as objects."""
    objects = size_bytes = 0
    for page in _pages(aws, bucket, owner):
        versions = page.get("Versions", [])
        objects += len(versions) + len(page.get("DeleteMarkers", []))
        size_bytes += sum(version["Size"] for version in versions)
    return objects, size_bytes


def empty_bucket(
    aws: Aws, resource: str, bucket: str, owner: str, expected: int | None = None
) -> int:
    """Delete all that a bucket holds and return how many objects that were; absent is empty.

    `expected` is how many there should be, for those who watch.
    """
    found(lambda: _abort_uploads(aws, bucket, owner), "NoSuchBucket")
    deleted = refills = 0
    while wave := found(lambda: _first_batches(aws, bucket, owner), "NoSuchBucket"):
        with ThreadPoolExecutor(len(wave)) as pool:
            deleted += sum(pool.map(lambda b: _delete_batch(aws, resource, bucket, owner, b), wave))
        total = f" of {expected:,}" if expected and expected >= deleted else ""
        aws.say(Event("waiting", resource, f"{deleted:,}{total} objects deleted"))
        refills += len(wave) < _THREADS  # a short wave was the last, unless somebody writes
        if refills > _REFILLS:
            raise PipelineError(
                f"The bucket {bucket} does not stay empty.",
                why="Something goes on writing to it.",
                fix="Stop the writer, then run `pipeline-ctl down` again.",
            )
    return deleted


def _first_batches(aws: Aws, bucket: str, owner: str) -> list[list[ObjectIdentifierTypeDef]]:
    """List anew from the start, as far as one wave of deletions reaches."""
    identifiers = _identifiers(aws, bucket, owner)
    batches = (list(islice(identifiers, _BATCH)) for _ in range(_THREADS))
    return [batch for batch in batches if batch]


def _delete_batch(
    aws: Aws, resource: str, bucket: str, owner: str, batch: list[ObjectIdentifierTypeDef]
) -> int:
    odd = [item for item in batch if _NOT_IN_XML.search(item["Key"])]
    for item in odd:
        aws.s3.delete_object(
            Bucket=bucket, ExpectedBucketOwner=owner, Key=item["Key"], VersionId=item["VersionId"]
        )
    left = [item for item in batch if item not in odd] if odd else batch

    def all_deleted() -> bool | None:
        nonlocal left
        failed = _failed_keys(aws, bucket, owner, left) if left else set()
        left = [item for item in left if item["Key"] in failed]
        return None if left else True

    why = "S3 to delete what it failed to delete at first"
    aws.wait_until(resource, all_deleted, why=why, deadline_s=_PASSING_S)
    return len(batch)


def _failed_keys(
    aws: Aws, bucket: str, owner: str, items: list[ObjectIdentifierTypeDef]
) -> set[str]:
    """Delete a batch and return the keys to try again: failures of keys come with a 200 (S26)."""
    answer = aws.s3.delete_objects(
        Bucket=bucket, ExpectedBucketOwner=owner, Delete={"Objects": items, "Quiet": True}
    )
    errors = answer.get("Errors", [])
    lasting = [error for error in errors if error.get("Code") not in _PASSING]
    if lasting:
        first = lasting[0]
        raise PipelineError(
            f"{len(lasting)} objects in {bucket} could not be deleted.",
            why=f"{first.get('Key')}: {first.get('Code')} {first.get('Message')}",
            fix="Run `pipeline-ctl down` again; check permissions and locks on the objects.",
        )
    return {error["Key"] for error in errors}


def _abort_uploads(aws: Aws, bucket: str, owner: str) -> None:
    pages = aws.s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, ExpectedBucketOwner=owner
    )
    for upload in (u for page in pages for u in page.get("Uploads", [])):
        parameters: dict[str, Any] = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
        found(
            lambda parameters=parameters: aws.s3.abort_multipart_upload(  # type: ignore[misc]
                Bucket=bucket, ExpectedBucketOwner=owner, **parameters
            ),
            "NoSuchUpload",
        )


def _identifiers(aws: Aws, bucket: str, owner: str) -> Iterator[ObjectIdentifierTypeDef]:
    for page in _pages(aws, bucket, owner):
        for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            yield {"Key": item["Key"], "VersionId": item["VersionId"]}


def _pages(aws: Aws, bucket: str, owner: str) -> Iterator[dict[str, Any]]:
    pages = aws.s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, ExpectedBucketOwner=owner
    )
    yield from pages  # type: ignore[misc]

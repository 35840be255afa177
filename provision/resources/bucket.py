"""A private bucket: encrypted, reached over TLS only, unfinished uploads expire.

A bucket that the user named and that exists already is adopted: nothing of it is ours, so it
is never changed nor deleted. What we own of a bucket of ours is in `bucket_fields`.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from provision.aws import Aws
from provision.aws_errors import error_code, found, is_foreign
from provision.emptying import count_objects, empty_bucket
from provision.errors import ForeignResourceError, StoredImagesError
from provision.names import PIPELINE_TAG, Names
from provision.resource import Known, State
from provision.resources.bucket_fields import AS_CREATED, EXPIRE_DAYS, FIELDS, BucketCalls

T = TypeVar("T")

_SETTLE_S: Final = 120.0


class Bucket:
    """One of the pipeline's buckets: "input", "output" or one that was left.

    `chosen` is a name that the user gave, "" for ours.
    """

    needs: tuple[str, ...] = ("log-group",)  # which records what the user chose

    def __init__(
        self,
        aws: Aws,
        names: Names,
        direction: str,
        *,
        chosen: str = "",
        delete_data: bool = False,
    ) -> None:
        self.name = f"{direction}-bucket"
        self.bucket = chosen or names.bucket(direction)
        self._aws = aws
        self._names = names
        self._chosen_by_user = bool(chosen)
        self._delete_data = delete_data
        self._counted: int | None = None

    @cached_property
    def _calls(self) -> BucketCalls:
        arn = self._names.bucket_arn(self.bucket)
        return BucketCalls(self._aws.s3, self.bucket, arn, self._names.account)

    def desired(self, known: Known) -> State:
        return {
            "public_access": "blocked",
            "encryption": "AES256",
            "ownership": "BucketOwnerEnforced",
            "tls_only": not self._aws.plain_http,
            "unfinished_uploads_expire_days": EXPIRE_DAYS,
        }

    def read(self) -> State | None:
        """Read whose it is and all its fields at once; those of another's bucket do not matter."""
        with ThreadPoolExecutor(len(FIELDS)) as pool:
            fields = {name: pool.submit(field.read, self._calls) for name, field in FIELDS.items()}
            tags = self._tags()
        if tags is None:
            return None
        if tags.get(PIPELINE_TAG) != self._names.pipeline:
            return self._adopted()
        return found(  # it may have become visible only just now (S5)
            lambda: {"id": self.bucket, **{name: f.result() for name, f in fields.items()}},
            "NoSuchBucket",
        )

    def apply(self, actual: State | None, known: Known) -> None:
        if actual is None:
            self._create()
            actual = AS_CREATED
        for name, wanted in self.desired(known).items():
            if actual.get(name) != wanted:
                self._settled(partial(FIELDS[name].write, self._calls, wanted))

    def delete(self) -> None:
        if not self._is_ours():
            return
        if self._delete_data:
            empty_bucket(self._aws, self.name, self.bucket, self._names.account, self._counted)
        try:
            found(lambda: self._aws.s3.delete_bucket(**self._calls.named), "NoSuchBucket", "404")
        except ClientError as error:
            if error_code(error) != "BucketNotEmpty":
                raise
            raise StoredImagesError(
                f"The bucket {self.bucket} still holds objects.",
                why="Stored images are never deleted without being told to.",
                fix="Run `pipeline-ctl down --delete-data`, or `--keep-buckets`.",
            ) from error

    def stored(self) -> tuple[int, int]:
        """Return how many objects and bytes deleting this bucket would destroy; (0, 0) if none."""
        if not self._is_ours():
            return 0, 0
        stored = found(
            lambda: count_objects(self._aws, self.bucket, self._names.account), "NoSuchBucket"
        )
        self._counted = stored[0] if stored else None
        return stored or (0, 0)

    def _tags(self) -> dict[str, str] | None:
        """Return the bucket's tags; None when there is no such bucket."""
        try:
            answer = self._aws.s3.get_bucket_tagging(**self._calls.named)
        except ClientError as error:
            if error_code(error) == "NoSuchBucket":
                return None
            if error_code(error) == "NoSuchTagSet":
                return {}
            if is_foreign(error):
                raise self._foreign("It belongs to another account.") from error
            raise
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def _is_ours(self) -> bool:
        return (self._tags() or {}).get(PIPELINE_TAG) == self._names.pipeline

    def _adopted(self) -> State:
        if self._chosen_by_user:
            return {**self.desired({}), "id": self.bucket, "adopted": True}
        raise self._foreign(
            f"It lacks the tag {PIPELINE_TAG}={self._names.pipeline}; as it is it can be used "
            f"with --{self.name} {self.bucket}."
        )

    def _foreign(self, why: str) -> ForeignResourceError:
        return ForeignResourceError(
            f"The bucket {self.bucket} exists and was not made by this pipeline.",
            why=why,
            fix="Choose another --name or another bucket.",
        )

    def _create(self) -> None:
        configuration: dict[str, Any] = {
            "Tags": [{"Key": PIPELINE_TAG, "Value": self._names.pipeline}]  # (S8)
        }
        if self._aws.region != "us-east-1":  # which refuses to be named (S1)
            configuration["LocationConstraint"] = self._aws.region
        parameters: dict[str, Any] = {
            "Bucket": self.bucket,
            "CreateBucketConfiguration": configuration,
        }
        if self.bucket.endswith(f"-{self._names.account}-{self._aws.region}-an"):
            parameters["BucketNamespace"] = "account-regional"  # (S7)
        try:
            self._settled(lambda: self._aws.s3.create_bucket(**parameters))
        except ClientError as error:
            if error_code(error) != "BucketAlreadyExists":
                raise
            raise self._foreign("Another account has a bucket of this name.") from error

    def _settled(self, call: Callable[[], T]) -> T:
        """Wait out what a bucket answers while it is being made or unmade (S4, S5)."""
        return self._aws.persist(
            self.name,
            call,
            transient=lambda error: error_code(error) in {"OperationAborted", "NoSuchBucket"},
            why="S3 to finish an earlier change of this bucket",
            deadline_s=_SETTLE_S,
        )

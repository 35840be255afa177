"""Names and ARNs of everything a pipeline consists of. Pure: no call, no clock, no state.

Names follow from the pipeline's name, the account and the region, so that every command finds
what an earlier one made. Ownership is the tag PIPELINE_TAG.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from provision.errors import UsageError

DEFAULT_NAME: Final = "image-pipeline"
PIPELINE_TAG: Final = "pipeline-ctl:pipeline"
VERSION_TAG: Final = "pipeline-ctl:version"
LEFT_TAG: Final = "pipeline-ctl:left-buckets"
UPLOADS_PREFIX: Final = "uploads/"

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-", "aws")  # (S6)
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")  # (S6)
_BUCKET_MAX = 63
_DESCRIBED = ("Image pipeline ", ", made by pipeline-ctl.")
_ROLE_MAX = 64


@dataclass(frozen=True)
class Names:
    """The names of one pipeline in one account and region."""

    pipeline: str
    account: str
    region: str
    partition: str = "aws"
    account_regional: bool = True

    @property
    def function(self) -> str:
        return self.pipeline

    @property
    def description(self) -> str:
        """What the function and its role say of themselves."""
        return f"{_DESCRIBED[0]}{self.pipeline}{_DESCRIBED[1]}"

    @property
    def role(self) -> str:
        return f"{self.pipeline}-{self.region}"

    @property
    def topic(self) -> str:
        return self.pipeline

    @property
    def layer(self) -> str:
        return f"{self.pipeline}-pillow"

    @property
    def log_group(self) -> str:
        return f"/aws/lambda/{self.function}"

    @property
    def statement_id(self) -> str:
        """Id of our statement in the function's policy and of our notification entry."""
        return f"pipeline-ctl-{self.pipeline}"

    @property
    def function_arn(self) -> str:
        return self._arn("lambda", f"function:{self.function}")

    @property
    def topic_arn(self) -> str:
        return self._arn("sns", self.topic)

    @property
    def log_group_arn(self) -> str:
        return self._arn("logs", f"log-group:{self.log_group}")

    @property
    def layer_arn(self) -> str:
        """ARN of the layer without a version."""
        return self._arn("lambda", f"layer:{self.layer}")

    @property
    def role_arn(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role/{self.role}"

    def bucket(self, direction: str) -> str:
        """Return the bucket's name; `direction` is "input" or "output"."""
        suffix = "-an" if self.account_regional else ""
        return f"{self.pipeline}-{direction}-{self.account}-{self.region}{suffix}"

    def bucket_arn(self, bucket: str) -> str:
        """Return the ARN of any bucket in our partition."""
        return f"arn:{self.partition}:s3:::{bucket}"

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


def described_pipeline(description: str) -> str | None:
    """Return the name of the pipeline whose function says this of itself; None if another's."""
    before, after = _DESCRIBED
    if not (description.startswith(before) and description.endswith(after)):
        return None
    return description.removeprefix(before).removesuffix(after)


def check_pipeline_name(name: str) -> None:
    """Raise UsageError when no AWS resource could be called like this."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' is no name for a pipeline.",
            why="Bucket names follow from it, so it has lower-case letters, digits and hyphens, "
            "and begins and ends with a letter or digit.",
            fix="Choose another with --name, such as --name my-photos.",
        )
    if name.startswith(_RESERVED_PREFIXES):
        raise UsageError(
            f"The name '{name}' begins with a word that AWS keeps for itself.",
            why=f"Reserved beginnings are {', '.join(_RESERVED_PREFIXES)}.",
            fix="Choose another with --name.",
        )


def check_lengths(names: Names) -> None:
    """Raise UsageError when a name that follows from the pipeline's is too long for AWS."""
    name = names.pipeline
    excess = max(
        len(names.bucket("output")) - _BUCKET_MAX,
        len(names.role) - _ROLE_MAX,
    )
    if excess > 0:
        raise UsageError(
            f"The name '{name}' is {excess} characters too long.",
            why=f"Its output bucket would be called {names.bucket('output')}, and S3 allows "
            f"{_BUCKET_MAX} characters.",
            fix=f"Choose a --name of at most {len(name) - excess} characters.",
        )


def check_bucket_name(bucket: str) -> None:
    """Raise UsageError for a bucket name that S3 refuses (S6) or that breaks TLS (dots)."""
    valid = (
        3 <= len(bucket) <= _BUCKET_MAX
        and _BUCKET.fullmatch(bucket)
        and "." not in bucket
        and not bucket.startswith(_RESERVED_PREFIXES[:3])
        and not bucket.endswith(_RESERVED_SUFFIXES)
    )
    if not valid:
        raise UsageError(
            f"'{bucket}' is no usable bucket name.",
            why="It needs 3 to 63 lower-case letters, digits and hyphens, begins and ends with a "
            "letter or digit, and avoids S3's reserved beginnings and endings.",
            fix="Check --input-bucket and --output-bucket.",
        )

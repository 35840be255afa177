"""Names that follow from the pipeline's name, and what is refused before any call."""

from __future__ import annotations

import pytest

from provision.errors import UsageError
from provision.names import Names, check_bucket_name, check_lengths, check_pipeline_name

NAMES = Names("image-pipeline", "123456789012", "eu-central-1")


def test_names_and_arns_follow_from_pipeline_account_and_region() -> None:
    assert NAMES.bucket("input") == "image-pipeline-input-123456789012-eu-central-1-an"
    assert NAMES.role == "image-pipeline-eu-central-1"
    assert NAMES.layer == "image-pipeline-pillow"
    assert NAMES.log_group == "/aws/lambda/image-pipeline"
    assert NAMES.topic_arn == "arn:aws:sns:eu-central-1:123456789012:image-pipeline"


def test_the_global_namespace_has_no_suffix() -> None:
    names = Names("p", "123456789012", "me-south-1", account_regional=False)

    assert names.bucket("output") == "p-output-123456789012-me-south-1"


def test_another_partition_shows_in_every_arn() -> None:
    names = Names("p", "123456789012", "cn-north-1", "aws-cn")

    assert names.function_arn.startswith("arn:aws-cn:lambda:")
    assert names.bucket_arn("b") == "arn:aws-cn:s3:::b"


def test_the_longest_name_that_fits_is_accepted_and_one_more_is_not() -> None:
    room = 63 - len(Names("", "123456789012", "us-east-1").bucket("output"))

    check_lengths(Names("a" * room, "123456789012", "us-east-1"))
    with pytest.raises(UsageError, match="1 characters too long"):
        check_lengths(Names("a" * (room + 1), "123456789012", "us-east-1"))


@pytest.mark.parametrize("name", ["", "Upper", "-a", "a-", "a_b", "ünï", "a b", "xn--a", "aws-x"])
def test_a_name_that_aws_would_refuse_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        check_pipeline_name(name)


@pytest.mark.parametrize(
    "bucket", ["ab", "a" * 64, "In_B", "a..b", "192.168.1.1", "xn--a", "my-s3alias", "-abc"]
)
def test_a_bucket_name_that_s3_refuses_is_refused(bucket: str) -> None:
    with pytest.raises(UsageError):
        check_bucket_name(bucket)

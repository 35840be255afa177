"""Emptying a bucket: S3 may fail to delete single keys in an answer that looks like success."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ops.local.calls import Call
from ops.local.server import LocalServer
from ops.local.state import ACCOUNT, State
from ops.local.table import Row
from provision import aws
from provision.aws import Aws
from provision.emptying import count_objects, empty_bucket
from provision.errors import PipelineError, TimedOutError

BUCKET = "emptying"


@pytest.fixture
def impatient(server: LocalServer) -> Aws:
    """A connection that gives up early, and a bucket with three objects."""
    connection = aws.connect_local(server.url, "us-east-1")
    connection.patience = 0.01
    connection.s3.create_bucket(Bucket=BUCKET)
    for number in range(3):
        connection.s3.put_object(Bucket=BUCKET, Key=f"{number}", Body=b"")
    return connection


@pytest.fixture
def failing(server: LocalServer) -> Callable[..., Any]:
    """Lets the deletion of one key fail, a number of times."""

    def failing(code: str, times: int) -> Any:
        answers = iter([{"Key": "1", "Code": code, "Message": "It failed."}] * times)

        def fail(state: State, call: Call) -> dict[str, Any] | None:
            error = next(answers, None)
            return {"Errors": [error]} if error else None

        return server.state.table.added(Row("answers", "S26", ("s3.DeleteObjects",), fail))

    return failing


def test_a_key_that_fails_for_a_moment_is_deleted_again(
    impatient: Aws, failing: Callable[..., Any]
) -> None:
    impatient.patience = 1.0

    with failing("InternalError", times=2):
        empty_bucket(impatient, "input-bucket", BUCKET, ACCOUNT)

    assert count_objects(impatient, BUCKET, ACCOUNT) == (0, 0)


def test_a_key_that_goes_on_failing_is_given_up(
    impatient: Aws, failing: Callable[..., Any]
) -> None:
    with failing("SlowDown", times=1000), pytest.raises(TimedOutError) as caught:
        empty_bucket(impatient, "input-bucket", BUCKET, ACCOUNT)

    assert "failed to delete" in caught.value.what


def test_a_key_that_may_not_be_deleted_is_named(
    impatient: Aws, failing: Callable[..., Any]
) -> None:
    with failing("AccessDenied", times=1), pytest.raises(PipelineError) as caught:
        empty_bucket(impatient, "input-bucket", BUCKET, ACCOUNT)

    assert caught.value.why == "1: AccessDenied It failed."

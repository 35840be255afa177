"""What never passes is given up in bounded time and explained, with its cause and a remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from ops.local.calls import Call, Refusal
from ops.local.server import LocalServer
from ops.local.state import State
from ops.local.table import Sheet
from provision import aws, engine
from provision.errors import AccessError, ForeignResourceError, PipelineError
from provision.pipeline import Pipeline

sheet = Sheet()


@sheet.refuses("I1", "lambda.CreateFunction")
def never_assumable(state: State, call: Call) -> Refusal:
    """Refuse every role, as with a wrong trust policy."""
    text = "The role defined for the function cannot be assumed by Lambda."
    return Refusal("InvalidParameterValueException", text)


@pytest.fixture
def impatient(describe: Callable[..., Pipeline]) -> Callable[..., Pipeline]:
    """Describes pipelines whose waits end early."""

    def describe_impatient(**changes: Any) -> Pipeline:
        pipeline = describe(**changes)
        connection = aws.connect_local(str(pipeline.aws.endpoint_url), pipeline.aws.region)
        connection.patience = 0.01
        return replace(pipeline, aws=connection)

    return describe_impatient


@contextmanager
def _fault(server: LocalServer, name: str) -> Iterator[None]:
    before = server.state.settings
    server.state.settings = replace(before, faults=frozenset({name}))
    try:
        yield
    finally:
        server.state.settings = before


def _failures(pipeline: Pipeline) -> dict[str, PipelineError]:
    return engine.up(pipeline.aws, pipeline.resources()).failures


def test_a_bucket_name_that_another_account_has(
    server: LocalServer, impatient: Callable[..., Pipeline]
) -> None:
    pipeline = impatient(bucket_namespace="global")
    pipeline = replace(pipeline, names=replace(pipeline.names, account_regional=False))

    with _fault(server, "bucket-names-taken"):
        error = _failures(pipeline)["input-bucket"]

    assert isinstance(error, ForeignResourceError)
    assert "nother account" in error.why
    assert "--name" in error.fix


def test_a_dead_target_of_somebody_elses_notification_is_named(
    server: LocalServer, impatient: Callable[..., Pipeline]
) -> None:
    with _fault(server, "dead-notification-target"):
        error = _failures(impatient())["notification"]

    assert "function:gone" in error.why
    assert "Remove that entry" in error.fix


def test_a_function_that_never_becomes_active(
    server: LocalServer, impatient: Callable[..., Pipeline]
) -> None:
    with _fault(server, "function-stays-pending"):
        errors = _failures(impatient())

    assert [e.what for e in errors.values() if "waited" in e.what and "activate" in e.what]


def test_a_role_that_lambda_may_not_assume(
    server: LocalServer, impatient: Callable[..., Pipeline]
) -> None:
    with server.state.table.added(*sheet.rows):
        error = _failures(impatient())["function"]

    assert "cannot use the role" in error.what
    assert "trust policy" in error.why


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:CreateRole", "role"),
        ("iam:PassRole", "function"),
        ("lambda:CreateFunction", "function"),
        ("lambda:AddPermission", "permission"),
        ("s3:CreateBucket", "input-bucket"),
        ("s3:PutBucketNotification", "notification"),
        ("sns:CreateTopic", "topic"),
        ("sns:Subscribe", "subscriptions"),
        ("logs:CreateLogGroup", "log-group"),
        ("lambda:PublishLayerVersion", "layer"),
    ],
)
def test_a_missing_permission_names_its_action(
    server: LocalServer, impatient: Callable[..., Pipeline], action: str, resource: str
) -> None:
    with _fault(server, f"deny:{action}"):
        error = _failures(impatient())[resource]

    assert isinstance(error, AccessError)
    assert action.lower() in error.why.lower()


def _failing_updates(server: LocalServer, times: int) -> Any:
    """Let Lambda fail to put so many updates into force, as GetFunction then tells."""
    rows, left = Sheet(), [times]

    @rows.follows("L3", "lambda.UpdateFunctionCode")
    def count(state: State, call: Call) -> None:
        left[0] -= 1

    @rows.rewrites("L3", "lambda.GetFunction")
    def tell(state: State, call: Call, result: dict[str, Any]) -> None:
        if left[0] >= 0:
            result["Configuration"]["LastUpdateStatus"] = "Failed"

    @rows.rewrites("L3", "lambda.GetFunctionConfiguration")
    def tell_why(state: State, call: Call, result: dict[str, Any]) -> None:
        if left[0] >= 0:
            result["LastUpdateStatus"] = "Failed"
            result["LastUpdateStatusReason"] = "The layers are too large."

    return server.state.table.added(*rows.rows)


def test_an_update_that_failed_is_sent_again(server: LocalServer, standing: Pipeline) -> None:
    with _failing_updates(server, 0):
        planned = engine.plan(standing.aws, standing.resources()).changes["function"]
        mended = engine.up(standing.aws, standing.resources())
        after = engine.plan(standing.aws, standing.resources()).changes["function"]

    assert [difference.field for difference in planned.differences] == ["last_update"]
    assert mended.ok
    assert after.action == "keep"


def test_an_update_that_always_fails_is_explained(
    server: LocalServer, standing: Pipeline, impatient: Callable[..., Pipeline]
) -> None:
    hasty = replace(standing, aws=impatient().aws)
    with _failing_updates(server, 99):
        failure = _failures(hasty)["function"]

    assert "could not activate" in failure.what
    assert failure.why == "The layers are too large."
    assert engine.up(standing.aws, standing.resources()).ok

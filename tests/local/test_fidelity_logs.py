"""CloudWatch Logs as AWS answers, row by row of the behaviour catalogue."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.local.conftest import ACCOUNT, REGION, error, refused
from tests.local.recordings import assert_like, recorded


@pytest.fixture
def group(logs: Any, name: str) -> str:
    logs.create_log_group(logGroupName=name)
    return name


def test_g1_a_group_exists_already(logs: Any, group: str) -> None:
    found = error(logs.create_log_group, logGroupName=group)

    text = "The specified log group already exists"
    assert found == ("ResourceAlreadyExistsException", text, 400)


def test_g1_a_stream_exists_already(logs: Any, group: str) -> None:
    logs.create_log_stream(logGroupName=group, logStreamName="s")

    answer = refused(logs.create_log_stream, logGroupName=group, logStreamName="s")

    test = "TestLogsStreams::test_create_log_stream_duplicate_error"
    assert_like(answer, recorded("logs", test, "error-duplicate-log-stream"))


def test_g2_two_days_are_no_retention(logs: Any, group: str) -> None:
    code, _, status = error(logs.put_retention_policy, logGroupName=group, retentionInDays=2)

    assert (code, status) == ("InvalidParameterException", 400)


def test_g2_thirty_days_are_one(logs: Any, group: str) -> None:
    logs.put_retention_policy(logGroupName=group, retentionInDays=30)

    found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert found[0]["retentionInDays"] == 30


def test_g4_ten_thousand_events_are_the_most(logs: Any, group: str) -> None:
    logs.create_log_stream(logGroupName=group, logStreamName="s")

    answer = refused(logs.get_log_events, logGroupName=group, logStreamName="s", limit=10_001)

    test = "TestLogsEvents::test_get_log_events_limit_validation"
    assert_like(answer, recorded("logs", test, "error-limit-exceeded"))


def test_g4_events_are_put_in_order(logs: Any, group: str) -> None:
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": "b"}, {"timestamp": now - 9, "message": "a"}]

    answer = refused(logs.put_log_events, logGroupName=group, logStreamName="s", logEvents=events)

    test = "TestLogsEvents::test_put_log_events_wrong_order"
    assert_like(answer, recorded("logs", test, "error-wrong-order"))


def test_g4_an_unknown_token_is_refused(logs: Any, group: str) -> None:
    answer = refused(logs.filter_log_events, logGroupName=group, nextToken="unknown")

    test = "TestFilterLogEvents::test_filter_log_events_unknown_token"
    assert_like(answer, recorded("logs", test, "invalid-token"))


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("filter_log_events", {}),
        ("put_retention_policy", {"retentionInDays": 30}),
        ("delete_log_group", {}),
        ("describe_log_streams", {}),
    ],
)
def test_g5_a_missing_group_is_a_400(
    logs: Any, name: str, operation: str, parameters: dict[str, Any]
) -> None:
    answer = refused(getattr(logs, operation), logGroupName=name, **parameters)

    test = "TestLogsEventsErrors::test_resource_does_not_exist"
    assert_like(answer, recorded("logs", test, "error-log-group-does-not-exist"))


def test_g5_a_missing_group_has_no_tags(logs: Any, name: str) -> None:
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}"

    found = error(logs.list_tags_for_resource, resourceArn=arn)

    text = "The specified log group does not exist."
    assert found == ("ResourceNotFoundException", text, 400)


def test_g5_a_missing_stream_is_named(logs: Any, group: str) -> None:
    answer = refused(logs.get_log_events, logGroupName=group, logStreamName="s")

    test = "TestLogsEventsErrors::test_resource_does_not_exist"
    assert_like(answer, recorded("logs", test, "error-log-stream-does-not-exist"))


def test_g8_a_group_has_two_forms_of_its_arn(logs: Any, group: str) -> None:
    answer = logs.describe_log_groups(logGroupNamePrefix=group)

    test = "TestLogsGroups::test_describe_log_groups_with_prefix"
    expected = recorded("logs", test, "describe-log-groups-prefix")
    one = {**expected, "logGroups": expected["logGroups"][:1]}
    assert_like(answer, one)


def test_g8_prefix_and_pattern_exclude_each_other(logs: Any) -> None:
    answer = refused(logs.describe_log_groups, logGroupNamePrefix="a", logGroupNamePattern="b")

    test = "TestLogsGroups::test_describe_log_groups_prefix_and_pattern_error"
    assert_like(answer, recorded("logs", test, "error-prefix-and-pattern"))


def test_a_stream_is_described_as_recorded(logs: Any, group: str) -> None:
    logs.create_log_stream(logGroupName=group, logStreamName="s")

    answer = logs.describe_log_streams(logGroupName=group)

    test = "TestLogsStreams::test_create_and_delete_log_stream"
    assert_like(answer, recorded("logs", test, "describe-log-streams-after-create"))

"""AWS's time: what was written is in force only later, and what conflicts meanwhile."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.local import aws_times, clock
from ops.local.propagation import History, Propagation
from ops.local.state import Settings, State
from ops.local.table import Table
from tests.local.conftest import ACCOUNT, ECHO, Aws, error, eventually, make_role, zipped

AGES_S = 100.0  # longer than anything takes
EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
Deploy = Callable[..., str]


@pytest.fixture
def slow(aws: Aws) -> Iterator[None]:
    """AWS's times but for the latencies of calls; a test lets time pass with `clock`."""
    with aws.state.changed(behave="aws", latency_scale=0.0, seed=7):
        yield


def _create(lambda_: Any, role: str, name: str) -> Any:
    return lambda_.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=role,
        Handler="code.handler",
        Code={"ZipFile": zipped({"code.py": ECHO})},
    )


def _succeeds(operation: Callable[[], Any]) -> Callable[[], bool]:
    def probe() -> bool:
        try:
            operation()
        except ClientError:
            return False
        return True

    return probe


@pytest.mark.usefixtures("slow")
def test_i1_a_new_role_cannot_be_assumed_yet(iam: Any, lambda_: Any, name: str) -> None:
    role = make_role(iam, name, EVERYTHING)

    found = error(_create, lambda_=lambda_, role=role, name=name)

    text = "The role defined for the function cannot be assumed by Lambda."
    assert found == ("InvalidParameterValueException", text, 400)
    clock.advance(AGES_S)
    eventually(_succeeds(lambda: _create(lambda_, role, name)))


def test_i5_a_new_policy_does_not_cover_the_destination_yet(
    iam: Any, lambda_: Any, function: str, topic: str, name: str, slow: None
) -> None:
    iam.delete_role_policy(RoleName=name, PolicyName="main")
    clock.advance(AGES_S)
    document = json.dumps({"Version": "2012-10-17", "Statement": EVERYTHING})
    iam.put_role_policy(RoleName=name, PolicyName="main", PolicyDocument=document)

    def put() -> None:
        lambda_.put_function_event_invoke_config(
            FunctionName=function, DestinationConfig={"OnFailure": {"Destination": topic}}
        )

    _, text, _ = error(put)

    assert text.startswith("The function's execution role does not have permissions to call")
    clock.advance(AGES_S)
    eventually(_succeeds(put))


def test_l5_a_pending_function_cannot_be_used(aws: Aws, lambda_: Any, role: str, name: str) -> None:
    with aws.state.changed(behave="aws", latency_scale=0.0, seed=7):
        _create(lambda_, role, name)

        found = error(lambda_.invoke, FunctionName=name)

        state = lambda_.get_function_configuration(FunctionName=name)
        assert found == (
            "ResourceConflictException",
            "The operation cannot be performed at this time. The function is currently in the "
            "following state: Pending",
            409,
        )
        assert (state["State"], state["StateReasonCode"]) == ("Pending", "Creating")
        clock.advance(AGES_S)
        eventually(_succeeds(lambda: lambda_.invoke(FunctionName=name, InvocationType="DryRun")))


def test_l4_an_update_keeps_others_out(lambda_: Any, function: str, slow: None) -> None:
    lambda_.update_function_configuration(FunctionName=function, Description="one")

    found = error(lambda_.update_function_configuration, FunctionName=function, Description="two")

    text = f"An update is in progress for resource: {function}"
    assert found[0] == "ResourceConflictException"
    assert found[1] == f"The operation cannot be performed at this time. {text}"
    update = _succeeds(
        lambda: lambda_.update_function_configuration(FunctionName=function, Description="two")
    )
    clock.advance(AGES_S)
    eventually(update)


def test_s10_s3_sees_a_permission_later(
    s3: Any, lambda_: Any, bucket: str, function: str, slow: None
) -> None:
    _permit(lambda_, function, bucket)

    found = error(_notify, s3=s3, bucket=bucket, function=function)

    assert found[1] == "Unable to validate the following destination configurations"
    clock.advance(AGES_S)
    eventually(_succeeds(lambda: _notify(s3=s3, bucket=bucket, function=function)))


def test_s17_events_follow_a_configuration_later(
    aws: Aws, s3: Any, lambda_: Any, bucket: str, function: str
) -> None:
    _permit(lambda_, function, bucket)
    before = aws.state.counts["invocations"]
    with aws.state.changed(behave="aws", latency_scale=0.0, seed=7):
        _notify(s3=s3, bucket=bucket, function=function)
        eventually(_succeeds(lambda: s3.put_object(Bucket=bucket, Key="early", Body=b"")))
        assert aws.state.invocations.queued == 0

        def uploaded_and_run() -> bool:
            _succeeds(lambda: s3.put_object(Bucket=bucket, Key="later", Body=b""))()
            return bool(aws.state.counts["invocations"] > before)

        clock.advance(AGES_S)
        eventually(uploaded_and_run)


def test_s18_some_events_come_twice_and_out_of_order(
    aws: Aws, s3: Any, lambda_: Any, bucket: str, deploy: Deploy
) -> None:
    function = deploy(ECHO, MemorySize=128)
    _permit(lambda_, function, bucket)
    _notify(s3=s3, bucket=bucket, function=function)
    queued: list[tuple[float, Any]] = []
    later = aws.state.invocations.later
    aws.state.invocations.later = lambda event, delay_s=0.0: queued.append((delay_s, event))

    def one_came_twice_and_one_too_early() -> bool:
        _succeeds(partial(s3.put_object, Bucket=bucket, Key=f"{len(queued)}", Body=b""))()
        delays = [delay for delay, _ in queued]
        twice = len(queued) > len({event.request_id for _, event in queued})
        return twice and delays != sorted(delays)

    try:
        with aws.state.changed(behave="aws", time_scale=0.001, seed=1):
            eventually(one_came_twice_and_one_too_early, within_s=60.0)
    finally:
        aws.state.invocations.later = later


def test_g3_logs_are_seen_later(lambda_: Any, logs: Any, function: str, slow: None) -> None:
    group = f"/aws/lambda/{function.rpartition(':')[2]}"
    lambda_.invoke(FunctionName=function)

    def messages() -> list[str]:
        try:
            events = logs.filter_log_events(logGroupName=group)["events"]
        except ClientError:
            return []
        return [event["message"] for event in events]

    assert not any(m.startswith("REPORT") for m in messages())
    clock.advance(AGES_S)
    eventually(lambda: any(m.startswith("REPORT") for m in messages()))


def test_g3_a_stream_shows_its_events_later(aws: Aws, logs: Any, name: str) -> None:
    stream = {"logGroupName": name, "logStreamName": "s"}
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(**stream)
    event = {"timestamp": int(time.time() * 1000), "message": "new"}

    with aws.state.changed(behave="aws", time_scale=1e6, latency_scale=0.0, seed=7):
        logs.put_log_events(**stream, logEvents=[event])
        early = logs.get_log_events(**stream)["events"]
    later = logs.get_log_events(**stream)["events"]

    assert early == []
    assert [event["message"] for event in later] == ["new"]


def test_g4_empty_pages_carry_a_token(aws: Aws, logs: Any, name: str) -> None:
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": str(number)} for number in range(20)]
    logs.put_log_events(logGroupName=name, logStreamName="s", logEvents=events)
    time.sleep(0.05)

    def all_seen_and_a_page_empty() -> bool:
        empty, seen = 0, []
        token: dict[str, str] | None = {}
        while token is not None:
            page = logs.filter_log_events(logGroupName=name, limit=1, **token)
            empty += not page["events"]
            seen += [event["message"] for event in page["events"]]
            token = {"nextToken": page["nextToken"]} if "nextToken" in page else None
        assert sorted(seen, key=int) == [str(number) for number in range(20)]
        return empty > 0

    with aws.state.changed(behave="aws", time_scale=0.0001, seed=7):
        eventually(all_seen_and_a_page_empty)


def test_g7_a_late_line_brings_a_deleted_group_back(
    lambda_: Any, logs: Any, function: str, slow: None
) -> None:
    group = f"/aws/lambda/{function.rpartition(':')[2]}"
    lambda_.invoke(FunctionName=function)
    clock.advance(AGES_S)
    eventually(lambda: logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"])
    lambda_.invoke(FunctionName=function)

    logs.delete_log_group(logGroupName=group)

    clock.advance(AGES_S)
    eventually(lambda: logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"])


@pytest.mark.usefixtures("slow")
def test_s4_a_deleted_name_is_not_free_at_once(s3: Any, name: str) -> None:
    s3.create_bucket(Bucket=name)
    clock.advance(AGES_S)
    eventually(_succeeds(lambda: s3.delete_bucket(Bucket=name)))

    code, text, status = error(s3.create_bucket, Bucket=name)

    assert (code, status) == ("OperationAborted", 409)
    assert text.startswith("A conflicting conditional operation is currently in progress")
    clock.advance(AGES_S)
    eventually(_succeeds(lambda: s3.create_bucket(Bucket=name)))


def test_s4_two_settings_of_a_bucket_at_once_conflict(aws: Aws, s3: Any, bucket: str) -> None:
    ended: list[str] = []
    block = {"BlockPublicAcls": True}

    def put() -> None:
        try:
            s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
            ended.append("done")
        except ClientError as failure:
            ended.append(failure.response["Error"]["Code"])

    with aws.state.changed(behave="aws", latency_scale=6.0, seed=7):
        threads = [threading.Thread(target=put) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(ended) == ["OperationAborted", "done"]


def test_i9_some_new_roles_are_not_to_be_seen_yet(aws: Aws, iam: Any, name: str) -> None:
    seen: list[bool] = []

    def some_are_and_one_is_not() -> bool:
        role = f"{name}-{len(seen)}"
        make_role(iam, role, EVERYTHING)
        seen.append(_succeeds(partial(iam.get_role, RoleName=role))())
        return len(set(seen)) == 2

    with aws.state.changed(behave="aws", latency_scale=0.0, seed=7):
        eventually(some_are_and_one_is_not, within_s=60.0)
        clock.advance(AGES_S)
        iam.get_role(RoleName=f"{name}-{seen.index(False)}")


def test_s5_some_new_buckets_are_not_to_be_seen_yet(aws: Aws, s3: Any, name: str) -> None:
    seen: list[bool] = []

    def some_are_and_one_is_not() -> bool:
        bucket = f"{name}-{len(seen)}"
        s3.create_bucket(Bucket=bucket)
        seen.append(_succeeds(partial(s3.list_objects_v2, Bucket=bucket))())
        return len(set(seen)) == 2

    with aws.state.changed(behave="aws", latency_scale=0.0, seed=7):
        eventually(some_are_and_one_is_not, within_s=60.0)
        clock.advance(AGES_S)
        s3.list_objects_v2(Bucket=f"{name}-{seen.index(False)}")


def test_s26_some_keys_fail_inside_a_success(aws: Aws, s3: Any, bucket: str) -> None:
    keys = [{"Key": str(number)} for number in range(1000)]

    with aws.state.changed(behave="aws", time_scale=0.0, seed=7):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})

    assert {e["Code"] for e in answer["Errors"]} == {"InternalError"}
    assert len(answer["Errors"]) + len(answer["Deleted"]) == 1000


def test_s27_s3_throttles_now_and_then(aws: Aws, s3: Any, bucket: str) -> None:
    with aws.state.changed(behave="aws", time_scale=0.0, seed=7):
        codes = (error(s3.get_object, Bucket=bucket, Key="absent")[0] for _ in range(5000))

        assert "SlowDown" in codes


def test_l6_two_updates_at_the_same_moment_conflict(aws: Aws, lambda_: Any, function: str) -> None:
    def update(text: str) -> str:
        try:
            lambda_.update_function_configuration(FunctionName=function, Description=text)
        except ClientError as failure:
            return str(failure.response["Error"]["Message"])
        return "done"

    with (
        aws.state.changed(behave="aws", time_scale=0.0001, latency_scale=30_000.0, seed=7),
        ThreadPoolExecutor(2) as pool,
    ):
        ended = set(pool.map(update, ("one", "two")))

    text = "The function could not be updated due to a concurrent update operation."
    assert ended == {"done", text}


def test_l17_statements_added_at_the_same_moment_get_lost(
    aws: Aws, lambda_: Any, function: str
) -> None:
    def add(number: int) -> None:
        lambda_.add_permission(
            FunctionName=function,
            StatementId=f"s{number}",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
        )

    with aws.state.changed(behave="aws", latency_scale=6.0, seed=7):
        threads = [threading.Thread(target=add, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    policy = json.loads(lambda_.get_policy(FunctionName=function)["Policy"])
    assert len(policy["Statement"]) == 1


def test_l27_the_control_plane_is_throttled_beyond_fifteen_writes_a_second(
    aws: Aws, lambda_: Any, function: str
) -> None:
    codes: list[str] = []

    def remove() -> None:
        codes.append(error(lambda_.remove_permission, FunctionName=function, StatementId="s")[0])

    with aws.state.changed(behave="aws", time_scale=1.0, seed=7):
        threads = [threading.Thread(target=remove) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert codes.count("TooManyRequestsException") > 0
    assert codes.count("ResourceNotFoundException") >= 15


def test_a_slow_value_does_not_undo_a_newer_one() -> None:
    history = History()
    history.add("old", 10.0)
    history.add("new", 5.0)

    seen = [history.now("none")]
    for _ in range(2):
        clock.advance(6.0)
        seen.append(history.now("none"))

    assert seen == ["none", "new", "new"]


def test_the_same_seed_draws_the_same_times() -> None:
    state = State(Settings(behave="aws", seed=3), Table())
    again = State(Settings(behave="aws", seed=3), Table())
    spread = aws_times.ROLE_ASSUMABLE

    drawn = [state.propagation.draw(state, spread) for _ in range(5)]

    assert drawn == [again.propagation.draw(again, spread) for _ in range(5)]
    assert len(set(drawn)) == 5


def test_times_are_scaled() -> None:
    whole = State(Settings(behave="aws", seed=3), Table())
    half = State(Settings(behave="aws", seed=3, time_scale=0.5), Table())
    spread = aws_times.FUNCTION_CREATED

    assert half.propagation.draw(half, spread) == whole.propagation.draw(whole, spread) / 2


def test_nothing_takes_time_unless_asked_for() -> None:
    state = State(Settings(), Table())

    assert Propagation().draw(state, aws_times.ROLE_ASSUMABLE) == 0.0


def _permit(lambda_: Any, function: str, bucket: str) -> None:
    lambda_.add_permission(
        FunctionName=function,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
        SourceAccount=ACCOUNT,
    )


def _notify(*, s3: Any, bucket: str, function: str) -> None:
    entry = {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [entry]}
    )

"""Faults that never pass, so that a client that only tries again is found out."""

from __future__ import annotations

from typing import Any

import pytest

from ops.local import faults
from ops.local.server import serve
from ops.local.state import Settings
from tests.local.conftest import ACCOUNT, ECHO, REGION, Aws, error, refused, zipped


def test_s3_a_taken_name_stays_taken(aws: Aws, s3: Any, name: str) -> None:
    with aws.state.changed(faults=frozenset({faults.BUCKET_NAMES_TAKEN})):
        code, text, status = error(s3.create_bucket, Bucket=name)
        head = error(s3.head_bucket, Bucket=name)

    assert (code, status) == ("BucketAlreadyExists", 409)
    assert text.startswith("The requested bucket name is not available.")
    assert head == ("403", "Forbidden", 403)


def test_s3_the_accounts_own_namespace_is_free(aws: Aws, s3: Any, name: str) -> None:
    own = f"{name}-{ACCOUNT}-{REGION}-an"

    with aws.state.changed(faults=frozenset({faults.BUCKET_NAMES_TAKEN})):
        s3.create_bucket(Bucket=own, BucketNamespace="account-regional")

        assert s3.head_bucket(Bucket=own)["BucketRegion"] == REGION


def test_s11_a_dead_foreign_target_fails_every_put(aws: Aws, s3: Any, name: str) -> None:
    with aws.state.changed(faults=frozenset({faults.DEAD_TARGET})):
        s3.create_bucket(Bucket=name)
    found = s3.get_bucket_notification_configuration(Bucket=name)
    found.pop("ResponseMetadata")

    answer = refused(
        s3.put_bucket_notification_configuration, Bucket=name, NotificationConfiguration=found
    )

    assert answer["Error"]["ArgumentName1"].endswith(":function:gone, null")


def test_a_denied_action_stays_denied(aws: Aws, iam: Any, name: str) -> None:
    with aws.state.changed(faults=frozenset({"deny:iam:CreateRole"})):
        code, text, status = error(iam.create_role, RoleName=name, AssumeRolePolicyDocument="{}")

    assert (code, status) == ("AccessDenied", 403)
    assert "is not authorized to perform: iam:CreateRole" in text
    assert "with an explicit deny" in text


def test_l1_a_function_may_never_become_active(
    aws: Aws, lambda_: Any, role: str, name: str
) -> None:
    with aws.state.changed(faults=frozenset({faults.STAYS_PENDING})):
        lambda_.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Role=role,
            Handler="code.handler",
            Code={"ZipFile": zipped({"code.py": ECHO})},
        )

    assert lambda_.get_function_configuration(FunctionName=name)["State"] == "Pending"
    assert "state: Pending" in error(lambda_.invoke, FunctionName=name)[1]


def test_s17_events_may_never_be_delivered(
    aws: Aws, s3: Any, lambda_: Any, bucket: str, function: str
) -> None:
    lambda_.add_permission(
        FunctionName=function,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
    )
    entry = {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [entry]}
    )
    heard: list[Any] = []
    later = aws.state.invocations.later
    aws.state.invocations.later = lambda *event: heard.append(event)
    try:
        with aws.state.changed(faults=frozenset({faults.EVENTS_UNDELIVERED})):
            s3.put_object(Bucket=bucket, Key="k", Body=b"")
        s3.put_object(Bucket=bucket, Key="k", Body=b"")
    finally:
        aws.state.invocations.later = later

    assert len(heard) == 1


def test_an_unknown_fault_is_refused_with_the_known_ones() -> None:
    with pytest.raises(faults.UnknownFaultError) as caught:
        faults.check({"no-such-fault"})

    assert caught.value.exit_code == 2
    assert faults.STAYS_PENDING in caught.value.fix


def test_a_second_server_in_one_process_is_refused(aws: Aws) -> None:
    with pytest.raises(Exception, match="already serves"), serve(Settings()):
        pass

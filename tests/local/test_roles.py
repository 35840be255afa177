"""Policies are enforced: what a missing permission does, and that adding it back heals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.local.conftest import ACCOUNT, REGION, Aws, allow, error, make_function, make_role

SOURCE = """
import boto3, os
s3, sns = boto3.client("s3"), boto3.client("sns")

def handler(event, context):
    what = event["do"]
    if what == "get":
        return s3.get_object(Bucket=os.environ["BUCKET"], Key=event["key"])["ETag"]
    if what == "put":
        return s3.put_object(Bucket=os.environ["BUCKET"], Key=event["key"], Body=b"x")["ETag"]
    return sns.publish(TopicArn=os.environ["TOPIC"], Message="m")["MessageId"]
"""
Invoke = Callable[..., dict[str, Any]]


@pytest.fixture
def role(iam: Any, name: str) -> str:
    return make_role(iam, name, [_statement("sqs:ListQueues", "*")])


@pytest.fixture
def function(s3: Any, lambda_: Any, role: str, bucket: str, topic: str) -> str:
    s3.put_object(Bucket=bucket, Key="in/there", Body=b"x")
    variables = {"BUCKET": bucket, "TOPIC": topic}
    return make_function(lambda_, role, SOURCE, Environment={"Variables": variables})


@pytest.fixture
def call(lambda_: Any, function: str) -> Invoke:
    def call(what: str, key: str = "") -> dict[str, Any]:
        payload = json.dumps({"do": what, "key": key})
        answer = lambda_.invoke(FunctionName=function, Payload=payload)
        return {"failed": "FunctionError" in answer, "says": json.load(answer["Payload"])}

    return call


def _statement(action: str | list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def _denial(role_name: str, function: str, action: str, resource: str) -> str:
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role_name}/{function.rpartition(':')[2]}"
    return (
        f"User: {session} is not authorized to perform: {action} on resource: {resource} because "
        f"no identity-based policy allows the {action} action"
    )


def test_without_get_object_reading_is_denied(
    iam: Any, call: Invoke, name: str, function: str, bucket: str
) -> None:
    answer = call("get", "in/there")

    text = _denial(name, function, "s3:GetObject", f'"arn:aws:s3:::{bucket}/in/there"')
    assert text in answer["says"]["errorMessage"]
    allow(iam, name, [_statement("s3:GetObject", f"arn:aws:s3:::{bucket}/in/*")])
    assert not call("get", "in/there")["failed"]


def test_s23_a_missing_object_is_hidden_from_who_may_not_list(
    iam: Any, call: Invoke, name: str, function: str, bucket: str
) -> None:
    allow(iam, name, [_statement("s3:GetObject", f"arn:aws:s3:::{bucket}/in/*")])

    answer = call("get", "in/gone")

    text = _denial(name, function, "s3:ListBucket", f'"arn:aws:s3:::{bucket}"')
    assert "(AccessDenied)" in answer["says"]["errorMessage"]
    assert text in answer["says"]["errorMessage"]


def test_s23_who_may_list_learns_that_it_is_gone(
    iam: Any, call: Invoke, name: str, bucket: str
) -> None:
    objects = _statement("s3:GetObject", f"arn:aws:s3:::{bucket}/in/*")
    allow(iam, name, [objects, _statement("s3:ListBucket", f"arn:aws:s3:::{bucket}")])

    answer = call("get", "in/gone")

    assert answer["says"]["errorType"] == "NoSuchKey"


def test_without_put_object_writing_is_denied(
    iam: Any, call: Invoke, name: str, function: str, bucket: str
) -> None:
    allow(iam, name, [_statement("s3:PutObject", f"arn:aws:s3:::{bucket}/out/*")])

    answer = call("put", "elsewhere/k")

    text = _denial(name, function, "s3:PutObject", f'"arn:aws:s3:::{bucket}/elsewhere/k"')
    assert text in answer["says"]["errorMessage"]
    assert not call("put", "out/k")["failed"]


def test_publishing_is_allowed_by_topic(
    iam: Any, call: Invoke, name: str, function: str, topic: str
) -> None:
    allow(iam, name, [_statement("sns:Publish", f"{topic}-another")])

    answer = call("publish")

    assert "(AuthorizationError)" in answer["says"]["errorMessage"]
    assert _denial(name, function, "SNS:Publish", topic) in answer["says"]["errorMessage"]
    allow(iam, name, [_statement("sns:Publish", topic)])
    assert not call("publish")["failed"]


def test_an_explicit_deny_beats_an_allow(iam: Any, call: Invoke, name: str, bucket: str) -> None:
    everything = _statement("*", "*")
    allow(iam, name, [everything, {**everything, "Effect": "Deny", "Action": "s3:GetObject"}])

    answer = call("get", "in/there")

    assert "with an explicit deny in an identity-based policy" in answer["says"]["errorMessage"]


def test_i6_without_logs_permissions_the_function_runs_and_nothing_is_logged(
    iam: Any, logs: Any, call: Invoke, name: str, function: str, topic: str
) -> None:
    allow(iam, name, [_statement("sns:Publish", topic)])
    group = f"/aws/lambda/{function.rpartition(':')[2]}"

    answer = call("publish")

    assert not answer["failed"]
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"
    actions = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    allow(iam, name, [_statement("sns:Publish", topic), _statement(actions, arn)])
    call("publish")
    assert logs.filter_log_events(logGroupName=group)["events"]


def test_g7_without_create_log_group_a_deleted_group_stays_away(
    iam: Any, logs: Any, call: Invoke, name: str, function: str, topic: str
) -> None:
    group = f"/aws/lambda/{function.rpartition(':')[2]}"
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"
    actions = ["logs:CreateLogStream", "logs:PutLogEvents"]
    allow(iam, name, [_statement("sns:Publish", topic), _statement(actions, arn)])

    call("publish")

    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_s26_a_denied_key_is_told_of_among_deleted_ones(
    aws: Aws, s3: Any, iam: Any, name: str, bucket: str
) -> None:
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    allowed = _statement("s3:DeleteObject", f"arn:aws:s3:::{bucket}/mine/*")
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    as_user = aws.client(
        "s3",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    for where in ("mine/k", "yours/k"):
        s3.put_object(Bucket=bucket, Key=where, Body=b"")

    with aws.state.changed(enforce_users=True):
        answer = as_user.delete_objects(
            Bucket=bucket, Delete={"Objects": [{"Key": "mine/k"}, {"Key": "yours/k"}]}
        )

    assert [entry["Key"] for entry in answer["Deleted"]] == ["mine/k"]
    assert [(e["Key"], e["Code"]) for e in answer["Errors"]] == [("yours/k", "AccessDenied")]
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["yours/k"]


def test_a_user_is_held_to_a_policy_when_that_is_asked_for(
    aws: Aws, iam: Any, name: str, bucket: str
) -> None:
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    keys = {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
    as_user = aws.client("s3", **keys)

    with aws.state.changed(enforce_users=True):
        code, text, status = error(as_user.list_objects_v2, Bucket=bucket)

    assert (code, status) == ("AccessDenied", 403)
    assert f"User: arn:aws:iam::{ACCOUNT}:user/{name} is not authorized" in text
    as_user.list_objects_v2(Bucket=bucket)


def test_a_users_condition_keys_count(aws: Aws, iam: Any, name: str) -> None:
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    statement = _statement(["sns:CreateTopic", "sns:TagResource"], "*")
    statement["Condition"] = {"StringEquals": {"aws:RequestTag/owner": "me"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    as_user = aws.client(
        "sns",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )

    with aws.state.changed(enforce_users=True):
        code, _, _ = error(as_user.create_topic, Name=f"{name}-untagged")
        made = as_user.create_topic(Name=name, Tags=[{"Key": "owner", "Value": "me"}])

    assert code == "AuthorizationError"
    assert made["TopicArn"].endswith(name)


def test_i17_a_role_is_not_passed_on_without_permission(
    aws: Aws, iam: Any, role: str, name: str
) -> None:
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    document = {"Version": "2012-10-17", "Statement": [_statement("lambda:*", "*")]}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    as_user = aws.client(
        "lambda",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )

    with aws.state.changed(enforce_users=True):
        code, text, status = error(make_function, lambda_=as_user, role=role)

    assert (code, status) == ("AccessDeniedException", 403)
    assert f"is not authorized to perform: iam:PassRole on resource: {role}" in text

"""What does not carry our tag is never changed nor deleted; what others put beside ours stays."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ops.local.server import LocalServer
from provision import engine, moving
from provision.errors import ForeignResourceError, StoredImagesError
from provision.pipeline import Pipeline
from provision.resources.role import POLICY_NAME, TRUST


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("lambda_function.py", "def lambda_handler(event, context): return 1\n")
    return buffer.getvalue()


def _foreign_role(p: Pipeline, name: str) -> str:
    role = p.aws.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    return role["Role"]["Arn"]


def _foreign_function(p: Pipeline) -> object:
    return p.aws.lambda_.create_function(
        FunctionName=p.names.function,
        Role=_foreign_role(p, f"other-{p.names.pipeline}"),
        Code={"ZipFile": _zip()},
        Handler="lambda_function.lambda_handler",
        Runtime="python3.12",
    )


def _foreign_log_group(p: Pipeline) -> object:
    _foreign_function(p)
    return p.aws.logs.create_log_group(logGroupName=p.names.log_group)


FOREIGN: dict[str, Callable[[Pipeline], object]] = {
    "input-bucket": lambda p: p.aws.s3.create_bucket(
        Bucket=p.input_bucket, BucketNamespace="account-regional"
    ),
    "output-bucket": lambda p: p.aws.s3.create_bucket(
        Bucket=p.output_bucket, BucketNamespace="account-regional"
    ),
    "topic": lambda p: p.aws.sns.create_topic(Name=p.names.topic),
    "role": lambda p: _foreign_role(p, p.names.role),
    "function": _foreign_function,
    "log-group": _foreign_log_group,
    "layer": lambda p: p.aws.lambda_.publish_layer_version(
        LayerName=p.names.layer, Content={"ZipFile": _zip()}
    ),
}


def _read_raw(p: Pipeline, name: str) -> Any:
    """What AWS says of a resource, apart from the moment it says so."""
    read: dict[str, Callable[[], Any]] = {
        "input-bucket": lambda: p.aws.s3.get_public_access_block(Bucket=p.input_bucket),
        "output-bucket": lambda: p.aws.s3.get_public_access_block(Bucket=p.output_bucket),
        "topic": lambda: p.aws.sns.list_tags_for_resource(ResourceArn=p.names.topic_arn),
        "role": lambda: p.aws.iam.get_role(RoleName=p.names.role)["Role"],
        "function": lambda: p.aws.lambda_.get_function_configuration(FunctionName=p.names.function),
        "log-group": lambda: p.aws.logs.list_tags_for_resource(resourceArn=p.names.log_group_arn),
        "layer": lambda: p.aws.lambda_.list_layer_versions(LayerName=p.names.layer),
    }
    return {k: v for k, v in read[name]().items() if k != "ResponseMetadata"}


@pytest.mark.parametrize("name", FOREIGN)
def test_up_and_down_leave_a_foreign_resource_alone(pipeline: Pipeline, name: str) -> None:
    FOREIGN[name](pipeline)
    before = _read_raw(pipeline, name)

    made = engine.up(pipeline.aws, pipeline.resources())
    gone = engine.down(pipeline.aws, pipeline.resources())

    assert isinstance(made.failures[name], ForeignResourceError)
    assert name not in gone.changes
    assert _read_raw(pipeline, name) == before


def test_down_leaves_the_subscribers_of_a_foreign_topic(
    pipeline: Pipeline, server: LocalServer
) -> None:
    arn = pipeline.aws.sns.create_topic(Name=pipeline.names.topic)["TopicArn"]
    pipeline.aws.sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="theirs@example.com")
    server.state.mailbox.confirm_address("theirs@example.com")

    gone = engine.down(pipeline.aws, pipeline.resources())

    assert gone.remaining == []
    listed = pipeline.aws.sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert [s["Endpoint"] for s in listed if s["SubscriptionArn"].startswith(arn)]


def test_down_leaves_the_policy_of_a_foreign_role(pipeline: Pipeline) -> None:
    iam, role = pipeline.aws.iam, pipeline.names.role
    engine.up(pipeline.aws, pipeline.resources())
    iam.delete_role_policy(RoleName=role, PolicyName=POLICY_NAME)
    iam.delete_role(RoleName=role)
    _foreign_role(pipeline, role)
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_role_policy(RoleName=role, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(policy))

    engine.down(pipeline.aws, pipeline.resources())

    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == [POLICY_NAME]


def test_a_log_group_with_tags_of_others_is_left_alone(pipeline: Pipeline) -> None:
    logs, group = pipeline.aws.logs, pipeline.names.log_group
    logs.create_log_group(logGroupName=group, tags={"team": "billing"})

    outcome = engine.up(pipeline.aws, pipeline.resources())
    engine.down(pipeline.aws, pipeline.resources())

    left = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert isinstance(outcome.failures["log-group"], ForeignResourceError)
    assert "retentionInDays" not in left[0]


def test_down_deletes_our_layer_below_a_foreign_version(pipeline: Pipeline) -> None:
    lambda_, layer = pipeline.aws.lambda_, pipeline.names.layer
    engine.up(pipeline.aws, pipeline.resources())
    foreign = lambda_.publish_layer_version(LayerName=layer, Content={"ZipFile": _zip()})

    engine.down(pipeline.aws, pipeline.resources())

    left = lambda_.list_layer_versions(LayerName=layer)["LayerVersions"]
    assert [version["Version"] for version in left] == [foreign["Version"]]


def test_down_leaves_the_destination_of_a_foreign_function(pipeline: Pipeline) -> None:
    _foreign_function(pipeline)
    pipeline.aws.lambda_.put_function_event_invoke_config(
        FunctionName=pipeline.names.function, MaximumRetryAttempts=1
    )

    engine.down(pipeline.aws, pipeline.resources())

    config = pipeline.aws.lambda_.get_function_event_invoke_config(
        FunctionName=pipeline.names.function
    )
    assert config["MaximumRetryAttempts"] == 1


def test_notifications_of_others_survive_up_and_down(pipeline: Pipeline) -> None:
    s3 = pipeline.aws.s3
    engine.up(pipeline.aws, pipeline.resources())
    mine: Any = s3.get_bucket_notification_configuration(Bucket=pipeline.input_bucket)
    theirs = {
        "Id": f"{pipeline.names.statement_id}-other",  # begins like ours
        "LambdaFunctionArn": pipeline.names.function_arn,
        "Events": ["s3:ObjectRemoved:*"],
    }
    configuration: Any = {
        "LambdaFunctionConfigurations": [*mine["LambdaFunctionConfigurations"], theirs],
        "EventBridgeConfiguration": {},
    }
    s3.put_bucket_notification_configuration(
        Bucket=pipeline.input_bucket, NotificationConfiguration=configuration
    )
    notification = next(r for r in pipeline.resources() if r.name == "notification")

    notification.delete()
    without = s3.get_bucket_notification_configuration(Bucket=pipeline.input_bucket)
    engine.up(pipeline.aws, pipeline.resources())
    healed = s3.get_bucket_notification_configuration(Bucket=pipeline.input_bucket)

    ids = [entry["Id"] for entry in without["LambdaFunctionConfigurations"]]
    assert ids == [theirs["Id"]]
    assert "EventBridgeConfiguration" in without
    assert len(healed["LambdaFunctionConfigurations"]) == 2
    assert "EventBridgeConfiguration" in healed


def test_policy_statements_of_others_survive(pipeline: Pipeline) -> None:
    s3 = pipeline.aws.s3
    engine.up(pipeline.aws, pipeline.resources())
    theirs = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": f"{pipeline.names.bucket_arn(pipeline.output_bucket)}/*",
    }
    s3.put_bucket_policy(
        Bucket=pipeline.output_bucket,
        Policy=json.dumps({"Version": "2012-10-17", "Statement": [theirs]}),
    )

    engine.up(pipeline.aws, pipeline.resources())

    policy = json.loads(s3.get_bucket_policy(Bucket=pipeline.output_bucket)["Policy"])
    assert [s["Sid"] for s in policy["Statement"]] == ["Theirs", "PipelineCtlTlsOnly"]


def test_an_overlapping_notification_is_named_before_anything_is_put(pipeline: Pipeline) -> None:
    other = replace(pipeline, names=replace(pipeline.names, pipeline=f"{pipeline.names.pipeline}b"))
    engine.up(pipeline.aws, pipeline.resources())
    shared = replace(other.settings, input_bucket=pipeline.input_bucket)

    outcome = engine.up(other.aws, replace(other, settings=shared).resources())

    assert pipeline.names.statement_id in outcome.failures["notification"].why
    assert engine.plan(pipeline.aws, pipeline.resources()).changes["notification"].action == "keep"


def test_a_users_own_buckets_are_adopted_and_stay(describe: Callable[..., Pipeline]) -> None:
    pipeline = describe(input_bucket="my-own-uploads", output_bucket="my-own-results")
    s3 = pipeline.aws.s3
    for bucket in ("my-own-uploads", "my-own-results"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="theirs", Body=b"1")

    made = engine.up(pipeline.aws, pipeline.resources())
    lifecycle_is_theirs = "NoSuchLifecycleConfiguration"
    with pytest.raises(s3.exceptions.ClientError, match=lifecycle_is_theirs):
        s3.get_bucket_lifecycle_configuration(Bucket="my-own-uploads")
    gone = engine.down(pipeline.aws, pipeline.resources())

    assert made.ok
    assert gone.ok
    assert gone.remaining == []
    assert s3.get_object(Bucket="my-own-results", Key="theirs")["Body"].read() == b"1"
    left = s3.get_bucket_notification_configuration(Bucket="my-own-uploads")
    assert "LambdaFunctionConfigurations" not in left


def test_a_named_bucket_that_is_absent_is_made_and_unmade(
    describe: Callable[..., Pipeline],
) -> None:
    pipeline = describe(input_bucket="brand-new-uploads")

    engine.up(pipeline.aws, pipeline.resources())
    engine.down(pipeline.aws, pipeline.resources())

    buckets = {b["Name"] for b in pipeline.aws.s3.list_buckets()["Buckets"]}
    assert "brand-new-uploads" not in buckets


def test_our_own_bucket_names_can_be_given_as_the_users(
    describe: Callable[..., Pipeline],
) -> None:
    ours = describe().names
    pipeline = describe(input_bucket=ours.bucket("input"), output_bucket=ours.bucket("output"))

    outcome = engine.up(pipeline.aws, pipeline.resources())

    assert outcome.ok


def test_down_deletes_keys_that_no_xml_can_carry(pipeline: Pipeline) -> None:
    engine.up(pipeline.aws, pipeline.resources())
    for key in ("large/\x01control.jpg", "large/plain.jpg"):
        pipeline.aws.s3.put_object(Bucket=pipeline.output_bucket, Key=key, Body=b"1")

    outcome = engine.down(pipeline.aws, pipeline.resources())

    assert outcome.ok
    assert outcome.remaining == []


def test_stored_images_are_not_deleted_unless_told_to(pipeline: Pipeline) -> None:
    engine.up(pipeline.aws, pipeline.resources())
    pipeline.aws.s3.put_object(Bucket=pipeline.output_bucket, Key="large/a.jpg", Body=b"1")
    careful = replace(pipeline, delete_data=False)

    outcome = engine.down(pipeline.aws, careful.resources())

    assert isinstance(outcome.failures["output-bucket"], StoredImagesError)
    kept = pipeline.aws.s3.get_object(Bucket=pipeline.output_bucket, Key="large/a.jpg")
    assert kept["Body"].read() == b"1"


def test_a_former_bucket_is_left_and_goes_when_it_is_empty(
    describe: Callable[..., Pipeline],
) -> None:
    before = describe(input_bucket="former-uploads", output_bucket="former-results")
    s3 = before.aws.s3
    engine.up(before.aws, before.resources())
    s3.put_object(Bucket="former-results", Key="large/a.jpg", Body=b"1")
    after = replace(
        before,
        settings=replace(before.settings, input_bucket="", output_bucket=""),
        former=before.settings,
    )

    after = moving.let_go(after)
    made = engine.up(after.aws, after.resources())

    buckets = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    assert made.ok
    assert after.left == ("former-results",)
    assert "former-uploads" not in buckets
    assert "former-results" in buckets

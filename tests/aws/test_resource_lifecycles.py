"""Each resource: absent, created, kept, drifted, repaired, deleted, deleted again.

A drift is made with boto3 behind the program's back, one for every field we own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ops.local import functions
from provision import engine, package
from provision.pipeline import Pipeline
from provision.resource import Resource, compare
from provision.resources.function import CODE_TAG
from provision.resources.role import POLICY_NAME

Drift = Callable[[Pipeline], object]


def _bucket(pipeline: Pipeline) -> dict[str, Any]:
    return {"Bucket": pipeline.input_bucket}


def _edit_notification(**changes: Any) -> Drift:
    def drift(pipeline: Pipeline) -> None:
        s3 = pipeline.aws.s3
        configuration: Any = s3.get_bucket_notification_configuration(**_bucket(pipeline))
        entry = configuration["LambdaFunctionConfigurations"][0]
        s3.put_bucket_notification_configuration(
            **_bucket(pipeline),
            NotificationConfiguration={"LambdaFunctionConfigurations": [{**entry, **changes}]},  # type: ignore[list-item]
        )

    return drift


def _reconfigure(**changes: Any) -> Drift:
    return lambda p: p.aws.lambda_.update_function_configuration(
        FunctionName=p.names.function, **changes
    )


def _demand_organisation(pipeline: Pipeline) -> None:
    """What AddPermission's PrincipalOrgID adds, which moto loses beside a SourceArn."""
    statement = functions.get(pipeline.names.function_arn).policy.statements[0]
    statement["Condition"]["StringEquals"]["aws:PrincipalOrgID"] = "o-1234567890"


def _reconfigure_events(**changes: Any) -> Drift:
    return lambda p: p.aws.lambda_.put_function_event_invoke_config(
        FunctionName=p.names.function,
        DestinationConfig={"OnFailure": {"Destination": p.names.topic_arn}},
        **changes,
    )


def _replace_permission(**changes: Any) -> Drift:
    def drift(pipeline: Pipeline) -> None:
        names, lambda_ = pipeline.names, pipeline.aws.lambda_
        lambda_.remove_permission(FunctionName=names.function, StatementId=names.statement_id)
        parameters = {
            "Action": "lambda:InvokeFunction",
            "Principal": "s3.amazonaws.com",
            "SourceArn": names.bucket_arn(pipeline.input_bucket),
            "SourceAccount": names.account,
            **changes,
        }
        lambda_.add_permission(
            FunctionName=names.function, StatementId=names.statement_id, **parameters
        )

    return drift


def _prefix(value: str) -> dict[str, Any]:
    return {"Key": {"FilterRules": [{"Name": "prefix", "Value": value}]}}


def _trust(service: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


_ALLOW_ALL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}
_KMS_RULE: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
_FOUR_OPEN: Any = dict.fromkeys(
    ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), False
)

DRIFTS: dict[tuple[str, str], Drift] = {
    ("input-bucket", "public_access"): lambda p: p.aws.s3.put_public_access_block(
        **_bucket(p), PublicAccessBlockConfiguration=_FOUR_OPEN
    ),
    ("input-bucket", "encryption"): lambda p: p.aws.s3.put_bucket_encryption(
        **_bucket(p), ServerSideEncryptionConfiguration={"Rules": [_KMS_RULE]}
    ),
    ("input-bucket", "ownership"): lambda p: p.aws.s3.put_bucket_ownership_controls(
        **_bucket(p), OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    ),
    ("input-bucket", "tls_only"): lambda p: p.aws.s3.delete_bucket_policy(**_bucket(p)),
    ("input-bucket", "unfinished_uploads_expire_days"): lambda p: p.aws.s3.delete_bucket_lifecycle(
        **_bucket(p)
    ),
    ("role", "trust"): lambda p: p.aws.iam.update_assume_role_policy(
        RoleName=p.names.role, PolicyDocument=_trust("ec2.amazonaws.com")
    ),
    ("role", "policy"): lambda p: p.aws.iam.put_role_policy(
        RoleName=p.names.role, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(_ALLOW_ALL)
    ),
    ("role", "other_policies"): lambda p: p.aws.iam.put_role_policy(
        RoleName=p.names.role, PolicyName="another", PolicyDocument=json.dumps(_ALLOW_ALL)
    ),
    ("log-group", "retention_days"): lambda p: p.aws.logs.delete_retention_policy(
        logGroupName=p.names.log_group
    ),
    ("log-group", "tags"): lambda p: p.aws.logs.untag_resource(
        resourceArn=p.names.log_group_arn, tagKeys=["pipeline-ctl:pipeline"]
    ),
    ("layer", "sha256"): lambda p: p.aws.lambda_.publish_layer_version(
        LayerName=p.names.layer,
        Description=f"pipeline-ctl:{p.names.pipeline} sha256:other",
        Content={"ZipFile": b"PK\x05\x06" + bytes(18)},
        CompatibleRuntimes=[p.settings.runtime],  # type: ignore[list-item]
        CompatibleArchitectures=["x86_64"],
    ),
    ("function", "runtime"): _reconfigure(Runtime="python3.13"),
    ("function", "handler"): _reconfigure(Handler="other.handler"),
    ("function", "memory_mb"): _reconfigure(MemorySize=1024),
    ("function", "timeout_s"): _reconfigure(Timeout=3),
    ("function", "layers"): _reconfigure(Layers=[]),
    ("function", "environment"): _reconfigure(Environment={"Variables": {"OUTPUT_BUCKET": "x"}}),
    ("function", "logging"): _reconfigure(LoggingConfig={"LogFormat": "Text"}),
    ("function", "code"): lambda p: p.aws.lambda_.update_function_code(
        FunctionName=p.names.function, ZipFile=b"PK\x05\x06" + bytes(18)
    ),
    ("function", "old_layer_versions"): lambda p: p.aws.lambda_.publish_layer_version(
        LayerName=p.names.layer,
        Description=f"pipeline-ctl:{p.names.pipeline} sha256:older",
        Content={"ZipFile": b"PK\x05\x06" + bytes(18)},
    ),
    ("function", "tags"): lambda p: p.aws.lambda_.tag_resource(
        Resource=p.names.function_arn, Tags={"pipeline-ctl:memory": "512"}
    ),
    ("permission", "source_arn"): _replace_permission(SourceArn="arn:aws:s3:::other"),
    ("permission", "source_account"): _replace_permission(SourceAccount="210987654321"),
    ("permission", "principal"): _replace_permission(Principal="sns.amazonaws.com"),
    ("permission", "action"): _replace_permission(Action="lambda:GetFunction"),
    ("on-failure", "destination"): lambda p: p.aws.lambda_.put_function_event_invoke_config(
        FunctionName=p.names.function, MaximumRetryAttempts=2
    ),
    ("permission", "other_conditions"): _demand_organisation,
    ("on-failure", "retries"): _reconfigure_events(MaximumRetryAttempts=0),
    ("on-failure", "event_age_s"): _reconfigure_events(MaximumEventAgeInSeconds=60),
    ("notification", "events"): _edit_notification(Events=["s3:ObjectCreated:Put"]),
    ("notification", "prefix"): _edit_notification(Filter=_prefix("incoming/")),
}


# What shows beside a drift because it really differs too.
ALSO = {"layer": ("function",), "function": ("layer",)}


def _resource(pipeline: Pipeline, name: str) -> Resource:
    return next(r for r in pipeline.resources() if r.name == name)


@pytest.mark.parametrize(("name", "field"), DRIFTS)
def test_drift_in_a_field_is_found_and_mended(standing: Pipeline, name: str, field: str) -> None:
    pipeline = standing

    DRIFTS[name, field](pipeline)
    changes = engine.plan(pipeline.aws, pipeline.resources()).changes
    mended = engine.up(pipeline.aws, pipeline.resources())
    after = engine.plan(pipeline.aws, pipeline.resources())

    assert field in {difference.field for difference in changes[name].differences}
    assert {c.resource for c in changes.values() if c.action != "keep"} <= {
        name,
        *ALSO.get(name, ()),
    }
    assert mended.ok
    assert {change.action for change in after.changes.values()} == {"keep"}


def test_a_rule_of_ours_that_deletes_images_is_mended(standing: Pipeline) -> None:
    s3, bucket = standing.aws.s3, _bucket(standing)
    rules: Any = s3.get_bucket_lifecycle_configuration(**bucket)["Rules"]
    rules[0]["Expiration"] = {"Days": 1}
    s3.put_bucket_lifecycle_configuration(**bucket, LifecycleConfiguration={"Rules": rules})

    changes = engine.up(standing.aws, standing.resources()).changes

    after: Any = s3.get_bucket_lifecycle_configuration(**bucket)["Rules"]
    assert changes["input-bucket"].action == "update"
    assert "Expiration" not in after[0]


def test_a_first_up_creates_everything_and_a_second_changes_nothing(pipeline: Pipeline) -> None:
    first = engine.up(pipeline.aws, pipeline.resources())
    second = engine.up(pipeline.aws, pipeline.resources())

    assert {change.action for change in first.changes.values()} == {"create"}
    assert {change.action for change in second.changes.values()} == {"keep"}


def test_down_leaves_nothing_and_may_be_run_again(pipeline: Pipeline) -> None:
    engine.up(pipeline.aws, pipeline.resources())

    first = engine.down(pipeline.aws, pipeline.resources())
    left = engine.present(pipeline.resources())
    second = engine.down(pipeline.aws, pipeline.resources())

    assert first.ok
    assert second.ok
    assert left == []
    assert second.changes == {}


@pytest.mark.parametrize(
    "name",
    [
        "input-bucket", "output-bucket", "topic", "subscriptions", "role", "log-group", "layer",
        "function", "permission", "on-failure", "notification",
    ],
)  # fmt: skip
def test_a_missing_resource_is_made_again(standing: Pipeline, name: str) -> None:
    pipeline = standing

    _resource(pipeline, name).delete()
    _resource(pipeline, name).delete()
    missing = _resource(pipeline, name).read()
    healed = engine.up(pipeline.aws, pipeline.resources())
    after = engine.plan(pipeline.aws, pipeline.resources())

    if name != "subscriptions":  # a pending one cannot be deleted (N4)
        assert missing is None
    assert healed.ok
    assert {change.action for change in after.changes.values()} == {"keep"}


def test_the_same_files_zipped_by_another_python_are_no_drift(pipeline: Pipeline) -> None:
    elsewhere = package.build_function("python3.9", pipeline.function_dir)
    engine.up(pipeline.aws, pipeline.resources())
    pipeline.aws.lambda_.update_function_code(
        FunctionName=pipeline.names.function, ZipFile=elsewhere.zip
    )
    mark = {CODE_TAG: f"{elsewhere.digest}:{elsewhere.code_sha256}"}
    pipeline.aws.lambda_.tag_resource(Resource=pipeline.names.function_arn, Tags=mark)

    changes = engine.plan(pipeline.aws, pipeline.resources()).changes

    assert changes["function"].action == "keep"


def test_a_plan_before_anything_exists_names_what_is_only_known_after(pipeline: Pipeline) -> None:
    plan = engine.plan(pipeline.aws, pipeline.resources())

    function = {d.field: d.desired for d in plan.changes["function"].differences}
    assert {change.action for change in plan.changes.values()} == {"create"}
    assert function["layers"] == ["(known after apply)"]
    assert function["memory_mb"] == 256


def test_fields_that_only_aws_has_are_no_drift() -> None:
    change = compare("thing", {"a": 1}, {"a": 1, "b": 2})

    assert change.action == "keep"

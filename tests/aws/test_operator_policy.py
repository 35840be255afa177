"""The policy that `policy` prints is enough for every command, and no action in it is idle."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from PIL import Image

from ops import reprocess, stored_images, trial
from ops.commands.ls import pipelines
from ops.doctor import facts
from ops.doctor.diagnosis import diagnose
from ops.local import actions, authorization
from ops.local.calls import Call, Refusal
from ops.local.server import LocalServer, serve
from ops.local.state import Settings as LocalSettings
from ops.local.state import State
from ops.local.table import Sheet
from ops.log_events import Reader
from ops.photos import open_photo
from provision import aws, engine, interpreter
from provision.aws import Aws
from provision.errors import AccessError
from provision.names import PIPELINE_TAG, Names
from provision.operator_policy import operator_policy
from provision.pipeline import Pipeline, recorded_settings
from provision.resources.role import TRUST
from provision.resources.subscriptions import list_subscriptions
from provision.spec import TAG_PREFIX, Settings

USER = "operator"


USED: set[str] = set()
_NOTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}],
}
rows = Sheet()


@rows.refuses("I17", "s3.*", "lambda.*", "iam.*", "sns.*", "logs.*", "cloudwatch.*")
def note_what_is_asked_for(state: State, call: Call) -> Refusal | None:
    """Remember every action that the operator's calls are checked for."""
    if authorization.identify(call).kind == "user":
        USED.update(action.lower() for action, _ in actions.needs(call))
        if call.action == "s3.GetObject":
            USED.add("s3:listbucket")  # or S3 would not say that an output is not there yet (S23)
    return None


@pytest.fixture(scope="module")
def strict() -> Iterator[LocalServer]:
    """A local AWS that holds users to their policies."""
    with serve(LocalSettings(enforce_users=True), rows=rows.rows) as running:
        yield running


@pytest.fixture(scope="module")
def root(strict: LocalServer) -> Aws:
    return aws.connect_local(strict.url, "us-east-1")


@pytest.fixture(scope="module")
def operator(root: Aws) -> Aws:
    root.iam.create_user(UserName=USER)
    key = root.iam.create_access_key(UserName=USER)["AccessKey"]
    session = boto3.Session(
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        region_name="us-east-1",
    )
    return Aws(session, endpoint_url=root.endpoint_url, local=True)


def _pipeline(connection: Aws, name: str, function_dir: Path, **changes: Any) -> Pipeline:
    local = Settings(runtime=interpreter.default_runtime())
    names = Names(name, "123456789012", "us-east-1")
    return Pipeline(
        connection,
        names,
        replace(local, **changes),
        local,
        add_emails=["me@example.com"],
        delete_data=True,
        function_dir=function_dir,
    )


def _confirm(root: Aws) -> None:
    request = urllib.request.Request(f"{root.endpoint_url}/_pipeline/confirm", data=b"{}")
    urllib.request.urlopen(request).close()


def _drift(root: Aws, pipeline: Pipeline) -> None:
    """Somebody else changes what `up` must be able to mend."""
    names, s3 = pipeline.names, root.s3
    s3.delete_public_access_block(Bucket=pipeline.input_bucket)
    s3.delete_bucket_encryption(Bucket=pipeline.input_bucket)
    s3.delete_bucket_ownership_controls(Bucket=pipeline.input_bucket)
    s3.delete_bucket_policy(Bucket=pipeline.input_bucket)
    s3.delete_bucket_lifecycle(Bucket=pipeline.input_bucket)
    trust = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Sid": "Other"}]}  # type: ignore[dict-item]
    root.iam.update_assume_role_policy(RoleName=names.role, PolicyDocument=json.dumps(trust))
    extra = root.iam.create_policy(PolicyName="extra", PolicyDocument=json.dumps(_NOTHING))
    root.iam.attach_role_policy(RoleName=names.role, PolicyArn=extra["Policy"]["Arn"])
    empty_zip = b"PK\x05\x06" + bytes(18)
    root.lambda_.update_function_code(FunctionName=names.function, ZipFile=empty_zip)
    root.lambda_.publish_layer_version(
        LayerName=names.layer,
        Description=f"pipeline-ctl:{names.pipeline} sha256:other",
        Content={"ZipFile": empty_zip},
    )
    root.logs.untag_resource(resourceArn=names.log_group_arn, tagKeys=[PIPELINE_TAG])
    root.lambda_.tag_resource(Resource=names.function_arn, Tags={f"{TAG_PREFIX}timeout": "9"})
    _confirm(root)


def _everything(root: Aws, pipeline: Pipeline, photo: Path) -> None:
    """What the commands do: up, mend, status, ls, test-upload, doctor, reprocess, logs, down."""
    connection = pipeline.aws
    recorded_settings(connection, pipeline.names.pipeline)
    _check(engine.up(connection, pipeline.resources()))
    _drift(root, pipeline)
    changed = replace(pipeline, settings=replace(pipeline.settings, memory=512, notify="none"))
    _check(engine.up(connection, changed.resources()))
    pipelines(connection)
    _check(engine.plan(connection, changed.resources()))
    list_subscriptions(connection, pipeline.names.topic_arn)
    sent = trial.run(changed, open_photo(photo), deadline_s=20, fresh=False, step=lambda _: None)
    if sent.error:
        raise sent.error
    diagnose(facts.read(changed))
    _reprocess(changed)
    trial.clean(changed, sent)
    Reader(connection, pipeline.names.log_group, 0).read()
    connection.s3.put_object(Bucket=pipeline.input_bucket, Key="uploads/rest.txt", Body=b"rest")
    _check(engine.up(connection, pipeline.resources()))  # and back to the defaults
    upload = connection.s3.create_multipart_upload(Bucket=pipeline.input_bucket, Key="uploads/part")
    assert upload["UploadId"]
    for bucket in changed.buckets():
        bucket.stored()
    _check(engine.down(connection, changed.resources()))


def _reprocess(pipeline: Pipeline) -> None:
    chosen = stored_images.candidates(pipeline, "", missing_only=False)
    runs = list(reprocess.run_all(pipeline, chosen, reprocess.concurrency(pipeline)))
    assert [run.outcome for run in runs] == ["processed"]
    loud = replace(pipeline, settings=replace(pipeline.settings, notify="all"))
    assert reprocess.mail_summary(loud, runs)


def _check(outcome: engine.Outcome) -> None:
    for error in outcome.failures.values():
        raise error


def _allow(root: Aws, document: dict[str, Any]) -> None:
    root.iam.put_user_policy(
        UserName=USER, PolicyName="operator", PolicyDocument=json.dumps(document)
    )


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "photo.jpg"
    Image.effect_noise((300, 200), 40).convert("RGB").save(path)
    return path


@pytest.fixture(scope="module")
def operated(root: Aws, operator: Aws, photo: Path, function_dir: Path) -> Pipeline:
    """A pipeline whose whole life passed under exactly the printed policy."""
    pipeline = _pipeline(operator, "enough", function_dir)
    _allow(root, operator_policy(pipeline.names, [pipeline.input_bucket, pipeline.output_bucket]))
    _everything(root, pipeline, photo)
    return pipeline


def test_every_command_works_under_exactly_the_printed_policy(
    operated: Pipeline, root: Aws
) -> None:
    seen_by_root = replace(operated, aws=root)

    assert engine.present(seen_by_root.resources()) == []


def test_no_action_of_the_policy_is_idle(operated: Pipeline) -> None:
    document = operator_policy(Names("any", "123456789012", "us-east-1"), ["in", "out"])
    granted = {a.lower() for s in document["Statement"] for a in s["Action"]}

    assert sorted(granted - USED) == []


def test_a_missing_permission_is_reported_by_its_name(
    root: Aws, operator: Aws, function_dir: Path
) -> None:
    pipeline = _pipeline(operator, "lacking", function_dir)
    document = operator_policy(pipeline.names, [pipeline.input_bucket, pipeline.output_bucket])
    for statement in document["Statement"]:
        statement["Action"] = [a for a in statement["Action"] if a != "sns:CreateTopic"]
    _allow(root, document)

    outcome = engine.up(operator, pipeline.resources())

    error = outcome.failures["topic"]
    assert isinstance(error, AccessError)
    assert "sns:createtopic" in error.why.lower()

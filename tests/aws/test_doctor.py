"""The doctor's matrix: each cause made behind a healthy pipeline's back is found, alone.

A cause is made with boto3, or by what AWS itself would answer, log or count. Where the remedy is a
command that can run here, it is run, and the doctor must then be silent.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import shlex
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from PIL import Image

from ops import cli
from ops.doctor import diagnosis, facts
from ops.doctor.finding import Finding
from ops.local.calls import Call, Refusal
from ops.local.server import LocalServer
from ops.local.state import State
from ops.local.table import Sheet
from provision import engine
from provision.pipeline import Pipeline
from provision.resources.role import POLICY_NAME

Capture = pytest.CaptureFixture[str]
REQUEST = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
NOT_DECODING = """
import boto3
def lambda_handler(event, context):
    entity = event["Records"][0]["s3"]
    boto3.client("s3").get_object(Bucket=entity["bucket"]["name"], Key=entity["object"]["key"])
"""


@dataclass
class Patient:
    """A healthy pipeline, the server it is on, and what to undo after the test."""

    pipeline: Pipeline
    server: LocalServer
    undo: ExitStack
    healthy: bool = False  # again, because a remedy was run and proved

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pipeline, name)

    def diagnose(self, **changed: Any) -> list[Finding]:
        return diagnosis.diagnose(replace(facts.read(self.pipeline), **changed))

    def add_rows(self, rows: Sheet) -> None:
        self.undo.enter_context(self.server.state.table.added(*rows.rows))


Inject = Callable[[Patient], object]


@pytest.fixture
def patient(made: Pipeline, server: LocalServer) -> Iterator[Patient]:
    with ExitStack() as undo:
        patient = Patient(made, server, undo)
        yield patient
    if not patient.healthy:
        assert engine.up(made.aws, made.resources()).ok
        made.aws.lambda_.delete_function_concurrency(FunctionName=made.names.function)
        server.state.mailbox.confirm_address(None)
    _empty_log(made)


def _empty_log(made: Pipeline) -> None:
    names, aws = made.names, made.aws
    for stream in aws.logs.describe_log_streams(logGroupName=names.log_group)["logStreams"]:
        aws.logs.delete_log_stream(
            logGroupName=names.log_group, logStreamName=stream["logStreamName"]
        )


def _allow_all_but(action: str) -> Inject:
    def inject(p: Patient) -> None:
        role = p.names.role
        policy = p.aws.iam.get_role_policy(RoleName=role, PolicyName=POLICY_NAME)["PolicyDocument"]
        for statement in policy["Statement"]:
            listed = statement["Action"]
            listed = [listed] if isinstance(listed, str) else listed
            statement["Action"] = [a for a in listed if a != action]
        policy["Statement"] = [s for s in policy["Statement"] if s["Action"]]
        p.aws.iam.put_role_policy(
            RoleName=role, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(policy)
        )

    return inject


def _reconfigure(**changes: Any) -> Inject:
    return lambda p: p.aws.lambda_.update_function_configuration(
        FunctionName=p.names.function, **changes
    )


def _deploy(source: str) -> Inject:
    def inject(p: Patient) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("lambda_function.py", source)
        p.aws.lambda_.update_function_code(
            FunctionName=p.names.function, ZipFile=content.getvalue()
        )

    return inject


def _upload_to_a_function_that_does_not_decode(p: Patient) -> None:
    _deploy(NOT_DECODING)(p)
    p.aws.s3.put_object(Bucket=p.input_bucket, Key="uploads/my photo, 1.jpg", Body=b"x")
    _await_log(p, "platform.report")


def _upload_that_another_policy_denies(p: Patient) -> None:
    s3, bucket = p.aws.s3, p.output_bucket
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    p.undo.callback(s3.put_bucket_policy, Bucket=bucket, Policy=before)
    deny = {
        "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }  # fmt: skip
    policy = json.loads(before)
    policy["Statement"].append(deny)
    text = (
        "An error occurred (AccessDenied) when calling the PutObject operation: User: x is not "
        f'authorized to perform: s3:PutObject on resource: "arn:aws:s3:::{bucket}/large/a.jpg" '
        "with an explicit deny in a resource-based policy"
    )
    _log(p, _line("ERROR", "failed", key="uploads/a.jpg", errorMessage=text), _report("success"))


def _await_log(p: Patient, word: str) -> None:
    def written() -> bool | None:
        events = p.aws.logs.filter_log_events(logGroupName=p.names.log_group)["events"]
        return True if any(word in event["message"] for event in events) else None

    p.aws.wait_until("log", written, why="the function to fail", deadline_s=20)


def _log(p: Patient, *lines: dict[str, Any], ms: int | None = None) -> None:
    """Write what Lambda or the function would have logged, in a stream of its own."""
    logs, group = p.aws.logs, p.names.log_group
    stream = f"stream-{next(_NUMBERS)}"
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    moment = ms or int(time.time() * 1000)
    events = [{"timestamp": moment, "message": json.dumps(line)} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


_NUMBERS = itertools.count()


def _line(level: str, message: str, request: str = REQUEST, **fields: Any) -> dict[str, Any]:
    return {"level": level, "message": message, "requestId": request, **fields}


def _report(status: str, error: str = "", memory: int = 90, attempt: int = 0) -> dict[str, Any]:
    metrics = {"durationMs": 1.0, "billedDurationMs": 1, "memorySizeMB": 256}
    record: dict[str, Any] = {
        "requestId": REQUEST, "status": status, "attempt": attempt,
        "metrics": {**metrics, "maxMemoryUsedMB": memory},
    }  # fmt: skip
    return {"type": "platform.report", "record": record | ({"errorType": error} if error else {})}


def _count(metric: str) -> Inject:
    def inject(p: Patient) -> None:
        dimensions = [{"Name": "FunctionName", "Value": p.names.function}]
        now = datetime.now(UTC)
        point = {"MetricName": metric, "Dimensions": dimensions, "Value": 3, "Timestamp": now}
        p.aws.cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=[point])
        p.undo.callback(_forget_metrics)

    return inject


def _forget_metrics() -> None:
    from moto.cloudwatch.models import cloudwatch_backends

    for regions in cloudwatch_backends.values():
        for backend in regions.values():
            backend.metric_data.clear()


def _notify(*entries: dict[str, Any]) -> Inject:
    def inject(p: Patient) -> None:
        named = [{**entry, "LambdaFunctionArn": _target(p, entry)} for entry in entries]
        p.aws.s3.put_bucket_notification_configuration(
            Bucket=p.input_bucket,
            SkipDestinationValidation=True,
            NotificationConfiguration={"LambdaFunctionConfigurations": named},
        )

    return inject


def _target(p: Patient, entry: dict[str, Any]) -> str:
    return str(entry.get("LambdaFunctionArn") or p.names.function_arn)


def _entry(prefix: str, **changes: Any) -> dict[str, Any]:
    return {
        "Id": "pipeline-ctl-made",
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
        **changes,
    }


def _permit(**changes: Any) -> Inject:
    def inject(p: Patient) -> None:
        names = p.names
        _remove_permission(p)
        parameters = {
            "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com",
            "SourceArn": names.bucket_arn(p.input_bucket), "SourceAccount": names.account,
        }  # fmt: skip
        p.aws.lambda_.add_permission(
            FunctionName=names.function, StatementId=names.statement_id, **parameters | changes
        )

    return inject


def _remove_permission(p: Patient) -> None:
    names = p.names
    p.aws.lambda_.remove_permission(FunctionName=names.function, StatementId=names.statement_id)


def _delete_role(p: Patient) -> None:
    iam, role = p.aws.iam, p.names.role
    iam.delete_role_policy(RoleName=role, PolicyName=POLICY_NAME)
    iam.delete_role(RoleName=role)


def _recreate_role(p: Patient) -> None:
    iam, role = p.aws.iam, p.names.role
    old = iam.get_role(RoleName=role)["Role"]
    policy = iam.get_role_policy(RoleName=role, PolicyName=POLICY_NAME)["PolicyDocument"]
    _delete_role(p)
    trust = json.dumps(old["AssumeRolePolicyDocument"])
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust, Tags=old["Tags"])
    iam.put_role_policy(RoleName=role, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(policy))


def _trust_ec2(p: Patient) -> None:
    trust = p.aws.iam.get_role(RoleName=p.names.role)["Role"]["AssumeRolePolicyDocument"]
    text = json.dumps(trust).replace("lambda.amazonaws.com", "ec2.amazonaws.com")
    p.aws.iam.update_assume_role_policy(RoleName=p.names.role, PolicyDocument=text)


def _state(**fields: str) -> Inject:
    """Let Lambda answer as after a change that failed, until the next change."""

    def inject(p: Patient) -> None:
        rows, shown = Sheet(), dict(fields)

        @rows.rewrites("L2", "lambda.GetFunctionConfiguration")
        def answer(state: State, call: Call, result: dict[str, Any]) -> None:
            result.update(shown)

        @rows.follows("L2", "lambda.UpdateFunctionConfiguration", "lambda.DeleteFunction")
        def recover(state: State, call: Call) -> None:
            shown.clear()

        p.add_rows(rows)

    return inject


def _publish_layer_for(**compatible: list[str]) -> Inject:
    def inject(p: Patient) -> None:
        lambda_, name = p.aws.lambda_, p.names.layer
        newest = lambda_.list_layer_versions(LayerName=name)["LayerVersions"][0]
        known = {
            key: newest[key]
            for key in ("Description", "CompatibleRuntimes", "CompatibleArchitectures")
        }
        made = lambda_.publish_layer_version(
            LayerName=name, Content={"ZipFile": b"PK\x05\x06" + bytes(18)}, **known | compatible
        )
        _reconfigure(Layers=[made["LayerVersionArn"]])(p)

    return inject


def _delete_bucket(direction: str) -> Inject:
    def inject(p: Patient) -> None:
        bucket = getattr(p.pipeline, f"{direction}_bucket")
        for item in p.aws.s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            p.aws.s3.delete_object(Bucket=bucket, Key=item["Key"])
        p.aws.s3.delete_bucket(Bucket=bucket)

    return inject


def _deny_publishing(p: Patient) -> None:
    topic = p.names.topic_arn
    attributes = p.aws.sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    policy = json.loads(attributes["Policy"])
    policy["Statement"].append(
        {"Sid": "no", "Effect": "Deny", "Principal": "*", "Action": "SNS:Publish",
         "Resource": topic}
    )  # fmt: skip
    p.aws.sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy)
    )


def _unsubscribe(p: Patient) -> None:
    listed = p.aws.sns.list_subscriptions_by_topic(TopicArn=p.names.topic_arn)["Subscriptions"]
    for subscription in listed:
        p.aws.sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])


def _subscribe_another(p: Patient) -> None:
    arn = p.aws.sns.subscribe(
        TopicArn=p.names.topic_arn, Protocol="email", Endpoint="new@example.com",
        ReturnSubscriptionArn=True,
    )["SubscriptionArn"]  # fmt: skip
    p.undo.callback(p.aws.sns.unsubscribe, SubscriptionArn=arn)
    p.undo.callback(p.server.state.mailbox.confirm_address, None)


def _loop(p: Patient) -> None:
    variables = {"OUTPUT_BUCKET": p.input_bucket, "SNS_TOPIC_ARN": p.names.topic_arn}
    _reconfigure(Environment={"Variables": variables})(p)
    _notify(_entry(""))(p)


def _reserve_nothing(p: Patient) -> None:
    p.aws.lambda_.put_function_concurrency(
        FunctionName=p.names.function, ReservedConcurrentExecutions=0
    )


def _give_up(p: Patient) -> None:
    for _ in range(3):
        fault = _line("ERROR", "failed", key="uploads/a.jpg", errorType="KeepsChangingError")
        _log(p, fault, _report("error", "KeepsChangingError"))


def _mail_often(p: Patient) -> None:
    ms = int(time.time()) * 1000
    lines = (_line("INFO", "processed", str(n), key=f"uploads/{n}.jpg") for n in range(12))
    _log(p, *lines, ms=ms)


CAUSES: dict[str, tuple[str, Inject]] = {
    "keys are not decoded": ("keys-not-decoded", _upload_to_a_function_that_does_not_decode),
    "a timeout": ("timeouts", lambda p: _log(p, _report("timeout", "Sandbox.Timedout"))),
    "a memory kill": (
        "memory-killed", lambda p: _log(p, _report("failure", "Runtime.ExitError", memory=256))
    ),
    "a subscription that is not confirmed": ("subscription-pending", _subscribe_another),
    "a subscription that expired or unsubscribed": ("subscription-gone", _unsubscribe),
    **{
        f"no permission to {action}": ("role-permission-missing", _allow_all_but(action))
        for action in (
            "s3:GetObject", "s3:PutObject", "sns:Publish",
            "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
        )
    },
    "no policy at all": (
        "role-permission-missing",
        lambda p: p.aws.iam.delete_role_policy(RoleName=p.names.role, PolicyName=POLICY_NAME),
    ),
    "another policy that denies": ("access-denied", _upload_that_another_policy_denies),
    "no notification": ("notification-missing", _notify()),
    "a notification for other keys": ("notification-altered", _notify(_entry("incoming/"))),
    "a notification for other events": (
        "notification-altered", _notify(_entry("uploads/", Events=["s3:ObjectCreated:Copy"]))
    ),
    "another's notification in the way": (
        "notification-overlap", _notify(_entry("uploads/a", Id="another's"))
    ),
    "a notification to a dead function": (
        "notification-dead-target",
        _notify(_entry("uploads/",
                       LambdaFunctionArn="arn:aws:lambda:us-east-1:123456789012:function:gone")),
    ),
    "another's notification to a dead function": (
        "notification-dead-target",
        _notify(_entry("uploads/"), _entry(
            "other/", Id="another's",
            LambdaFunctionArn="arn:aws:lambda:us-east-1:123456789012:function:gone",
        )),
    ),
    "no permission to invoke": ("permission-missing", _remove_permission),
    "a permission for a wrong account": (
        "permission-altered", _permit(SourceAccount="210987654321")
    ),
    "no role": ("role-missing", _delete_role),
    "a role that trusts something else": ("role-trust", _trust_ec2),
    "a role made again": ("role-recreated", _recreate_role),
    "no function": (
        "function-missing",
        lambda p: p.aws.lambda_.delete_function(FunctionName=p.names.function),
    ),
    "a function that is not active": (
        "function-not-active", _state(State="Inactive", StateReasonCode="Idle")
    ),
    "a function that could not be changed": (
        "function-failed",
        _state(LastUpdateStatus="Failed", LastUpdateStatusReasonCode="InternalError"),
    ),
    "a function that could not be made": (
        "function-failed", _state(State="Failed", StateReasonCode="InternalError")
    ),
    "a wrong handler": ("handler-wrong", _reconfigure(Handler="index.handler")),
    "a wrong runtime": ("runtime-wrong", _reconfigure(Runtime="python3.13")),
    "no layer": ("layer-missing", _reconfigure(Layers=[])),
    "a layer for another Python": (
        "layer-mismatch", _publish_layer_for(CompatibleRuntimes=["python3.13"])
    ),
    "a layer for another processor": (
        "layer-mismatch", _publish_layer_for(CompatibleArchitectures=["arm64"])
    ),
    "wrong environment variables": (
        "environment-wrong", _reconfigure(Environment={"Variables": {"OUTPUT_BUCKET": "x"}})
    ),
    "other code": ("code-altered", _deploy("def lambda_handler(event, context): pass")),
    "less memory than set": ("drift-function-memory-mb", _reconfigure(MemorySize=128)),
    "no on-failure destination": (
        "on-failure-missing",
        lambda p: p.aws.lambda_.delete_function_event_invoke_config(FunctionName=p.names.function),
    ),
    "no input bucket": ("input-bucket-missing", _delete_bucket("input")),
    "no output bucket": ("output-bucket-missing", _delete_bucket("output")),
    "no topic": ("topic-missing", lambda p: p.aws.sns.delete_topic(TopicArn=p.names.topic_arn)),
    "a topic that denies": ("topic-policy-denies", _deny_publishing),
    "reserved concurrency 0": ("concurrency-zero", _reserve_nothing),
    "throttling": ("throttled", _count("Throttles")),
    "events dropped, counted": ("events-dropped", _count("AsyncEventsDropped")),
    "events dropped, logged": ("events-dropped", _give_up),
    "no log group": (
        "log-group-missing",
        lambda p: p.aws.logs.delete_log_group(logGroupName=p.names.log_group),
    ),
    "a log kept for ever": (
        "log-retention",
        lambda p: p.aws.logs.delete_retention_policy(logGroupName=p.names.log_group),
    ),
    "input and output in a loop": ("loop", _loop),
    "too many mails": ("mail-rate", _mail_often),
}  # fmt: skip


@pytest.mark.parametrize("cause", CAUSES)
def test_a_cause_is_found_alone_and_its_remedy_mends_it(patient: Patient, cause: str) -> None:
    code, inject = CAUSES[cause]

    inject(patient)
    findings = patient.diagnose()
    assert [finding.code for finding in findings] == [code]
    assert findings[0].what
    assert findings[0].evidence

    began_ms = int(time.time() * 1000)
    mended = _mend(patient, findings[0])
    if mended:
        after = diagnosis.diagnose(facts.read(mended, since_ms=began_ms))
        assert [finding.code for finding in after] == []
        patient.healthy = mended == patient.pipeline


def _mend(p: Patient, finding: Finding) -> Pipeline | None:
    """Run what the finding says and return the pipeline after it; None when it cannot run here."""
    changed = {
        key: int(value) if value.isdigit() else value for key, value in (finding.up or {}).items()
    }
    after = replace(p.pipeline, settings=replace(p.settings, **changed))
    runnable = [_run(after, command) for command in finding.fix.split(" && ")]
    p.server.state.mailbox.confirm_address(None)
    return after if all(runnable) else None


def _run(pipeline: Pipeline, command: str) -> bool:
    if command.startswith("aws "):
        return _run_aws(pipeline, command)
    up = command.startswith("pipeline-ctl up")
    return up and engine.up(pipeline.aws, pipeline.resources()).ok


def _run_aws(pipeline: Pipeline, command: str) -> bool:
    """Run a command of the AWS CLI as the boto3 call that it stands for."""
    _, service, operation, *words = shlex.split(command)
    if operation in ("wait", "get-role") or service == "service-quotas":
        return False
    client = getattr(pipeline.aws, {"s3api": "s3", "lambda": "lambda_"}.get(service, service))
    shape = client.meta.service_model.operation_model(
        client.meta.method_to_api_mapping[operation.replace("-", "_")]
    ).input_shape
    members = {xform_name(name, "-"): name for name in shape.members}
    flags = iter(words)
    parameters: dict[str, Any] = {}
    for flag in (word.removeprefix("--") for word in flags):
        if flag == "skip-destination-validation":
            parameters[members[flag]] = True
        elif flag in members:
            value = next(flags)
            is_text = shape.members[members[flag]].type_name == "string"
            parameters[members[flag]] = value if is_text else json.loads(value)
        else:
            next(flags)
    getattr(client, operation.replace("-", "_"))(**parameters)
    return True


def test_a_healthy_pipeline_gets_no_word(patient: Patient) -> None:
    assert patient.diagnose() == []


def test_a_healthy_pipeline_that_works_gets_no_word(patient: Patient) -> None:
    _log(patient, _line("INFO", "processed", key="uploads/a.jpg"), _report("success"))

    assert patient.diagnose() == []


def test_a_runtime_is_called_deprecated_half_a_year_before(patient: Patient) -> None:
    known = facts.read(patient.pipeline)
    function = {**known.function, "Runtime": "python3.12"}
    now = datetime(2028, 5, 4, tzinfo=UTC)

    soon = diagnosis.diagnose(replace(known, function=function, now=now))
    early = diagnosis.diagnose(replace(known, function=function, now=now - timedelta(days=2)))

    assert [(f.code, f.up) for f in soon] == [("runtime-deprecated", {"runtime": "python3.14"})]
    assert early == []


def test_a_clock_that_is_wrong_is_found(patient: Patient) -> None:
    ahead = facts.read(patient.pipeline, clock=lambda: time.time() + 600)

    findings = diagnosis.diagnose(ahead)

    assert [finding.code for finding in findings] == ["clock-skew"]
    assert 595 < findings[0].evidence["seconds_ahead"] < 605


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
def test_an_endpoint_variable_that_points_elsewhere_is_found(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://localhost:4566")

    findings = patient.diagnose()

    assert [(f.code, f.fix) for f in findings] == [("endpoint-elsewhere", f"unset {name}")]


def test_an_endpoint_variable_that_points_here_is_no_finding(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", patient.server.url)

    assert patient.diagnose() == []


def test_a_foreign_function_of_the_same_name_is_found(patient: Patient) -> None:
    patient.aws.lambda_.untag_resource(
        Resource=patient.names.function_arn, TagKeys=["pipeline-ctl:pipeline"]
    )
    patient.undo.callback(
        patient.aws.lambda_.tag_resource,
        Resource=patient.names.function_arn, Tags={"pipeline-ctl:pipeline": "made"},
    )  # fmt: skip

    assert [finding.code for finding in patient.diagnose()] == ["foreign-resource"]


def test_a_denial_that_the_role_now_allows_is_history(patient: Patient) -> None:
    bucket = patient.output_bucket
    text = (
        f"User: x is not authorized to perform: s3:PutObject on resource: "
        f'"arn:aws:s3:::{bucket}/large/a.jpg" because no identity-based policy allows it'
    )

    _log(patient, _line("ERROR", "failed", errorMessage=text, key="uploads/a.jpg"))

    assert "access-denied" not in [finding.code for finding in patient.diagnose()]


def test_code_that_could_not_be_loaded_once_and_runs_now_is_history(patient: Patient) -> None:
    broken = "Runtime.ImportModuleError"
    now_ms = int(time.time() * 1000)
    _log(patient, _report("error", broken), ms=now_ms)
    before = patient.diagnose()

    ran = _report("success")
    ran["record"]["requestId"] = "11111111-e9f4-11e8-9739-2dfe598c3fcd"
    _log(patient, ran, ms=now_ms + 1)

    assert [finding.code for finding in before] == ["import-error"]
    assert patient.diagnose() == []


def _doctor(patient: Patient, capsys: Capture, *arguments: str) -> tuple[int, dict[str, Any]]:
    where = ["--endpoint-url", patient.server.url, "--name", patient.names.pipeline, "--json"]
    code = cli.run(["doctor", *arguments, *where])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("ExpiredToken", "The security token included in the request is expired",
         "credentials-expired"),
        ("InvalidClientTokenId", "The security token included in the request is invalid.",
         "credentials-invalid"),
        ("RequestTimeTooSkewed", "The difference between the request time and ours is too large",
         "clock-skew"),
    ],
)  # fmt: skip
def test_credentials_that_aws_refuses_are_a_finding_and_exit_code_4(
    patient: Patient, capsys: Capture, code: str, text: str, expected: str
) -> None:
    rows = Sheet()

    @rows.refuses("I1", "sts.GetCallerIdentity")
    def refuse(state: State, call: Call) -> Refusal:
        return Refusal(code, text, 403)

    patient.add_rows(rows)

    exit_code, envelope = _doctor(patient, capsys)

    assert exit_code == 4
    assert [f["code"] for f in envelope["data"]["findings"]] == [expected]


def test_the_command_is_silent_and_exits_with_0_when_all_is_well(
    patient: Patient, capsys: Capture
) -> None:
    code, envelope = _doctor(patient, capsys)

    assert (code, envelope["data"]["findings"]) == (0, [])


def test_fix_mends_what_up_can_mend_and_says_so(patient: Patient, capsys: Capture) -> None:
    _remove_permission(patient)
    _reserve_nothing(patient)

    before, _ = _doctor(patient, capsys)
    code, envelope = _doctor(patient, capsys, "--fix")

    assert (before, code) == (3, 3)
    assert envelope["data"]["fixed"] == ["permission-missing"]
    assert [f["code"] for f in envelope["data"]["findings"]] == ["concurrency-zero"]


def test_a_finding_has_the_fields_of_the_contract(patient: Patient, capsys: Capture) -> None:
    _remove_permission(patient)

    _, envelope = _doctor(patient, capsys)

    finding = envelope["data"]["findings"][0]
    assert set(finding) == {"code", "severity", "what", "why", "fix", "evidence"}
    assert re.fullmatch(r"pipeline-ctl up --name made --endpoint-url http://\S+", finding["fix"])


def test_a_pipeline_that_does_not_exist_is_one_finding(
    server: LocalServer, capsys: Capture
) -> None:
    code = cli.run(["doctor", "--json", "--endpoint-url", server.url, "--name", "nothing"])

    findings = json.loads(capsys.readouterr().out)["data"]["findings"]
    assert code == 3
    assert [finding["code"] for finding in findings] == ["no-pipeline"]


def _test_upload(p: Patient, path: Path, capsys: Capture, *arguments: str) -> dict[str, Any]:
    Image.effect_noise((320, 240), 60).convert("RGB").save(path)
    where = ["--endpoint-url", p.server.url, "--name", p.names.pipeline, "--json"]
    cli.run(["test-upload", str(path), *arguments, *where])
    envelope: dict[str, Any] = json.loads(capsys.readouterr().out)
    return envelope


def test_a_test_upload_that_starts_nothing_ends_with_the_doctors_finding(
    patient: Patient, tmp_path: Path, capsys: Capture
) -> None:
    _notify()(patient)

    envelope = _test_upload(patient, tmp_path / "a.jpg", capsys, "--wait", "2")

    assert envelope["exit_code"] == 1
    assert [f["code"] for f in envelope["data"]["findings"]] == ["notification-missing"]
    assert "does not tell the function of uploads" in envelope["errors"][0]["why"]
    assert "pipeline-ctl up --name made" in envelope["errors"][0]["fix"]


def test_a_test_upload_that_is_denied_ends_with_the_missing_permission(
    patient: Patient, tmp_path: Path, capsys: Capture
) -> None:
    _allow_all_but("s3:PutObject")(patient)

    envelope = _test_upload(patient, tmp_path / "a.jpg", capsys, "--wait", "5")

    assert [f["code"] for f in envelope["data"]["findings"]] == ["role-permission-missing"]
    assert envelope["data"]["findings"][0]["evidence"]["actions"] == ["s3:PutObject"]


def test_a_test_upload_that_works_has_no_findings(
    patient: Patient, tmp_path: Path, capsys: Capture
) -> None:
    envelope = _test_upload(patient, tmp_path / "a.jpg", capsys)

    assert (envelope["exit_code"], envelope["data"]["findings"]) == (0, [])

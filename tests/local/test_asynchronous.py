"""Events and retries: what reaches a function without anybody waiting (S18 to S22, L22, L23)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.local.conftest import ACCOUNT, Aws, eventually
from tests.local.recordings import assert_like, recorded

Deploy = Callable[..., str]
LAMBDA_EVENT = "TestS3NotificationsToLambda::test_create_object_put_via_dynamodb"
TO_SQS = "TestS3NotificationsToSQS"
FAILING = """
def handler(event, context):
    raise Exception("Test exception (this is intentional)")
"""


@pytest.fixture
def notified(s3: Any, sns: Any, topic: str, bucket: str) -> str:
    """A bucket that tells `topic` of everything, so that a test can read the records."""
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "s3.amazonaws.com"},
                "Action": "SNS:Publish",
                "Resource": topic,
            }
        ],
    }
    sns.set_topic_attributes(
        TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy)
    )
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "TopicConfigurations": [
                {"TopicArn": topic, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
            ]
        },
    )
    return bucket


@pytest.fixture
def records(aws: Aws, sns: Any, topic: str) -> Callable[[], list[dict[str, Any]]]:
    """Read the event records that reached the topic."""
    _subscribe(aws, sns, topic)

    def read() -> list[dict[str, Any]]:
        messages = [json.loads(body) for body in _mail_about(aws, topic)]
        return [record for message in messages for record in message.get("Records", [])]

    return read


def test_s21_a_record_has_every_field(
    s3: Any, records: Callable[[], list[dict[str, Any]]], notified: str
) -> None:
    s3.put_object(Bucket=notified, Key="k", Body=b"hello world")

    found = eventually(records)

    expected = _from_dynamodb(recorded("s3", LAMBDA_EVENT, "table_content"))
    expected["s3"]["object"]["eTag"] = "5eb63bbbe01eeed093cb22bb8f5acdc3"
    assert_like(found, [expected])


def test_s20_a_key_is_encoded_but_for_its_slashes(
    s3: Any, records: Callable[[], list[dict[str, Any]]], notified: str
) -> None:
    s3.put_object(Bucket=notified, Key="a/b @+ü.jpg", Body=b"x")

    found = eventually(records)

    assert found[0]["s3"]["object"]["key"] == "a/b+%40%2B%C3%BC.jpg"


def test_s22_a_multipart_upload_has_its_own_event(
    s3: Any, records: Callable[[], list[dict[str, Any]]], notified: str
) -> None:
    upload = s3.create_multipart_upload(Bucket=notified, Key="test-key")["UploadId"]
    whole = {"Bucket": notified, "Key": "test-key", "UploadId": upload}
    part = s3.upload_part(**whole, PartNumber=1, Body=b"x" * 6144)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**whole, MultipartUpload=parts)

    found = eventually(records)

    test = f"{TO_SQS}::test_object_created_complete_multipart_upload"
    expected = recorded("s3", test, "receive_messages", "messages")
    expected[0]["s3"]["object"]["eTag"] = found[0]["s3"]["object"]["eTag"]
    assert_like(found, expected)


def test_s21_a_deletion_has_no_size(
    s3: Any, records: Callable[[], list[dict[str, Any]]], notified: str
) -> None:
    s3.put_object(Bucket=notified, Key="k", Body=b"something")
    s3.delete_object(Bucket=notified, Key="k")

    found = eventually(lambda: len(records()) == 2 and records())

    test = f"{TO_SQS}::test_object_created_and_object_removed"
    expected = recorded("s3", test, "receive_messages", "messages")
    assert_like(found[1:], expected[2:])


def test_s10_nothing_is_delivered_once_the_permission_is_gone(
    aws: Aws, s3: Any, lambda_: Any, bucket: str, function: str
) -> None:
    _notify_function(s3, lambda_, bucket, function)
    lambda_.remove_permission(FunctionName=function, StatementId="s3")
    before = aws.state.counts["undelivered_events"]

    s3.put_object(Bucket=bucket, Key="k", Body=b"")

    assert aws.state.counts["undelivered_events"] == before + 1


def test_s18_the_sequencer_grows_with_each_write(
    s3: Any, records: Callable[[], list[dict[str, Any]]], notified: str
) -> None:
    for body in (b"1", b"2"):
        s3.put_object(Bucket=notified, Key="k", Body=body)

    found = eventually(lambda: len(records()) == 2 and records())

    first, second = (record["s3"]["object"]["sequencer"] for record in found)
    assert first < second


def test_s19_a_topic_hears_that_it_is_configured(
    aws: Aws, sns: Any, topic: str, records: Any, notified: str
) -> None:
    events = [json.loads(body).get("Event") for body in _mail_about(aws, topic)]

    assert events == ["s3:TestEvent"]


def test_an_upload_runs_the_function(
    s3: Any, lambda_: Any, deploy: Deploy, bucket: str, name: str
) -> None:
    s3.create_bucket(Bucket=f"{name}-out")
    function = deploy(
        "import boto3, os\n"
        "def handler(event, context):\n"
        "    key = event['Records'][0]['s3']['object']['key']\n"
        "    boto3.client('s3').put_object(Bucket=os.environ['OUT'], Key=key, Body=b'done')\n",
        Environment={"Variables": {"OUT": f"{name}-out"}},
    )
    _notify_function(s3, lambda_, bucket, function)

    s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    eventually(lambda: s3.list_objects_v2(Bucket=f"{name}-out").get("Contents"))


def test_l23_the_destination_hears_of_exhausted_retries(
    aws: Aws, sns: Any, lambda_: Any, deploy: Deploy, topic: str
) -> None:
    function = deploy(FAILING)
    _subscribe(aws, sns, topic)
    lambda_.put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnFailure": {"Destination": topic}}
    )

    lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=b'{"raise_error": 1}')

    found = json.loads(eventually(lambda: _mail_about(aws, topic))[0])
    test = "TestLambdaDestinationSqs::test_lambda_destination_default_retries"
    message = recorded("lambda", test, "receive_message_result")["Messages"][0]
    assert_like(found, message["Body"], but=("stackTrace",))


def test_l22_retries_follow_the_configuration(
    aws: Aws, sns: Any, lambda_: Any, deploy: Deploy, topic: str
) -> None:
    function = deploy(FAILING)
    _subscribe(aws, sns, topic)
    lambda_.put_function_event_invoke_config(
        FunctionName=function,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": topic}},
    )

    lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")

    found = json.loads(eventually(lambda: _mail_about(aws, topic))[0])
    assert found["requestContext"]["approximateInvokeCount"] == 1


def test_l23_a_success_is_reported_where_it_is_wanted(
    aws: Aws, sns: Any, lambda_: Any, function: str, topic: str
) -> None:
    _subscribe(aws, sns, topic)
    lambda_.put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnSuccess": {"Destination": topic}}
    )

    lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")

    found = json.loads(eventually(lambda: _mail_about(aws, topic))[0])
    test = "TestLambdaDestinationSqs::test_assess_lambda_destination_invocation[Success-payload0]"
    message = recorded("lambda", test, "receive_message_result")["Messages"][0]
    assert_like(found, message["Body"] | {"responsePayload": {}})


def test_the_destination_needs_the_roles_permission(
    aws: Aws, sns: Any, iam: Any, lambda_: Any, deploy: Deploy, topic: str, name: str
) -> None:
    function = deploy(FAILING)
    lambda_.put_function_event_invoke_config(
        FunctionName=function,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": topic}},
    )
    iam.delete_role_policy(RoleName=name, PolicyName="main")
    before = aws.state.counts["undelivered_records"]

    lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")

    eventually(lambda: aws.state.counts["undelivered_records"] == before + 1)


def test_a_throttled_event_waits_until_there_is_room(aws: Aws, lambda_: Any, function: str) -> None:
    lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    before = aws.state.counts["invocations"]
    with aws.state.changed(time_scale=0.01):
        lambda_.invoke(FunctionName=function, InvocationType="Event", Payload=b"{}")
        eventually(lambda: aws.state.invocations.queued)

        lambda_.delete_function_concurrency(FunctionName=function)

        eventually(lambda: aws.state.counts["invocations"] == before + 1)


def test_l25_a_function_that_runs_itself_is_stopped(
    aws: Aws, s3: Any, lambda_: Any, deploy: Deploy, bucket: str
) -> None:
    function = deploy(
        "import boto3\n"
        "def handler(event, context):\n"
        "    bucket = event['Records'][0]['s3']['bucket']['name']\n"
        "    boto3.client('s3').put_object(Bucket=bucket, Key='again', Body=b'')\n"
    )
    _notify_function(s3, lambda_, bucket, function)
    before = aws.state.counts["invocations"]

    s3.put_object(Bucket=bucket, Key="first", Body=b"")

    eventually(lambda: aws.state.counts["recursions_stopped"])
    eventually(lambda: aws.state.counts["invocations"] - before == 16)


def _subscribe(aws: Aws, sns: Any, topic: str) -> None:
    address = "reader@example.com"
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=address)
    aws.state.mailbox.confirm_address(address)


def _mail_about(aws: Aws, topic: str) -> list[str]:
    """The bodies of the mails a topic sent."""
    mails = [m for m in aws.state.mailbox.messages() if m["kind"] == "notification"]
    return [m["body"] for m in mails if m["attributes"].get("TopicArn") == topic]


def _notify_function(s3: Any, lambda_: Any, bucket: str, function: str) -> None:
    lambda_.add_permission(
        FunctionName=function,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
        SourceAccount=ACCOUNT,
    )
    entry = {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [entry]}
    )


def _from_dynamodb(value: dict[str, Any]) -> Any:
    """The recording went through a table, whose types are unwrapped here."""
    kind, inner = next(iter(value.items()))
    if kind == "M":
        return {name: _from_dynamodb(item) for name, item in inner.items()}
    return int(inner) if kind == "N" else inner

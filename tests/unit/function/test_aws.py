"""The calls as they leave the function, and what it makes of the answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from typing import Any
from urllib.parse import parse_qs

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError

import aws

TOPIC = "arn:aws:sns:eu-west-1:123456789012:image-pipeline"
KEYS = {
    "AWS_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "ACCESSKEY",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
}
SLOW_DOWN = (
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
THROTTLED = (
    b'<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type>'
    b"<Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
)
ODD_NAMES = ("a b+c%&=?#.jpg", "ünï/日本🦆.png", "../..//x.jpg", "a\nb\x7f;@,~!*'().jpg")


@dataclass
class Request:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    """Answers with what is in `answers`, then with an empty success.

    With `lost_bytes` the connection breaks off that much before the promised end.
    """

    url: str = ""
    lost_bytes: int = 0
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    scripted = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, self.rfile.read(length))
            scripted.requests.append(request)
            status, body = scripted.answers.pop(0) if scripted.answers else (200, b"")
            self.send_response(status)
            self.send_header("ETag", '"etag"')
            self.send_header("Content-Length", str(len(body) + scripted.lost_bytes))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = scripted.lost_bytes > 0

        do_GET = do_PUT = do_POST = answer  # noqa: N815 - named by the library

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    threading.Thread(target=http.serve_forever, daemon=True).start()
    scripted.url = f"http://127.0.0.1:{http.server_port}"
    yield scripted
    http.shutdown()
    http.server_close()


@pytest.fixture
def services(server: Server, monkeypatch: pytest.MonkeyPatch) -> tuple[aws.S3, aws.Sns]:
    monkeypatch.setattr("random.random", lambda: 0.0)  # so that a retry comes at once
    return aws.connect(KEYS | {"AWS_ENDPOINT_URL": server.url}, "aws", aws.Patience())


def theirs(service: Any, server: Server) -> Any:
    """A client of boto3 that speaks to the same server."""
    return boto3.client(
        service,
        endpoint_url=server.url,
        region_name="eu-west-1",
        aws_access_key_id="ACCESSKEY",
        aws_secret_access_key="secret",
        aws_session_token="token",
    )


def test_a_body_is_sent_without_waiting_for_the_head_to_arrive(
    services: tuple[aws.S3, aws.Sns],
) -> None:
    took_s = []
    for number in range(30):
        began = time.monotonic()
        services[0].put_object("bucket", f"{number}", b"body", "image/jpeg", {})
        took_s.append(time.monotonic() - began)

    assert median(took_s) < 0.03  # a delayed acknowledgement takes 0.04


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_object_has_the_address_that_boto3_gives_it(
    server: Server, services: tuple[aws.S3, aws.Sns], name: str
) -> None:
    services[0].get_object("photos", f"uploads/{name}").body.close()
    theirs("s3", server).get_object(Bucket="photos", Key=f"uploads/{name}")

    ours, expected = server.requests
    assert ours.path == expected.path


def test_a_picture_is_put_with_its_type_and_marks(
    server: Server, services: tuple[aws.S3, aws.Sns]
) -> None:
    services[0].put_object("out", "large/a.jpg", b"pixels", "image/jpeg", {"settings": "abc"})

    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("PUT", "/out/large/a.jpg", b"pixels")
    assert request.headers["content-type"] == "image/jpeg"
    assert request.headers["x-amz-meta-settings"] == "abc"


def test_every_call_is_signed_for_its_service_and_region(
    server: Server, services: tuple[aws.S3, aws.Sns]
) -> None:
    s3, sns = services

    s3.put_object("out", "large/a.jpg", b"pixels", "image/jpeg", {})
    sns.publish(TOPIC, "Subject", "{}", {})

    scopes = [request.headers["authorization"].split("/", 1)[1] for request in server.requests]
    assert scopes[0].split("/")[1:3] == ["eu-west-1", "s3"]
    assert scopes[1].split("/")[1:3] == ["eu-west-1", "sns"]
    assert all(request.headers["x-amz-security-token"] == "token" for request in server.requests)


def test_a_message_is_published_as_boto3_would(
    server: Server, services: tuple[aws.S3, aws.Sns]
) -> None:
    services[1].publish(TOPIC, "Ünï & more", '{"default": "a\\nb"}', {"status": "processed"})
    server.answers = [(200, b"<PublishResponse><PublishResult/></PublishResponse>")]
    theirs("sns", server).publish(
        TopicArn=TOPIC,
        Subject="Ünï & more",
        MessageStructure="json",
        Message='{"default": "a\\nb"}',
        MessageAttributes={"status": {"DataType": "String", "StringValue": "processed"}},
    )

    ours, expected = server.requests
    assert parse_qs(ours.body.decode()) == parse_qs(expected.body.decode())


def test_what_passes_is_tried_again(server: Server, services: tuple[aws.S3, aws.Sns]) -> None:
    server.answers = [(503, SLOW_DOWN), (500, b""), (200, b"pixels")]

    found = services[0].get_object("photos", "uploads/a.jpg")

    assert (found.body.read(), found.size_bytes, found.etag) == (b"pixels", 6, '"etag"')


def test_throttling_is_tried_again_and_then_told(
    server: Server, services: tuple[aws.S3, aws.Sns]
) -> None:
    server.answers = [(400, THROTTLED)] * 9

    with pytest.raises(ClientError, match=r"Throttling.*Publish operation: Rate exceeded"):
        services[1].publish(TOPIC, "Subject", "{}", {})

    assert len(server.requests) == aws.ATTEMPTS


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, b"<Error><Code>AccessDenied</Code><Message>no</Message></Error>", "AccessDenied"),
        (304, b"", "304"),
        (400, b"<html>busy", "400"),
    ],
)
def test_a_refusal_is_not_tried_again(
    server: Server, services: tuple[aws.S3, aws.Sns], status: int, body: bytes, code: str
) -> None:
    server.answers = [(status, body)]

    with pytest.raises(ClientError) as refused:
        services[0].get_object("photos", "uploads/a.jpg", if_none_match='"etag"')

    assert refused.value.response["Error"]["Code"] == code
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    (request,) = server.requests
    assert request.headers["if-none-match"] == '"etag"'


def test_an_object_that_breaks_off_is_a_fault(
    server: Server, services: tuple[aws.S3, aws.Sns]
) -> None:
    server.answers, server.lost_bytes = [(200, b"pixels")], 4
    found = services[0].get_object("photos", "uploads/a.jpg")

    with pytest.raises(HTTPClientError):
        found.body.read()


def test_an_address_where_nobody_answers_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 0.0)
    s3, _ = aws.connect(KEYS | {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"}, "aws", aws.Patience())

    with pytest.raises(EndpointConnectionError):
        s3.get_object("photos", "uploads/a.jpg")


def test_a_call_within_an_invocation_carries_its_trace(
    server: Server, services: tuple[aws.S3, aws.Sns], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988;Lineage=a:0")

    services[0].get_object("photos", "uploads/a.jpg").body.close()

    assert server.requests[0].headers["x-amzn-trace-id"] == "Root=1-5759e988;Lineage=a:0"


@pytest.mark.parametrize(
    ("partition", "region", "bucket", "expected"),
    [
        ("aws", "us-east-1", "photos", "https://photos.s3.us-east-1.amazonaws.com/a%20b.jpg"),
        ("aws", "eu-west-1", "my.photos", "https://s3.eu-west-1.amazonaws.com/my.photos/a%20b.jpg"),
        (
            "aws-cn",
            "cn-north-1",
            "photos",
            "https://photos.s3.cn-north-1.amazonaws.com.cn/a%20b.jpg",
        ),
    ],
)
def test_on_aws_a_bucket_has_its_own_host(
    partition: str, region: str, bucket: str, expected: str
) -> None:
    s3, sns = aws.connect(KEYS | {"AWS_REGION": region}, partition, aws.Patience())

    assert s3._url(bucket, "a b.jpg") == expected
    assert sns.service.url.startswith(f"https://sns.{region}.amazonaws.com")

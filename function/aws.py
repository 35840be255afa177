"""The three calls that the function makes: GetObject, PutObject and Publish.

botocore signs and sends them, and they fail with its errors. Its clients could make them too, but
read the descriptions of all that S3 and SNS can do first, which takes half of a cold start and
20 MB of memory.
"""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.httpsession import URLLib3Session
from botocore.loaders import Loader
from botocore.response import StreamingBody

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 3, 10
ATTEMPTS = 4
_CONNECTIONS = 10
# Without it a body waits 40 ms for its head to be acknowledged; botocore's clients set it too.
_AT_ONCE: Any = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
# What may pass, as botocore's own standard retries have it.
_PASSING_STATUS = frozenset({429, 500, 502, 503, 504})
_PASSING_CODES = frozenset({"RequestTimeout", "Throttled", "Throttling", "ThrottlingException"})


class Object(NamedTuple):
    """What GetObject answers; `etag` has its quotes. The body must be closed."""

    body: StreamingBody
    size_bytes: int
    etag: str


class Credentials(NamedTuple):
    """The keys of the function's role, named as botocore's signers want them."""

    access_key: str
    secret_key: str
    token: str | None


@dataclass
class Patience:
    """Until when it makes sense to try again, by time.monotonic; set anew for each invocation."""

    ends: float = inf

    def lasts(self, seconds: float) -> bool:
        """Tell whether there is so much time left."""
        return time.monotonic() + seconds < self.ends


@dataclass(frozen=True)
class Service:
    """Where a service is, and how to reach it: calls are signed, and tried again as need be."""

    session: URLLib3Session
    signer: SigV4Auth
    url: str
    patience: Patience

    def call(
        self, operation: str, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> AWSResponse:
        """Return the answer, its body still to be read.

        Raises ClientError for what the service refuses, 304 included, and botocore's other errors
        for what the network does, once it was tried ATTEMPTS times or there is no time for more.
        """
        for attempt in range(1, ATTEMPTS + 1):
            pause_s = random.random() * 2 ** (attempt - 1)  # noqa: S311 - no secret
            try:
                answer = self._send(method, url, headers, body)
            except (NoConnectionError, HTTPClientError):
                if attempt == ATTEMPTS or not self.patience.lasts(pause_s + READ_TIMEOUT_S):
                    raise
            else:
                if answer.status_code < 300:
                    return answer
                error = _error(answer, operation)
                if attempt == ATTEMPTS or not _passes(error) or not self.patience.lasts(pause_s):
                    raise error
            time.sleep(pause_s)
        raise AssertionError("unreachable")

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> AWSResponse:
        request = AWSRequest(method, url, {**headers, **_trace()}, body, stream_output=True)
        self.signer.add_auth(request)
        return self.session.send(request.prepare())


@dataclass(frozen=True)
class S3:
    """Reads and writes objects."""

    service: Service
    own_hosts: bool  # whether each bucket has a host name of its own

    def get_object(self, bucket: str, key: str, if_none_match: str = "") -> Object:
        """Return an object; with `if_none_match`, a ClientError of status 304 when it has it."""
        headers = {"If-None-Match": if_none_match} if if_none_match else {}
        answer = self.service.call("GetObject", "GET", self._url(bucket, key), headers)
        size = int(answer.headers["Content-Length"])
        return Object(StreamingBody(answer.raw, size), size, answer.headers["ETag"])

    def put_object(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: Mapping[str, str]
    ) -> None:
        """Write an object; its signature is S3's proof that it arrived as it was sent."""
        marks = {f"x-amz-meta-{name}": value for name, value in metadata.items()}
        headers = {"Content-Type": content_type, **marks}
        _finish(self.service.call("PutObject", "PUT", self._url(bucket, key), headers, body))

    def _url(self, bucket: str, key: str) -> str:
        path = quote(key, safe="/~")
        if self.own_hosts and "." not in bucket:  # whose certificate covers no dots
            return self.service.url.replace("://", f"://{bucket}.", 1) + f"/{path}"
        return f"{self.service.url}/{bucket}/{path}"


@dataclass(frozen=True)
class Sns:
    """Publishes to topics."""

    service: Service

    def publish(
        self, topic_arn: str, subject: str, message: str, attributes: Mapping[str, str]
    ) -> None:
        """Publish a message that has a text a protocol, with attributes for filters."""
        form = {
            "Action": "Publish",
            "Version": "2010-03-31",
            "TopicArn": topic_arn,
            "Subject": subject,
            "MessageStructure": "json",
            "Message": message,
        }
        for number, (name, value) in enumerate(attributes.items(), 1):
            entry = f"MessageAttributes.entry.{number}"
            form |= {f"{entry}.Name": name, f"{entry}.Value.DataType": "String"}
            form[f"{entry}.Value.StringValue"] = value
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        body = urlencode(form).encode()
        _finish(self.service.call("Publish", "POST", f"{self.service.url}/", headers, body))


def connect(environment: Mapping[str, str], partition: str, patience: Patience) -> tuple[S3, Sns]:
    """Return both services of the function's region; nothing is sent yet.

    AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL_SNS lead elsewhere.
    """
    region = environment.get("AWS_REGION") or environment["AWS_DEFAULT_REGION"]
    credentials = Credentials(
        environment["AWS_ACCESS_KEY_ID"],
        environment["AWS_SECRET_ACCESS_KEY"],
        environment.get("AWS_SESSION_TOKEN"),
    )
    session = URLLib3Session(
        timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),  # type: ignore[arg-type] # as its clients do
        max_pool_connections=_CONNECTIONS,
        socket_options=_AT_ONCE,
    )

    def service(name: str, signer: type[SigV4Auth]) -> Service:
        elsewhere = _elsewhere(environment, name)
        url = elsewhere or f"https://{name}.{region}.{_dns_suffix(partition)}"
        signs: Any = signer  # asks for botocore's own credentials, whose import takes long
        return Service(session, signs(credentials, name, region), url, patience)

    own_hosts = not _elsewhere(environment, "s3")
    return S3(service("s3", S3SigV4Auth), own_hosts), Sns(service("sns", SigV4Auth))


def _elsewhere(environment: Mapping[str, str], name: str) -> str:
    url = environment.get(f"AWS_ENDPOINT_URL_{name.upper()}") or environment.get("AWS_ENDPOINT_URL")
    return (url or "").rstrip("/")


def _dns_suffix(partition: str) -> str:
    known: Any = Loader().load_data("partitions")
    return next(str(p["outputs"]["dnsSuffix"]) for p in known["partitions"] if p["id"] == partition)


def _trace() -> dict[str, str]:
    """Return the header by which Lambda notices that a function feeds itself (L25)."""
    trace = os.environ.get("_X_AMZN_TRACE_ID")
    return {"X-Amzn-Trace-Id": quote(trace, safe="-=;:+&[]{}\"',")} if trace else {}


def _finish(answer: AWSResponse) -> None:
    """Read an answer that says no more than its status, and let its connection be used again."""
    answer.raw.drain_conn()


def _error(answer: AWSResponse, operation: str) -> ClientError:
    status = answer.status_code
    code, message = str(status), ""
    try:
        root = ElementTree.fromstring(answer.content)  # noqa: S314 - AWS wrote it
        code = root.findtext(".//{*}Code") or code
        message = root.findtext(".//{*}Message") or ""
    except ElementTree.ParseError:
        pass  # a 304, or whatever a busy front end says
    described: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(described, operation)


def _passes(error: ClientError) -> bool:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status in _PASSING_STATUS or error.response["Error"]["Code"] in _PASSING_CODES

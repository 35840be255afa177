"""S3 and SNS as far as the function calls them, a bench to run it on, and pictures to feed it."""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar
from urllib.parse import quote_plus

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from PIL import Image

from aws import Object
from body import Body
from deadline import Deadline
from mail import Mailbox
from processing import Pipeline
from settings import DEFAULT_SIZES, Settings
from storage import Storage

P = ParamSpec("P")
T = TypeVar("T")

PHOTOS = Path(__file__).parents[4] / "shared" / "photos"
INPUT, OUTPUT = "photos-in", "photos-out"
PLENTY = Deadline(lambda: 30_000)
TOPIC = "arn:aws:sns:eu-central-1:123456789012:image-pipeline"


def client_error(operation: str, status: int, code: str, message: str = "") -> ClientError:
    """Return an error as botocore raises it."""
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)


@dataclass
class Stored:
    """An object of the fake S3."""

    body: bytes
    etag: str
    content_type: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


class FakeS3:
    """Keeps objects in a dict; `before_get` and `before_put` let a test act in between."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Stored] = {}
        self.before_get: Callable[[str], None] = lambda key: None
        self.before_put: Callable[[str], None] = lambda key: None
        self.bytes_read = 0

    def upload(self, key: str, body: bytes) -> str:
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        self.objects[INPUT, key] = Stored(body, etag)
        return etag

    def get_object(self, bucket: str, key: str, if_none_match: str = "") -> Object:
        self.before_get(key)
        stored = self.objects.get((bucket, key))
        if stored is None:
            text = "User: arn:aws:sts::1:x is not authorized to perform: s3:ListBucket on resource"
            raise client_error("GetObject", 403, "AccessDenied", text)
        if if_none_match == stored.etag:
            raise client_error("GetObject", 304, "304", "Not Modified")
        self.bytes_read += len(stored.body)
        size = len(stored.body)
        return Object(StreamingBody(io.BytesIO(stored.body), size), size, stored.etag)

    def put_object(
        self, bucket: str, key: str, body: bytes, content_type: str, metadata: dict[str, str]
    ) -> None:
        self.before_put(key)
        self.objects[bucket, key] = Stored(body, "", content_type, metadata)

    def outputs(self) -> dict[str, Stored]:
        return {key: stored for (bucket, key), stored in self.objects.items() if bucket == OUTPUT}


@dataclass
class Message:
    """A message of the fake SNS."""

    subject: str
    texts: dict[str, str]
    attributes: dict[str, str]


class FakeSNS:
    """Keeps what was published; `before_publish` may raise."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.before_publish: Callable[[], None] = lambda: None

    def publish(
        self, topic_arn: str, subject: str, message: str, attributes: dict[str, str]
    ) -> None:
        assert topic_arn == TOPIC
        self.before_publish()
        self.messages.append(Message(subject, json.loads(message), attributes))

    def texts(self) -> list[str]:
        return [message.texts["default"] for message in self.messages]


class InlineExecutor(Executor):
    """Runs at once, so that a test meets no threads."""

    def submit(self, call: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(call(*arguments, **named))
        except Exception as error:
            future.set_exception(error)
        return future


class Bench:
    """The pipeline between a fake S3 and a fake SNS."""

    def __init__(self, executor: Executor | None = None, **environment: str) -> None:
        self.s3, self.sns = FakeS3(), FakeSNS()
        variables = {"OUTPUT_BUCKET": OUTPUT, "SNS_TOPIC_ARN": TOPIC, "SIZES": DEFAULT_SIZES}
        self.settings = Settings.from_environment(variables | environment)
        s3: Any = self.s3
        sns: Any = self.sns
        self.pipeline = Pipeline(
            settings=self.settings,
            storage=Storage(s3, OUTPUT),
            mailbox=Mailbox(sns, TOPIC),
            executor=executor or InlineExecutor(),
        )

    def deliver(self, *keys: str) -> None:
        self.handle({"Records": [record(key) for key in keys]})

    def handle(self, event: dict[str, Any]) -> None:
        self.pipeline.handle(event, PLENTY)

    def process(self, body: bytes, key: str = "uploads/photo.jpg") -> dict[str, Stored]:
        self.s3.upload(key, body)
        self.deliver(key)
        return self.s3.outputs()


def record(key: str, size: int = 1000) -> dict[str, Any]:
    """Return one record of an S3 event; the key is encoded as S3 does it (S20)."""
    encoded = quote_plus(key, safe="/")
    return {"s3": {"bucket": {"name": INPUT}, "object": {"key": encoded, "size": size}}}


def picture(mode: str = "RGB", size: tuple[int, int] = (1600, 1200)) -> Image.Image:
    """Return a picture with gradients in its channels and a dark block at the top left."""
    width, height = size
    across = Image.linear_gradient("L").rotate(90).resize(size)
    down = Image.linear_gradient("L").resize(size)
    image = Image.merge("RGB", (across, down, Image.new("L", size, 96)))
    image.paste((10, 20, 30), (0, 0, width // 3, height // 4))
    return image.convert(mode)


def encoded(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:  # noqa: A002
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def body(data: bytes, deadline: Deadline = PLENTY) -> Body:
    return Body(io.BytesIO(data), len(data), deadline)


def opened(stored: Stored) -> Image.Image:
    image = Image.open(io.BytesIO(stored.body))
    image.load()
    return image


def logged(caplog: pytest.LogCaptureFixture) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each line of the function's log as its message and fields."""
    for entry in caplog.records:
        if entry.name == "image-pipeline":
            message, _, text = entry.getMessage().partition(" ")
            assert entry.levelno >= logging.INFO
            yield message, json.loads(text)

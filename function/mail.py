"""The messages to the topic: text for people, JSON for programs, attributes for their filters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aws import Sns
from refusals import Refused
from report import OutputFacts, Processed, set_aside_fields
from uploads import Upload

# SNS takes subjects under 100 characters (N7). Forty of them leave room for our words, even where
# one character counts as two.
MAX_NAME = 40
_CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}
_PROGRAMS = ("sqs", "lambda", "http", "https")
_ATTRIBUTES = ("status", "bucket", "key", "code")


class Mailbox:
    """Publishes to one topic."""

    def __init__(self, sns: Sns, topic_arn: str) -> None:
        self._sns = sns
        self._topic_arn = topic_arn

    def processed(self, report: Processed, milliseconds: float, memory_mb: int | None) -> None:
        """Tell that the pictures are there."""
        measured = {"milliseconds": milliseconds, "max_memory_mb": memory_mb}
        self._publish(
            f"Image processed: {short_name(report.key)}",
            _processed_text(report, self._topic_arn, milliseconds, memory_mb),
            {"status": "processed", **report.fields(), **measured},
        )

    def refused(self, upload: Upload, refusal: Refused) -> None:
        """Tell that there will be no pictures, and why."""
        fields = set_aside_fields(upload, refusal.code, refusal.reason)
        self._publish(
            f"Image refused: {short_name(upload.key)}",
            _refused_text(upload, refusal),
            {"status": "refused", **fields},
        )

    def _publish(self, subject: str, text: str, data: Mapping[str, Any]) -> None:
        programs = dict.fromkeys(_PROGRAMS, json.dumps(data))
        message = json.dumps({"default": text, "email": text, **programs})
        attributes = {name: printable(data[name]) for name in _ATTRIBUTES if name in data}
        self._sns.publish(self._topic_arn, subject, message, attributes)


def printable(text: str) -> str:
    """Replace what would break a line, hide, or is no XML; all else may stand in a mail."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def short_name(key: str) -> str:
    """Return the last part of a key, short enough for a subject; its ending stays."""
    name = printable(key.rstrip("/").rsplit("/", 1)[-1])
    if len(name) <= MAX_NAME:
        return name
    return f"{name[: MAX_NAME - 13]}…{name[-12:]}"


def _processed_text(
    report: Processed, topic_arn: str, milliseconds: float, memory_mb: int | None
) -> str:
    source = report.source
    _, partition, _, region, *_ = topic_arn.split(":")
    console = f"https://{region}.{_CONSOLES.get(partition, 'console.aws.amazon.com')}"
    lines = [
        f"{printable(report.key)} was processed.",
        "",
        f"Original: {source.format.upper()}, {source.width} x {source.height}, "
        f"{_size(source.bytes)}",
    ]
    if source.truncated:
        lines += ["", "The file ends too early: the pictures may lack a part or be blurred."]
    for output in report.outputs:
        lines += ["", *_output_lines(output, report.output_bucket, region, console)]
    memory = f", {memory_mb} MB of memory at most" if memory_mb is not None else ""
    return "\n".join([*lines, "", f"It took {milliseconds:,.0f} ms{memory}."])


def _output_lines(output: OutputFacts, bucket: str, region: str, console: str) -> list[str]:
    kind = output.content_type.removeprefix("image/").upper()
    return [
        f"{output.size}: {kind}, {output.width} x {output.height}, {_size(output.bytes)}",
        f"  s3://{bucket}/{printable(output.key)}",
        f"  {console}/s3/object/{bucket}?region={region}&prefix={quote(output.key, safe='/')}",
    ]


def _refused_text(upload: Upload, refusal: Refused) -> str:
    return "\n".join(
        [
            f"{printable(upload.key)} could not be processed.",
            "",
            f"Why: {printable(refusal.reason)}",
            "",
            f"The upload is still there: s3://{upload.bucket}/{printable(upload.key)}",
            "No picture of it was written. Pictures of an earlier version, if there are any, stay.",
        ]
    )


def _size(size_bytes: int) -> str:
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    return f"{size_bytes / 1e3:,.0f} kB" if size_bytes < 1e6 else f"{size_bytes / 1e6:,.1f} MB"

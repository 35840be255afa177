"""Reads the function's log from CloudWatch: every event once, none lost.

Events arrive late, with older timestamps, in new streams and through empty pages (G3, G4). So
each look begins a little before the newest timestamp seen, and what was seen already is known
by its event id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from provision.aws import Aws
from provision.aws_errors import found

OVERLAP_MS: Final = 120_000
_TEXT_PLATFORM = re.compile(r"(START|END|REPORT) RequestId: (\S+)")
_TEXT_REPORT = {
    "durationMs": re.compile(r"\tDuration: ([\d.]+) ms"),
    "billedDurationMs": re.compile(r"Billed Duration: (\d+) ms"),
    "memorySizeMB": re.compile(r"Memory Size: (\d+) MB"),
    "maxMemoryUsedMB": re.compile(r"Max Memory Used: (\d+) MB"),
    "initDurationMs": re.compile(r"Init Duration: ([\d.]+) ms"),
}
_TEXT_LINE = re.compile(r"(?:\[(\w+)\]\t)?\S+Z\t([0-9a-f-]{36})\t(.*)", re.DOTALL)
_TEXT_TIMEOUT = re.compile(r"\S+Z ([0-9a-f-]{36}) (Task timed out .*)", re.DOTALL)


@dataclass(frozen=True)
class LogEvent:
    """One line of the log, understood.

    `kind` is "platform.start", "platform.report" ... for Lambda's own lines and "function" for
    the function's. `fields` are the other fields of a JSON line, or of a REPORT's metrics.
    """

    time_ms: int
    event_id: str
    kind: str
    request_id: str | None
    level: str
    message: str
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def time(self) -> str:
        """ISO 8601 in UTC with milliseconds."""
        moment = datetime.fromtimestamp(self.time_ms / 1000, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Reader:
    """Looks at a log group again and again and returns only what is new."""

    aws: Aws
    group: str
    since_ms: int
    pattern: str = ""
    _seen: dict[str, int] = field(default_factory=dict)
    _newest_ms: int = 0

    def read(self) -> list[LogEvent]:
        """Return the events not returned before, by time; [] while the group does not exist."""
        start = max(self.since_ms, self._newest_ms - OVERLAP_MS)
        answer = found(lambda: list(self._pages(start)), "ResourceNotFoundException")
        fresh = [event for event in answer or [] if event["eventId"] not in self._seen]
        for event in fresh:
            self._seen[event["eventId"]] = event["timestamp"]
            self._newest_ms = max(self._newest_ms, event["timestamp"])
        self._forget_old()
        return sorted((parse(event) for event in fresh), key=lambda e: e.time_ms)

    def _pages(self, start_ms: int) -> Iterator[dict[str, Any]]:
        parameters: dict[str, Any] = {"logGroupName": self.group, "startTime": start_ms}
        if self.pattern:
            parameters["filterPattern"] = self.pattern
        for page in self.aws.logs.get_paginator("filter_log_events").paginate(**parameters):
            yield from page["events"]  # type: ignore[misc]

    def _forget_old(self) -> None:
        """Keep only ids that the next look can meet again, so that memory stays bounded."""
        horizon = self._newest_ms - 2 * OVERLAP_MS
        if len(self._seen) > 10_000:
            self._seen = {key: ms for key, ms in self._seen.items() if ms >= horizon}


def parse(event: Any) -> LogEvent:
    """Understand one event of FilterLogEvents, in either of Lambda's log formats (L33, L34)."""
    raw = str(event["message"])
    known = {"time_ms": int(event["timestamp"]), "event_id": str(event["eventId"])}
    try:
        line = json.loads(raw)
    except ValueError:
        line = None
    return _parse_json(line, known) if isinstance(line, dict) else _parse_text(raw, known)


def _parse_json(line: dict[str, Any], known: dict[str, Any]) -> LogEvent:
    if str(line.get("type", "")).startswith("platform."):
        record = line.get("record", {})
        fields = {**record.get("metrics", {}), "status": record.get("status")}
        if "errorType" in record:
            fields["errorType"] = record["errorType"]
        bad = record.get("status") in {"error", "failure", "timeout"}
        return LogEvent(
            **known,
            kind=line["type"],
            request_id=record.get("requestId"),
            level="ERROR" if bad else "INFO",
            message=line["type"],
            fields=fields,
        )
    common = {"timestamp", "level", "message", "requestId", "logger"}
    message = line.get("message", "")
    return LogEvent(
        **known,
        kind="function",
        request_id=line.get("requestId") or line.get("AWSRequestId"),
        level=str(line.get("level", "INFO")),
        message=message if isinstance(message, str) else json.dumps(message, ensure_ascii=False),
        fields={key: value for key, value in line.items() if key not in common},
    )


def _parse_text(raw: str, known: dict[str, Any]) -> LogEvent:
    if platform := _TEXT_PLATFORM.match(raw):
        kind = {"START": "platform.start", "END": "platform.end", "REPORT": "platform.report"}
        metrics = {name: p.search(raw) for name, p in _TEXT_REPORT.items()}
        fields: dict[str, Any] = {name: float(m[1]) for name, m in metrics.items() if m}
        if status := re.search(r"Status: (\w+)", raw):
            fields["status"] = status[1]
        word, request_id = platform[1], platform[2]
        return LogEvent(
            **known,
            kind=kind[word],
            request_id=request_id,
            level="ERROR" if "status" in fields else "INFO",
            message=raw.strip(),
            fields=fields,
        )
    if timeout := _TEXT_TIMEOUT.match(raw):
        return LogEvent(
            **known,
            kind="function",
            request_id=timeout[1],
            level="ERROR",
            message=timeout[2].strip(),
        )
    line = _TEXT_LINE.match(raw)
    level, request_id, message = (line[1], line[2], line[3]) if line else (None, None, raw)
    return LogEvent(
        **known,
        kind="function",
        request_id=request_id,
        level=level or "INFO",
        message=message.strip(),
        fields=_text_fields(message),
    )


def _text_fields(message: str) -> dict[str, Any]:
    """Return the JSON object that follows a word in the function's text lines, if there is one."""
    _, brace, rest = message.partition("{")
    try:
        value = json.loads(brace + rest) if brace else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}

"""Reads the function's log from CloudWatch: every event once, none lost.

Events arrive late, with older timestamps, in new streams and through empty pages (G3, G4). So
each look begins a little before the newest timestamp seen, and what was seen already is known
by its event id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from provision.aws import Aws
from provision.aws_errors import error_code, found

OVERLAP_MS: Final = 120_000
_THROTTLED: Final = {"ThrottlingException", "ServiceUnavailableException"}
_PATIENCE_S: Final = 300.0
_TEXT_PLATFORM = re.compile(r"(START|END|REPORT) RequestId: (\S+)")
_TEXT_REPORT = {
    "durationMs": re.compile(r"\tDuration: ([\d.]+) ms"),
    "billedDurationMs": re.compile(r"Billed Duration: (\d+) ms"),
    "memorySizeMB": re.compile(r"Memory Size: (\d+) MB"),
    "maxMemoryUsedMB": re.compile(r"Max Memory Used: (\d+) MB"),
    "initDurationMs": re.compile(r"Init Duration: ([\d.]+) ms"),
}
_TEXT_STATUS = {
    "status": re.compile(r"Status: (\w+)"),
    "errorType": re.compile(r"Error Type: ([\w.]+)"),
}
_TEXT_LINE = re.compile(r"(?:\[(\w+)\]\t)?\S+Z\t([0-9a-f-]{36}|)\t(.*)", re.DOTALL)
_TEXT_FAULTS = (  # a timeout, a dead runtime, an exception that the handler let out (L34, L35)
    re.compile(r"\S+Z (?P<id>[0-9a-f-]{36}) (?P<message>Task timed out .*)", re.DOTALL),
    re.compile(r"RequestId: (?P<id>\S+) Error: (?P<message>.*)", re.DOTALL),
    re.compile(r"\[ERROR\] (?P<message>[\w.]+: .*)", re.DOTALL),
)


@dataclass(frozen=True)
class LogEvent:
    """One line of the log, understood.

    `kind` is "platform.start", "platform.report" ... for Lambda's own lines and "function" for
    the function's. `fields` are the other fields of a JSON line, or of a REPORT's metrics. A
    `stream` is written by one execution environment, which runs one request at a time.
    """

    time_ms: int
    event_id: str
    kind: str
    request_id: str | None
    level: str
    message: str
    fields: dict[str, Any] = field(default_factory=dict)
    stream: str = ""

    @property
    def time(self) -> str:
        """ISO 8601 in UTC with milliseconds."""
        moment = datetime.fromtimestamp(self.time_ms / 1000, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    @property
    def word(self) -> str:
        """The first word, which in a line about an image is what became of it: "processed" ..."""
        return self.message.partition(" ")[0]

    @property
    def is_error(self) -> bool:
        """Whether it tells of a failure."""
        return self.level in {"ERROR", "CRITICAL"}

    @property
    def reason(self) -> str:
        """Why an image was refused or failed; the line itself when it does not say."""
        return str(self.fields.get("reason") or self.fields.get("errorMessage") or self.message)


@dataclass
class Reader:
    """Looks at a log group again and again and returns only what is new.

    Memory is bounded: of the past it keeps only ids that the next look can meet again.
    """

    aws: Aws
    group: str
    since_ms: int
    _seen: dict[str, int] = field(default_factory=dict)
    _newest_ms: int = 0

    def read(self) -> list[LogEvent]:
        """Return the events not returned before, by time; [] while the group does not exist."""
        events = [event for page in self.pages() for event in page]
        return sorted(events, key=lambda event: event.time_ms)

    def pages(self) -> Iterator[list[LogEvent]]:
        """Look once, page by page, so that a long past need not fit in memory."""
        start_ms = self._start_ms
        token: str | None = ""
        while token is not None:
            page = self._page(start_ms, token)
            yield [parse(event) for event in page.get("events", []) if self._is_new(event)]
            self._forget_old()
            token = page.get("nextToken")

    @property
    def _start_ms(self) -> int:
        return max(self.since_ms, self._newest_ms - OVERLAP_MS)

    def _page(self, start_ms: int, token: str) -> dict[str, Any]:
        parameters: dict[str, Any] = {"logGroupName": self.group, "startTime": start_ms}
        if token:
            parameters["nextToken"] = token
        answer = self.aws.persist(
            "logs",
            lambda: found(
                lambda: self.aws.logs.filter_log_events(**parameters), "ResourceNotFoundException"
            ),
            transient=lambda error: error_code(error) in _THROTTLED,
            why="CloudWatch to take more requests",
            deadline_s=_PATIENCE_S,
        )
        return dict(answer or {})

    def _is_new(self, event: dict[str, Any]) -> bool:
        identity = _identity(event)
        if identity in self._seen:
            return False
        self._seen[identity] = event["timestamp"]
        # Whoever writes to a log may date an event in the future; when it came is AWS's clock.
        came_ms = min(event["timestamp"], event.get("ingestionTime", event["timestamp"]))
        self._newest_ms = max(self._newest_ms, came_ms)
        return True

    def _forget_old(self) -> None:
        start_ms = self._start_ms
        self._seen = {key: ms for key, ms in self._seen.items() if ms >= start_ms}


def _identity(event: Mapping[str, Any]) -> str:
    """Return the event's id; emulators that give none are taken at their stream and text."""
    text = f"{event.get('logStreamName')} {event['timestamp']} {event['message']}"
    return str(event.get("eventId", text))


def parse(event: Any) -> LogEvent:
    """Understand one event of FilterLogEvents, in either of Lambda's log formats (L33, L34)."""
    raw = str(event["message"])
    known = {
        "time_ms": int(event["timestamp"]),
        "event_id": _identity(event),
        "stream": str(event.get("logStreamName", "")),
    }
    try:
        line = json.loads(raw)
    except ValueError:
        line = None
    return _parse_json(line, known) if isinstance(line, dict) else _parse_text(raw, known)


def _parse_json(line: dict[str, Any], known: dict[str, Any]) -> LogEvent:
    if str(line.get("type", "")).startswith("platform."):
        return _parse_platform(line["type"], line.get("record", {}), known)
    common = {"timestamp", "level", "log_level", "message", "requestId", "AWSRequestId", "logger"}
    message = line.get("message", "")
    return LogEvent(
        **known,
        kind="function",
        request_id=line.get("requestId") or line.get("AWSRequestId") or None,
        level=str(line.get("level") or line.get("log_level") or "INFO"),
        message=message if isinstance(message, str) else json.dumps(message, ensure_ascii=False),
        fields={key: value for key, value in line.items() if key not in common},
    )


def _parse_platform(kind: str, record: dict[str, Any], known: dict[str, Any]) -> LogEvent:
    kept = {key: record[key] for key in ("status", "errorType") if record.get(key)}
    bad = record.get("status") in {"error", "failure", "timeout"}
    return LogEvent(
        **known,
        kind=kind,
        request_id=record.get("requestId"),
        level="ERROR" if bad else "INFO",
        message=kind,
        fields={**record.get("metrics", {}), **kept},
    )


def _parse_text(raw: str, known: dict[str, Any]) -> LogEvent:
    if platform := _TEXT_PLATFORM.match(raw):
        return _parse_text_platform(platform[1], platform[2], raw, known)
    if raw.startswith("INIT_START"):
        kind = "platform.initStart"
        return LogEvent(**known, kind=kind, request_id=None, level="INFO", message=raw.strip())
    for pattern in _TEXT_FAULTS:
        if fault := pattern.match(raw):
            message = fault["message"].strip()
            request_id = fault.groupdict().get("id")
            return LogEvent(
                **known, kind="function", request_id=request_id, level="ERROR", message=message
            )
    line = _TEXT_LINE.match(raw)
    level, request_id, message = (line[1], line[2], line[3]) if line else (None, None, raw)
    return LogEvent(
        **known,
        kind="function",
        request_id=request_id or None,
        level=level or "INFO",
        message=message.strip(),
        fields=_text_fields(message),
    )


def _parse_text_platform(word: str, request_id: str, raw: str, known: dict[str, Any]) -> LogEvent:
    metrics = {name: pattern.search(raw) for name, pattern in _TEXT_REPORT.items()}
    fields: dict[str, Any] = {name: float(m[1]) for name, m in metrics.items() if m}
    words = {name: pattern.search(raw) for name, pattern in _TEXT_STATUS.items()}
    fields |= {name: m[1] for name, m in words.items() if m}
    return LogEvent(
        **known,
        kind=f"platform.{word.lower()}",
        request_id=request_id,
        level="ERROR" if "status" in fields else "INFO",
        message=raw.strip(),
        fields=fields,
    )


def _text_fields(message: str) -> dict[str, Any]:
    """Return the JSON object that follows a word in the function's text lines, if there is one."""
    _, brace, rest = message.partition("{")
    try:
        value = json.loads(brace + rest) if brace else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}

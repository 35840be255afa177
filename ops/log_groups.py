"""Groups log events by request and tells each request as a person would. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ops.log_events import LogEvent


@dataclass
class Request:
    """One invocation: its events in order, and what Lambda measured."""

    request_id: str | None
    events: list[LogEvent] = field(default_factory=list)

    @property
    def report(self) -> dict[str, Any]:
        """Metrics of Lambda's report: durationMs, billedDurationMs, maxMemoryUsedMB ...; or {}."""
        reports = [e.fields for e in self.events if e.kind == "platform.report"]
        return reports[-1] if reports else {}

    @property
    def complete(self) -> bool:
        """Whether Lambda has reported; a retry of the same request reports again."""
        return bool(self.report)

    @property
    def cold(self) -> bool:
        """Whether this invocation began with an init."""
        return "initDurationMs" in self.report

    @property
    def failed(self) -> bool:
        return any(e.level in {"ERROR", "CRITICAL"} for e in self.events)

    @property
    def images(self) -> list[LogEvent]:
        """The function's own lines: processed, refused, skipped or failed, with their key."""
        return [e for e in self.events if e.kind == "function" and "key" in e.fields]


def by_request(events: Iterable[LogEvent]) -> list[Request]:
    """Group events; those without a request stand alone, in the order of their first event."""
    requests: dict[object, Request] = {}
    for event in events:
        identity = event.request_id or event.event_id
        requests.setdefault(identity, Request(event.request_id)).events.append(event)
    return list(requests.values())


class Collector:
    """Holds the events of requests under way until they are complete.

    Events of one request arrive in any order and late, so a request is handed out when Lambda
    has reported on it or when nothing came for `quiet_s` seconds; what comes after that is handed
    out as a further part of the same request. Nothing is lost and nothing comes twice.
    """

    def __init__(self, *, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._open: dict[object, Request] = {}
        self._touched: dict[object, float] = {}

    def add(self, events: Iterable[LogEvent], *, now: float) -> list[Request]:
        """Take events and return the requests that are complete or quiet."""
        for event in events:
            identity = event.request_id or event.event_id
            self._open.setdefault(identity, Request(event.request_id)).events.append(event)
            self._touched[identity] = now
        ready = [
            identity
            for identity, request in self._open.items()
            if request.complete
            or request.request_id is None
            or now - self._touched[identity] >= self._quiet_s
        ]
        return [self._close(identity) for identity in ready]

    def rest(self) -> list[Request]:
        """Return everything that is still held."""
        return [self._close(identity) for identity in list(self._open)]

    def _close(self, identity: object) -> Request:
        del self._touched[identity]
        request = self._open.pop(identity)
        request.events.sort(key=lambda event: event.time_ms)
        return request

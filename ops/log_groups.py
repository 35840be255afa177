"""Groups log events by request. Pure.

Lines that name no request (what the code prints, a traceback in the text format, Lambda's init)
belong to the request that ran in their stream at that time: a stream runs one at a time.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from ops.log_events import LogEvent

_STARTS_KEPT: Final = 16
_STREAMS_KEPT: Final = 1_000
_REMEMBERED: Final = 10_000


@dataclass
class Request:
    """One invocation: its events in order, and what Lambda measured.

    `continued` marks a further part: lines that came after the rest was handed out.
    """

    request_id: str | None
    events: list[LogEvent] = field(default_factory=list)
    continued: bool = False

    @property
    def reports(self) -> list[dict[str, Any]]:
        """Metrics of Lambda's reports, one an attempt: durationMs, billedDurationMs ..."""
        return [event.fields for event in self.events if event.kind == "platform.report"]

    @property
    def report(self) -> dict[str, Any]:
        """Metrics of the last attempt; {} while there is none."""
        return self.reports[-1] if self.reports else {}

    @property
    def complete(self) -> bool:
        """Whether Lambda has reported; a retry of the same request reports again."""
        return bool(self.reports)

    @property
    def cold(self) -> bool:
        """Whether the last attempt began with an init."""
        return "initDurationMs" in self.report

    @property
    def failed(self) -> bool:
        return any(event.is_error for event in self.events)

    @property
    def refused(self) -> bool:
        """Whether the function turned an upload away for good."""
        return any(event.message.startswith("refused") for event in self.images)

    @property
    def images(self) -> list[LogEvent]:
        """The function's own lines: processed, refused, skipped or failed, with their key."""
        return [e for e in self.events if e.kind == "function" and "key" in e.fields]


def by_request(events: Iterable[LogEvent]) -> list[Request]:
    """Group events; requests come in the order of their first event."""
    collector = Collector(quiet_s=math.inf)
    requests = [*collector.add(events, now=0.0), *collector.rest()]
    return sorted(requests, key=lambda request: request.events[0].time_ms)


class Collector:
    """Holds the events of requests under way until they are complete.

    Events of one request arrive in any order and late, so a request is handed out when Lambda
    has reported on it or when nothing came for `quiet_s` seconds; what comes after that is handed
    out as a further part of the same request. Nothing is lost and nothing comes twice.
    """

    def __init__(self, *, quiet_s: float) -> None:
        self._quiet_s = quiet_s
        self._open: dict[str, Request] = {}
        self._touched: dict[str, float] = {}
        self._streams: dict[str, _Stream] = {}
        self._handed_out: dict[str, None] = {}  # as an ordered set

    def add(self, events: Iterable[LogEvent], *, now: float) -> list[Request]:
        """Take events and return the requests that are complete or quiet."""
        for event in events:
            if event.kind == "platform.start" and event.stream:
                self._start(event)
            request_id = event.request_id or self._stream(event).running(event)
            identity = request_id or _homeless(event)
            self._open.setdefault(identity, Request(request_id)).events.append(event)
            self._touched[identity] = now
        ready = [identity for identity in self._open if self._is_ready(identity, now)]
        return [self._close(identity) for identity in ready]

    def rest(self) -> list[Request]:
        """Return everything that is still held."""
        return [self._close(identity) for identity in list(self._open)]

    def _start(self, event: LogEvent) -> None:
        """Note what runs in a stream now, and give it the lines that waited for it."""
        insort(self._stream(event).starts, (event.time_ms, str(event.request_id)))
        waiting = self._open.pop(_homeless(event), None)
        if waiting is not None:
            identity = str(event.request_id)
            self._open.setdefault(identity, Request(identity)).events.extend(waiting.events)

    def _stream(self, event: LogEvent) -> _Stream:
        stream = self._streams.setdefault(event.stream, _Stream())
        del stream.starts[:-_STARTS_KEPT]
        if len(self._streams) > _STREAMS_KEPT:
            del self._streams[next(iter(self._streams))]
        return stream

    def _is_ready(self, identity: str, now: float) -> bool:
        alone = identity.startswith("event:")
        quiet = now - self._touched[identity] >= self._quiet_s
        return self._open[identity].complete or alone or quiet

    def _close(self, identity: str) -> Request:
        self._touched.pop(identity, None)
        request = self._open.pop(identity)
        request.events.sort(key=lambda event: event.time_ms)
        request.continued = identity in self._handed_out
        self._handed_out[identity] = None
        if len(self._handed_out) > _REMEMBERED:
            del self._handed_out[next(iter(self._handed_out))]
        return request


@dataclass
class _Stream:
    """When which request began in one stream: `starts` holds milliseconds and request ids."""

    starts: list[tuple[int, str]] = field(default_factory=list)

    def running(self, event: LogEvent) -> str | None:
        """Return the request a line without one belongs to: an init's is the next."""
        if event.kind.startswith("platform.init"):
            return next((id_ for ms, id_ in self.starts if ms >= event.time_ms), None)
        begun = [id_ for ms, id_ in self.starts if ms <= event.time_ms]
        return begun[-1] if begun else None


def _homeless(event: LogEvent) -> str:
    """Where a line waits for its request: with its stream, or alone when it has none."""
    return f"stream:{event.stream}" if event.stream else f"event:{event.event_id}"

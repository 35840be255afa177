"""The log lines that speak of one test upload."""

from __future__ import annotations

from typing import Final

from ops.log_events import LogEvent, Reader
from ops.log_groups import Request, by_request
from provision.pipeline import Pipeline

_CLOCK_SLACK_MS: Final = 300_000


class TrialLog:
    """The log lines that speak of one trial."""

    def __init__(self, pipeline: Pipeline, key: str, uploaded_at_ms: int) -> None:
        since_ms = uploaded_at_ms - _CLOCK_SLACK_MS
        self._reader = Reader(pipeline.aws, pipeline.names.log_group, since_ms)
        self._key = key
        self._uploaded_at_ms = uploaded_at_ms
        self._events: list[LogEvent] = []

    def look(self) -> None:
        self._events.extend(self._reader.read())

    @property
    def request(self) -> Request | None:
        requests = by_request(self._events)
        return next((r for r in requests if self._line(r) is not None), None)

    @property
    def verdict(self) -> LogEvent | None:
        """The function's line about our key."""
        request = self.request
        return self._line(request) if request else None

    @property
    def crash(self) -> LogEvent | None:
        """The first error of a request that ended before it named any image.

        It need not be ours, but what stops one upload at the start stops every other.
        """
        silent = [r for r in by_request(self._events) if r.complete and not r.images]
        errors = (e for r in silent for e in r.events if e.is_error)
        return next((e for e in errors if e.time_ms >= self._uploaded_at_ms), None)

    def _line(self, request: Request) -> LogEvent | None:
        lines = [event for event in request.images if event.fields.get("key") == self._key]
        return lines[-1] if lines else None

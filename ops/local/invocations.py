"""Runs functions: at once for a caller who waits, or through the asynchronous queue.

The queue does as Lambda's does: two retries, an age limit, throttled events go back, and a
destination hears of the end (L22, L23). No event is lost: what cannot run is counted.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from . import destinations, function_logs, functions, recursion
from .aws_times import LOGS_WRITTEN
from .errors import LocalError
from .runtime import outcome as outcomes
from .runtime.deployment import Deployment
from .runtime.outcome import Outcome
from .runtime.pool import Pool, ThrottledError
from .runtime.worker import Request

if TYPE_CHECKING:
    from .state import State

_log = logging.getLogger(__name__)
_MAX_AGE_S = 21_600  # six hours (L22)
_MAX_RETRIES = 2
_THROTTLE_BACKOFF_S = 1.0
_PENDING_POLL_S = 0.5


@dataclass(frozen=True)
class AsyncEvent:
    """One event in the queue; `attempts` counts the runs so far."""

    arn: str
    payload: bytes
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    trace_id: str = ""
    created: float = field(default_factory=time.time)
    attempts: int = 0
    throttles: int = 0


class Invocations:
    """The pool of workers and the queue in front of it."""

    def __init__(self, state: State, pool: Pool) -> None:
        self._state = state
        self.pool = pool
        self._due: list[tuple[float, int, AsyncEvent]] = []
        self._sequence = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._timers: list[threading.Timer] = []
        self._lingering: dict[str, tuple[Deployment, float]] = {}
        self._threads = [
            threading.Thread(target=self._serve, name=f"async-{n}", daemon=True)
            for n in range(pool.slots)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def queued(self) -> int:
        """How many events wait for their turn or their retry."""
        with self._changed:
            return len(self._due)

    def now(self, arn: str, payload: bytes, request: Request | None = None) -> Outcome:
        """Run a function and waits; raises ThrottledError, LookupError when it is absent."""
        deployment = self._deployment(arn)
        if deployment is None:
            raise LookupError(arn)
        request = request or Request(str(uuid.uuid4()), payload)
        try:
            outcome, worker = self.pool.run(deployment, request)
        except LocalError as error:  # this machine lacks what the function needs
            outcome, stream = outcomes.not_run(request.request_id, error), "not-run"
        else:
            stream = worker.stream
        self._state.count("invocations")
        if outcome.failed:
            self._state.count("errors")
        self._log(deployment, stream, outcome)
        return outcome

    def _log(self, deployment: Deployment, stream: str, outcome: Outcome) -> None:
        """Write the log, later where time matters: a deleted group may come back (G7)."""
        delay_s = self._state.propagation.draw(self._state, LOGS_WRITTEN)
        write = (self._state, deployment, stream, outcome.lines)
        if not delay_s:
            function_logs.write(*write)
            return
        timer = threading.Timer(delay_s, function_logs.write, write)
        timer.daemon = True
        with self._changed:
            self._timers = [t for t in self._timers if t.is_alive()] + [timer]
            timer.start()

    def _deployment(self, arn: str) -> Deployment | None:
        lingering, until = self._lingering.get(arn, (None, 0.0))
        deployed = functions.deployment(self._state, arn)
        return deployed or (lingering if time.monotonic() < until else None)

    def later(self, event: AsyncEvent, delay_s: float = 0.0) -> None:
        """Queue an event to run in `delay_s` seconds at the earliest."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + delay_s, next(self._sequence), event))
            self._changed.notify()

    def keep_for(self, arn: str, seconds: float) -> None:
        """Keep a function that is being deleted for events already queued (L40, G7)."""
        deployed = functions.deployment(self._state, arn)
        if deployed is not None and seconds > 0:
            self._lingering[arn] = deployed, time.monotonic() + seconds

    def retire(self, arn: str) -> None:
        """End the idle workers of a function that changed or went away."""
        self.pool.retire(arn)

    def close(self) -> None:
        """Stop the queue and ends all workers."""
        with self._changed:
            self._closed = True
            for timer in self._timers:
                timer.cancel()
            self._changed.notify_all()
        self.pool.close()
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        while (event := self._next()) is not None:
            try:
                self._handle(event)
            except Exception:
                # Never lose the thread: the failure belongs to one event.
                self._state.count("dropped")
                _log.exception("event %s for %s was dropped", event.request_id, event.arn)

    def _next(self) -> AsyncEvent | None:
        with self._changed:
            while not self._closed:
                wait_s = self._due[0][0] - time.monotonic() if self._due else None
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait_s)
        return None

    def _handle(self, event: AsyncEvent) -> None:
        if self._deployment(event.arn) is None:
            self._state.count("dropped")
            _log.warning("event %s: no function %s any more", event.request_id, event.arn)
            return
        record = self._state.functions.get(event.arn)
        if record is not None and record.phase() == "creating":
            self.later(event, _PENDING_POLL_S * self._state.settings.time_scale)  # S12
            return
        config = self._config(event)
        age_s = time.time() - event.created
        if age_s > config.get("MaximumEventAgeInSeconds", _MAX_AGE_S):
            destinations.report(self._state, event, None, "EventAgeExceeded")
            return
        trace_id, hop = recursion.step(event.trace_id, event.arn)
        if hop > recursion.MOST_HOPS and not (record and record.may_recurse):
            self._state.count("recursions_stopped")
            _log.warning("%s runs itself in a loop and was stopped", event.arn)
            return
        request = Request(event.request_id, event.payload, trace_id)
        outcome = None  # a role that was replaced fails the attempt before it begins (I12)
        if functions.find(event.arn) is None or functions.role_is_granted(self._state, event.arn):
            try:
                outcome = self.now(event.arn, event.payload, request)
            except ThrottledError:
                self._back_off(event)
                return
        self._conclude(replace(event, attempts=event.attempts + 1), outcome)

    def _conclude(self, event: AsyncEvent, outcome: Outcome | None) -> None:
        config = self._config(event)
        if outcome is not None and not outcome.failed:
            destinations.report(self._state, event, outcome, "Success")
        elif event.attempts <= config.get("MaximumRetryAttempts", _MAX_RETRIES):
            self._state.count("retries")
            self.later(event, _delay(self._state.settings.retry_delays_s, event.attempts))
        else:
            destinations.report(self._state, event, outcome, "RetriesExhausted")

    def _config(self, event: AsyncEvent) -> dict[str, Any]:
        record = self._state.functions.get(event.arn)
        return (record.event_invoke if record else None) or {}

    def _back_off(self, event: AsyncEvent) -> None:
        self._state.count("throttles")
        delay_s = min(_THROTTLE_BACKOFF_S * 2**event.throttles, 300.0)
        later = replace(event, throttles=event.throttles + 1)
        self.later(later, delay_s * self._state.settings.time_scale)


def _delay(delays_s: Sequence[float], attempt: int) -> float:
    return delays_s[min(attempt, len(delays_s)) - 1] if delays_s else 0.0

"""One warm worker: a process that runs one invocation after another, under watch.

Memory and time are watched by polling; a worker that exceeds one of them is killed with its
whole process group, as Lambda's sandbox is.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from . import outcome as outcomes
from . import platform_log
from .api import Event, Message, RuntimeApi
from .deployment import Deployment
from .memory import peak_mb
from .outcome import LogLine, Outcome
from .output import Output
from .sandbox import Credentials, Sandboxes

_POLL_S = 0.02
_INIT_LIMIT_S = 10.0  # Lambda's own limit of the init phase


@dataclass(frozen=True)
class Request:
    """What to run: an event as JSON."""

    request_id: str
    payload: bytes
    trace_id: str = ""


@dataclass(frozen=True)
class _Ending:
    """Why waiting for the runtime stopped."""

    message: Message | None = None
    exit_code: int | None = None
    timed_out: bool = False


class Worker:
    """A process and its Runtime API; usable by one thread at a time."""

    def __init__(
        self, deployment: Deployment, credentials: Credentials, sandboxes: Sandboxes
    ) -> None:
        self.deployment = deployment
        self.credentials = credentials
        self.stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid.uuid4().hex}"
        self.usable = False  # until an invocation has gone well
        self._sandboxes = sandboxes
        self._api = RuntimeApi()
        self._output = Output()
        self._started = time.monotonic()
        self._init_ms: float | None = None
        self._peak_mb = 0
        fds = (self._output.frames_fd, self._output.text_fd)
        try:
            self._process, self._tmp = sandboxes.start(
                deployment, credentials, self._api.address, self.stream, fds
            )
        except BaseException:
            self._api.close()
            self._output.close()
            raise
        self._output.started()

    def run(self, request: Request) -> Outcome:
        """Run one invocation; afterwards `usable` says whether the worker can run another."""
        cold = self._init_ms is None
        opening = platform_log.before(self.deployment, request.request_id, _now_ms(), cold=cold)
        lines: list[LogLine] = opening
        if cold:
            ended = self._initialise(request, lines)
            if ended is not None:
                return ended
        started = time.monotonic()
        self._api.events.put(self._event(request))
        ending, payload = self._await_answer(lines)
        outcome = self._outcome(request, ending, payload, (time.monotonic() - started) * 1000)
        if cold:
            outcome = replace(outcome, init_ms=self._init_ms)
        return self._closed(outcome, ending, lines)

    def kill(self) -> None:
        """End the process and everything it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End the process and leaves no file behind."""
        self.usable = False
        self.kill()
        self._api.close()
        self._output.close()
        self._sandboxes.forget(self._tmp)

    def _initialise(self, request: Request, lines: list[LogLine]) -> Outcome | None:
        """Wait until the handler is imported; the invocation's outcome when it cannot be."""
        ending = self._await_message(self._init_deadline(), lines)
        init_ms = (time.monotonic() - self._started) * 1000
        if ending.message is not None and ending.message.kind == "ready":
            self._init_ms = init_ms
            return None
        self.usable = False
        payload = ending.message.payload if ending.message else b""
        outcome = replace(self._outcome(request, ending, payload, 0.0), init_ms=init_ms)
        return self._closed(outcome, ending, lines)

    def _init_deadline(self) -> float:
        # Past its limit the init phase goes on within the first invocation's timeout.
        return self._started + _INIT_LIMIT_S + self.deployment.timeout_s

    def _await_answer(self, lines: list[LogLine]) -> tuple[_Ending, bytes]:
        """Wait for the answer, and then until the runtime asks for more work."""
        deadline = time.monotonic() + self.deployment.timeout_s
        answer: Message | None = None
        ending = self._await_message(deadline, lines)
        while ending.message is not None and ending.message.kind != "ready":
            answer = ending.message
            ending = self._await_message(deadline, lines)
        if answer is not None:
            self.usable = ending.message is not None
            return _Ending(answer), answer.payload
        self.usable = False
        return ending, b""

    def _await_message(self, deadline: float, lines: list[LogLine]) -> _Ending:
        ending = None
        while ending is None:
            ending = self._look(deadline, lines)
        return ending

    def _look(self, deadline: float, lines: list[LogLine]) -> _Ending | None:
        """One look at the process: its message or end, or None to go on waiting."""
        message = self._api.receive(_POLL_S)
        self._peak_mb = max(self._peak_mb, peak_mb(self._process.pid))
        lines += self._output.take()
        if message is not None:
            return _Ending(message)
        if self._peak_mb > self.deployment.memory_mb:
            self.kill()
        exit_code = self._process.poll()
        if exit_code is not None:
            return _Ending(exit_code=exit_code)
        if time.monotonic() > deadline:
            self.kill()
            return _Ending(timed_out=True)
        return None

    def _outcome(
        self, request: Request, ending: _Ending, payload: bytes, duration_ms: float
    ) -> Outcome:
        memory_mb = min(self._peak_mb, self.deployment.memory_mb)
        outcome = Outcome(request.request_id, "success", payload, duration_ms, memory_mb)
        if ending.timed_out:
            limit_s = self.deployment.timeout_s
            payload = outcomes.timeout_payload(request.request_id, limit_s)
            return replace(
                outcome,
                status="timeout",
                payload=payload,
                error_type="Sandbox.Timedout",
                duration_ms=limit_s * 1000.0,
            )
        if ending.exit_code is not None:
            payload = outcomes.exit_payload(request.request_id, ending.exit_code)
            return replace(
                outcome, status="failure", payload=payload, error_type="Runtime.ExitError"
            )
        if ending.message is not None and ending.message.kind in ("error", "init-error"):
            return replace(outcome, status="error", error_type=outcomes.error_type(payload))
        return outcome

    def _closed(self, outcome: Outcome, ending: _Ending, lines: list[LogLine]) -> Outcome:
        lines += self._output.take(final=True)
        if ending.exit_code is not None and not self.deployment.logging.is_json:
            lines += platform_log.exit_lines(outcome.request_id, ending.exit_code, _now_ms())
        lines += platform_log.after(self.deployment, outcome, _now_ms())
        return replace(outcome, lines=tuple(lines))

    def _event(self, request: Request) -> Event:
        deadline_ms = _now_ms() + self.deployment.timeout_s * 1000
        return Event(
            request.request_id,
            request.payload,
            self.deployment.arn,
            deadline_ms,
            request.trace_id or f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]}",
        )


def _now_ms() -> int:
    return int(time.time() * 1000)

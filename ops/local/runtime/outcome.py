"""How an invocation ended, with the payloads Lambda gives for what is not the handler's doing."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from typing import Literal

Status = Literal["success", "error", "timeout", "failure"]


@dataclass(frozen=True)
class LogLine:
    """One log event: Unix milliseconds and text without a trailing newline."""

    time_ms: int
    text: str


@dataclass(frozen=True)
class Outcome:
    """The answer and the measurements of one invocation; `init_ms` only of a cold start."""

    request_id: str
    status: Status
    payload: bytes
    duration_ms: float
    max_memory_mb: int
    init_ms: float | None = None
    error_type: str = ""
    lines: tuple[LogLine, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the caller gets a FunctionError."""
        return self.status != "success"

    @property
    def billed_ms(self) -> int:
        """Whole milliseconds; the init phase is billed since 2025-08 (L38)."""
        return math.ceil(self.duration_ms + (self.init_ms or 0.0))


def timeout_payload(request_id: str, timeout_s: float) -> bytes:
    """What the caller gets of a function that ran too long (L34)."""
    text = f"Task timed out after {timeout_s:.2f} seconds"
    return _error("Sandbox.Timedout", f"RequestId: {request_id} Error: {text}")


def exit_payload(request_id: str, exit_code: int) -> bytes:
    """What the caller gets of a process that ended by itself or was killed (L35)."""
    return _error("Runtime.ExitError", f"RequestId: {request_id} Error: {exit_reason(exit_code)}")


def not_run(request_id: str, error: Exception) -> Outcome:
    """What becomes of an invocation that this machine cannot run at all."""
    text = f"RequestId: {request_id} Error: {error}"
    payload = _error("Local.CannotRun", text)
    lines = (LogLine(int(time.time() * 1000), text),)
    return Outcome(request_id, "failure", payload, 0.0, 0, None, "Local.CannotRun", lines)


def exit_reason(exit_code: int) -> str:
    """Lambda's words for a process exit; negative codes are signals, as in subprocess."""
    if exit_code == 0:
        return "Runtime exited without providing a reason"
    if exit_code == -9:
        return "Runtime exited with error: signal: killed"
    if exit_code < 0:
        return f"Runtime exited with error: signal: {-exit_code}"
    return f"Runtime exited with error: exit status {exit_code}"


def error_type(payload: bytes) -> str:
    """The errorType in an error the runtime reported."""
    try:
        return str(json.loads(payload).get("errorType", ""))
    except (ValueError, AttributeError):
        return ""


def _error(error_type: str, message: str) -> bytes:
    return json.dumps({"errorType": error_type, "errorMessage": message}).encode()

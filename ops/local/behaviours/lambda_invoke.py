"""Invoke, as Lambda answers it (L5, L21 to L27, L34, L35)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from .. import functions
from ..calls import Call, Refusal
from ..invocations import AsyncEvent
from ..runtime.outcome import Outcome
from ..runtime.pool import ThrottledError
from ..runtime.worker import Request
from ..table import Sheet

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_TAIL_BYTES = 4096
_MAX_REQUEST = 6_291_556
_MAX_EVENT = 1_048_576  # 256 KB until 2025


@rows.refuses("L39", "lambda.Invoke")
def payload_size(state: State, call: Call) -> Refusal | None:
    """Refuse payloads beyond what the kind of invocation takes."""
    kind = call.get("InvocationType", "RequestResponse")
    most = _MAX_EVENT if kind == "Event" else _MAX_REQUEST
    if len(call.get("Payload") or b"") <= most:
        return None
    text = f"Request must be smaller than {most} bytes for the InvokeFunction operation"
    return Refusal("RequestTooLargeException", text, 413)


@rows.answers("L34", "lambda.Invoke")
def invoke(state: State, call: Call) -> dict[str, Any] | Refusal | None:
    """Run the deployed code instead of moto's docker."""
    arn = functions.arn_of(call.account, call.region, call.get("FunctionName"))
    if functions.find(arn) is None:
        return None
    payload = bytes(call.get("Payload") or b"{}")
    kind = call.get("InvocationType", "RequestResponse")
    if kind == "DryRun":
        return {"StatusCode": 204, "Payload": b""}
    if kind == "Event":
        state.invocations.later(AsyncEvent(arn, payload, call.request_id, call.trace_id))
        return {"StatusCode": 202, "Payload": b""}
    try:
        request = Request(call.request_id, payload, call.trace_id)
        outcome = state.invocations.now(arn, payload, request)
    except ThrottledError:
        return _throttled()
    return _answer(call, outcome)


def _answer(call: Call, outcome: Outcome) -> dict[str, Any]:
    result: dict[str, Any] = {
        "StatusCode": 200,
        "ExecutedVersion": "$LATEST",
        "Payload": outcome.payload,
    }
    if outcome.failed:
        result["FunctionError"] = "Unhandled"
    if call.get("LogType") == "Tail":
        tail = "\n".join(line.text for line in outcome.lines).encode()[-_TAIL_BYTES:]
        result["LogResult"] = base64.b64encode(tail).decode()
    return result


def _throttled() -> Refusal:
    return Refusal(
        "TooManyRequestsException",
        "Rate Exceeded.",
        429,
        {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"},
    )

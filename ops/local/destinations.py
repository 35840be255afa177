"""The record that tells a destination how an asynchronous invocation ended (L23)."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from . import authorization, functions

if TYPE_CHECKING:
    from .invocations import AsyncEvent
    from .runtime.outcome import Outcome
    from .state import State

_log = logging.getLogger(__name__)
Condition = Literal["Success", "RetriesExhausted", "EventAgeExceeded"]
_PERMISSIONS = {"sns": "SNS:Publish", "sqs": "sqs:SendMessage", "lambda": "lambda:InvokeFunction"}


def report(state: State, event: AsyncEvent, outcome: Outcome | None, how: Condition) -> None:
    """Send the record to the function's destination for `how`, when it has one."""
    record_ = state.functions.get(event.arn)
    config = ((record_.event_invoke if record_ else None) or {}).get("DestinationConfig", {})
    side = "OnSuccess" if how == "Success" else "OnFailure"
    target = config.get(side, {}).get("Destination")
    if how != "Success":
        state.count("given_up")
    if not target:
        return
    function = functions.find(event.arn)
    action = _PERMISSIONS.get(target.split(":")[2], "")
    account = event.arn.split(":")[4]
    if function is None or not authorization.role_may(
        state, account, function.role, action, target
    ):
        state.count("undelivered_records")
        _log.warning("the role of %s may not %s %s", event.arn, action, target)
        return
    _send(state, target, json.dumps(record(event, outcome, how), separators=(",", ":")))


def record(event: AsyncEvent, outcome: Outcome | None, how: Condition) -> dict[str, Any]:
    """The record itself, as recorded from AWS."""
    now = datetime.now(UTC)
    context = {
        "requestId": event.request_id,
        "functionArn": f"{event.arn}:$LATEST",
        "condition": how,
        "approximateInvokeCount": event.attempts,
    }
    result: dict[str, Any] = {
        "version": "1.0",
        "timestamp": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z",
        "requestContext": context,
        "requestPayload": _json(event.payload),
    }
    if outcome is not None:
        result["responseContext"] = {"statusCode": 200, "executedVersion": "$LATEST"}
        if outcome.failed:
            result["responseContext"]["functionError"] = "Unhandled"
        result["responsePayload"] = _json(outcome.payload)
    return result


def _send(state: State, target: str, message: str) -> None:
    _, _, service, region, account, *rest = target.split(":")
    if service == "sns":
        sns_backends[account][region].publish(message=message, arn=target)
    elif service == "sqs":
        sqs_backends[account][region].send_message(rest[0], message)
    elif service == "lambda":
        from .invocations import AsyncEvent

        state.invocations.later(AsyncEvent(target, message.encode()))


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload or b"null")
    except ValueError:
        return payload.decode("utf-8", "replace")

"""How asynchronous invocations are retried and reported (I5, L21): kept here, not by moto."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from .. import functions
from ..calls import Call, Refusal
from ..table import Sheet
from .lambda_refusals import arn, invalid_parameter, missing_function, not_found

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_FIELDS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")
_CHANGES = ("lambda.PutFunctionEventInvokeConfig", "lambda.UpdateFunctionEventInvokeConfig")


@rows.refuses("L21", *_CHANGES)
def invalid(state: State, call: Call) -> Refusal | None:
    """Refuse an empty configuration, and a function that does not exist."""
    if missing_function(call):
        return not_found("The function doesn't exist.")
    if not any(name in call.params for name in (*_FIELDS, "DestinationConfig")):
        text = "You must specify at least one of error handling or destination setting."
        return invalid_parameter(text)
    return None


@rows.refuses("I5", *_CHANGES)
def invalid_destination(state: State, call: Call) -> Refusal | None:
    """Refuse a destination that is absent or to which the role may not send."""
    destinations = call.get("DestinationConfig") or {}
    for side in ("OnSuccess", "OnFailure"):
        target = (destinations.get(side) or {}).get("Destination")
        if not target:
            continue
        if target == arn(call):
            return invalid_parameter("You can't specify the function as a destination for itself.")
        if not _exists(target):
            return invalid_parameter(f"The destination ARN {target} is invalid.")
        role = functions.get(arn(call)).role
        refusal = state.propagation.missing_send_permission(state, call.account, role, target)
        if refusal:
            return refusal
    return None


@rows.refuses(
    "L21",
    "lambda.GetFunctionEventInvokeConfig",
    "lambda.UpdateFunctionEventInvokeConfig",
    "lambda.DeleteFunctionEventInvokeConfig",
)
def absent(state: State, call: Call) -> Refusal | None:
    """Refuse where nothing is configured."""
    record = state.functions.get(arn(call))
    if record is not None and record.event_invoke is not None:
        return None
    return not_found(f"The function {arn(call)}:$LATEST doesn't have an EventInvokeConfig")


@rows.answers("L21", *_CHANGES)
def put(state: State, call: Call) -> dict[str, Any]:
    """Put replaces everything, update only what it names; moto appends a second one."""
    record = state.function(arn(call))
    old = (record.event_invoke or {}) if call.operation.startswith("Update") else {}
    given = {name: call.params[name] for name in _FIELDS if call.get(name) is not None}
    if "DestinationConfig" in call.params:
        given["DestinationConfig"] = call.get("DestinationConfig") or {}
    record.event_invoke = {**old, **given}
    record.event_invoke_modified = time.time()
    return _shown(state, call)


@rows.answers("L21", "lambda.GetFunctionEventInvokeConfig")
def get(state: State, call: Call) -> dict[str, Any]:
    """Read it back with empty destinations, without what was never set."""
    return _shown(state, call)


@rows.answers("L21", "lambda.DeleteFunctionEventInvokeConfig")
def delete(state: State, call: Call) -> dict[str, Any]:
    """Go back to Lambda's defaults."""
    state.function(arn(call)).event_invoke = None
    return {}


@rows.answers("L21", "lambda.ListFunctionEventInvokeConfigs")
def list_all(state: State, call: Call) -> dict[str, Any] | Refusal:
    """List the one there is."""
    if missing_function(call):
        return not_found("The function doesn't exist.")
    configured = state.function(arn(call)).event_invoke is not None
    return {"FunctionEventInvokeConfigs": [_shown(state, call)] if configured else []}


def _shown(state: State, call: Call) -> dict[str, Any]:
    record = state.function(arn(call))
    kept = dict(record.event_invoke or {})
    destinations = kept.pop("DestinationConfig", {})
    sides = {side: destinations.get(side) or {} for side in ("OnSuccess", "OnFailure")}
    return {
        **kept,
        "FunctionArn": f"{arn(call)}:$LATEST",
        "LastModified": record.event_invoke_modified,
        "DestinationConfig": sides,
    }


def _exists(target: str) -> bool:
    _, _, service, region, account, name, *_ = [*target.split(":"), "", "", "", "", ""]
    if service == "sns":
        return target in sns_backends[account][region].topics
    if service == "sqs":
        return name in sqs_backends[account][region].queues
    if service == "lambda":
        return functions.find(target) is not None
    return service == "events" or service == "s3"

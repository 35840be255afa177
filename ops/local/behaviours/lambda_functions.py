"""What Lambda answers about functions, and keeps that moto drops (L1, L3, L10, L14, L32)."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from .. import functions
from ..aws_times import FUNCTION_LINGERS
from ..calls import Call, Refusal
from ..table import Sheet
from .lambda_refusals import arn, missing_function, not_found, violation
from .lambda_validation import uploaded_zip

if TYPE_CHECKING:
    from ..state import FunctionRecord, State

rows = Sheet()
_CHANGES = (
    "lambda.CreateFunction",
    "lambda.UpdateFunctionCode",
    "lambda.UpdateFunctionConfiguration",
)
_CONFIGURATIONS = (
    *_CHANGES,
    "lambda.GetFunctionConfiguration",
    "lambda.GetFunction",
    "lambda.ListFunctions",
    "lambda.PublishVersion",
)


@rows.follows("L32", "lambda.CreateFunction", "lambda.UpdateFunctionConfiguration")
def keep_configuration(state: State, call: Call) -> None:
    """Keep what moto ignores in an update: logging, storage, tracing, dead letters."""
    if call.operation == "CreateFunction":
        state.functions.pop(arn(call), None)
    function, record = functions.get(arn(call)), state.function(arn(call))
    record.logging = _merged_logging(record.logging, call.get("LoggingConfig") or {})
    if storage := call.get("EphemeralStorage"):
        function.ephemeral_storage = storage["Size"]
    if tracing := call.get("TracingConfig"):
        function.tracing_config = tracing
    if "DeadLetterConfig" in call.params:
        record.dead_letter = call.get("DeadLetterConfig") or {}
    if environment := call.get("Environment"):
        record.environment_was_set = True
        function.environment_vars = environment.get("Variables", {})
    functions.remember_layers(state, arn(call))


@rows.follows("L3", *_CHANGES)
def begin_change(state: State, call: Call) -> None:
    """Start the change: its new revision settles after AWS's time for it."""
    if call.get("DryRun"):
        return
    creating = call.operation == "CreateFunction"
    seconds = state.propagation.settling_s(state, call)
    state.function(arn(call)).begin("creating" if creating else "updating", seconds)
    state.invocations.retire(arn(call))


@rows.follows("L40", "lambda.DeleteFunction")
def forget(state: State, call: Call) -> None:
    """Drop the record and the workers; events still queued find no function."""
    state.functions.pop(arn(call), None)
    state.propagation.forget("permission", arn(call))
    state.invocations.retire(arn(call))


@rows.refuses("L40", "lambda.DeleteFunction")
def linger(state: State, call: Call) -> None:
    """Let events that are queued run a little longer, on the code that is deleted."""
    if functions.find(arn(call)) is not None:
        seconds = state.propagation.draw(state, FUNCTION_LINGERS)
        state.invocations.keep_for(arn(call), seconds)


@rows.rewrites("L1", *_CONFIGURATIONS)
def configuration(state: State, call: Call, result: dict[str, Any]) -> None:
    """Bring a function's configuration into AWS's shape, in every answer that has one."""
    if call.operation == "ListFunctions":
        for found in result.get("Functions", []):
            _complete(state, call, found)
        return
    _complete(state, call, result.get("Configuration", result))


@rows.answers("L25", "lambda.GetFunctionRecursionConfig")
def recursion(state: State, call: Call) -> dict[str, Any] | Refusal:
    """Answer whether a loop is stopped; moto does not know the call."""
    missing = missing_function(call)
    allowed = missing is None and state.function(arn(call)).may_recurse
    return missing or {"RecursiveLoop": "Allow" if allowed else "Terminate"}


@rows.answers("L25", "lambda.PutFunctionRecursionConfig")
def allow_recursion(state: State, call: Call) -> dict[str, Any] | Refusal:
    """Let a function loop, or stop it again."""
    wanted = call.get("RecursiveLoop")
    if wanted not in ("Terminate", "Allow"):
        constraint = "Member must satisfy enum value set: [Terminate, Allow]"
        return violation(wanted, "recursiveLoop", constraint)
    if missing := missing_function(call):
        return missing
    state.function(arn(call)).may_recurse = wanted == "Allow"
    return {"RecursiveLoop": wanted}


@rows.rewrites("L40", "lambda.DeleteFunction")
def deleted(state: State, call: Call, result: dict[str, Any]) -> None:
    """Repeat the status in the answer, as the newer model has it."""
    result["StatusCode"] = 204


@rows.rewrites("L10", "lambda.UpdateFunctionCode")
def dry_run(state: State, call: Call, result: dict[str, Any]) -> None:
    """Answer a dry run with the hash of what was uploaded; moto answers the old one."""
    content = uploaded_zip(call)
    if call.get("DryRun") and content is not None:
        digest = hashlib.sha256(content).digest()
        result["CodeSha256"], result["CodeSize"] = base64.b64encode(digest).decode(), len(content)


@rows.mends("L28", "lambda.*")
def unknown_function(state: State, call: Call, refusal: Refusal) -> Refusal | None:
    """Name the function as AWS does: by its full ARN."""
    missing = refusal.status == 404 and "unction not found" in refusal.text
    if not missing or not call.get("FunctionName") or functions.find(arn(call)):
        return None
    return not_found(f"Function not found: {arn(call)}")


def _complete(state: State, call: Call, found: dict[str, Any]) -> None:
    """Add and remove fields of one configuration."""
    function_arn = functions.arn_of(call.account, call.region, found["FunctionArn"])
    record = state.function(function_arn)
    empty = [name for name, value in found.items() if value in (None, [], {}) and name != "Code"]
    for name in (*empty, "VpcConfig", "Layers"):
        if not found.get(name):
            found.pop(name, None)
    logging = functions.logging_of(record.logging, found["FunctionName"])
    found["LoggingConfig"] = {"LogFormat": logging.format, "LogGroup": logging.group}
    if logging.is_json:
        found["LoggingConfig"]["ApplicationLogLevel"] = logging.application_level
        found["LoggingConfig"]["SystemLogLevel"] = logging.system_level
    if record.environment_was_set:
        found.setdefault("Environment", {"Variables": {}})
    if record.dead_letter.get("TargetArn"):
        found["DeadLetterConfig"] = record.dead_letter
    runtime = hashlib.sha256(str(found.get("Runtime")).encode()).hexdigest()
    where = f"arn:{call.partition}:lambda:{call.region}::runtime:{runtime}"
    found["RuntimeVersionConfig"] = {"RuntimeVersionArn": where}
    _show_progress(record, call, found)


def _show_progress(record: FunctionRecord, call: Call, found: dict[str, Any]) -> None:
    """Tell how far the last change is; the answer to a change itself never shows it done."""
    just_made = f"lambda.{call.operation}" in _CHANGES and not call.get("DryRun")
    phase = record.change if just_made else record.phase()
    found["RevisionId"] = record.revision_id
    found["LastModified"] = record.modified
    for name in ("LastUpdateStatusReason", "LastUpdateStatusReasonCode", "LastUpdateStatus"):
        found.pop(name, None)
    reason = "The function is being created."
    if phase == "creating":
        found |= {"State": "Pending", "StateReason": reason, "StateReasonCode": "Creating"}
        return
    found |= {"State": "Active", "LastUpdateStatus": "Successful"}
    if phase == "updating":
        found["LastUpdateStatus"] = "InProgress"
        found["LastUpdateStatusReason"] = reason
        found["LastUpdateStatusReasonCode"] = "Creating"


def _merged_logging(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """A partial update keeps the rest; going back to text drops the levels."""
    merged = {**old, **new}
    if merged.get("LogFormat", "Text") == "Text":
        merged.pop("ApplicationLogLevel", None)
        merged.pop("SystemLogLevel", None)
    return merged

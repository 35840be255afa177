"""A function's resource policy (L16 to L20)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .. import functions
from ..calls import Call, Refusal
from ..table import Sheet
from .lambda_refusals import arn, conflict, invalid_parameter, not_found, violation

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_SID = "([a-zA-Z0-9-_]+)"
_PRINCIPAL = re.compile(r"\*|\d{12}|arn:.+|[\w.-]+\.amazonaws\.com(\.cn)?")


@rows.refuses("L16", "lambda.AddPermission")
def invalid(state: State, call: Call) -> Refusal | None:
    """Refuse a Sid or principal that is malformed."""
    sid = call.get("StatementId", "")
    if not re.fullmatch(_SID, sid):
        constraint = f"Member must satisfy regular expression pattern: {_SID}"
        return violation(sid, "statementId", constraint)
    if not _PRINCIPAL.fullmatch(call.get("Principal", "")):
        text = "The provided principal was invalid. Please check the principal and try again."
        return invalid_parameter(text)
    if call.get("Qualifier") == "$LATEST":
        return invalid_parameter("We currently do not support adding policies for $LATEST.")
    return None


@rows.refuses("L16", "lambda.AddPermission")
def duplicate(state: State, call: Call) -> Refusal | None:
    """Refuse a Sid that is taken; moto appends the statement a second time."""
    function = functions.find(arn(call))
    if function is None:
        return not_found(f"Function not found: {arn(call)}")
    taken = {statement.get("Sid") for statement in function.policy.statements}
    if call.get("StatementId") not in taken:
        return None
    return conflict(
        f"The statement id ({call.get('StatementId')}) provided already exists. Please provide a "
        "new statement id, or remove the existing statement."
    )


@rows.refuses("L19", "lambda.GetPolicy")
def no_policy(state: State, call: Call) -> Refusal | None:
    """Refuse to read a policy that is absent, also of an absent function."""
    function = functions.find(arn(call))
    if function is not None and function.policy.statements:
        return None
    return not_found("The resource you requested does not exist.")


@rows.refuses("L19", "lambda.RemovePermission")
def nothing_to_remove(state: State, call: Call) -> Refusal | None:
    """Refuse to remove a statement that is absent."""
    function, sid = functions.find(arn(call)), call.get("StatementId")
    if function is None:
        return not_found(f"No policy found for: {arn(call)}")
    if not function.policy.statements:
        return not_found("No policy is associated with the given resource.")
    if sid not in {statement.get("Sid") for statement in function.policy.statements}:
        return not_found(f"Statement {sid} is not found in resource policy.")
    return None


@rows.follows("S10", "lambda.AddPermission", "lambda.RemovePermission")
def changed(state: State, call: Call) -> None:
    """Let S3 see the new policy later."""
    state.propagation.policy_changed(state, arn(call))

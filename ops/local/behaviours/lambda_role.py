"""The role of a function: assumable, permitted, and still the same (I1, I2, I12)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from provision import iam_policy

from .. import functions
from ..calls import Call, Refusal
from ..table import Sheet
from .lambda_refusals import arn, invalid_parameter, violation

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_WRITES = ("lambda.CreateFunction", "lambda.UpdateFunctionConfiguration")
_NOT_ASSUMABLE = "The role defined for the function cannot be assumed by Lambda."


@rows.refuses("I1", *_WRITES)
def role(state: State, call: Call) -> Refusal | None:
    """Refuse a role that Lambda cannot assume: absent, too new, or with another trust policy."""
    role_arn = call.get("Role")
    if role_arn is None:
        return None
    pattern = r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
    if not re.fullmatch(pattern, role_arn):
        constraint = f"Member must satisfy regular expression pattern: {pattern}"
        return violation(role_arn, "role", constraint)
    if _trusts_lambda(call, role_arn) and state.propagation.role_is_known(role_arn):
        return None
    return invalid_parameter(_NOT_ASSUMABLE)


@rows.refuses("I2", *_WRITES)
def dead_letter_permission(state: State, call: Call) -> Refusal | None:
    """Refuse a dead-letter target to which the role may not send."""
    target = (call.get("DeadLetterConfig") or {}).get("TargetArn")
    function = functions.find(arn(call))
    role_arn = call.get("Role") or (function.role if function else "")
    if not target or not role_arn:
        return None
    if state.propagation.may_send(state, call.account, role_arn, target):
        return None
    verb, service = ("Publish", "SNS") if ":sns:" in target else ("SendMessage", "SQS")
    return invalid_parameter(
        f"The provided execution role does not have permissions to call {verb} on {service}"
    )


@rows.follows("I12", *_WRITES)
def grant(state: State, call: Call) -> None:
    """Grant the role, as it is now, the use of the function's key."""
    if role_arn := call.get("Role"):
        state.function(arn(call)).role_id = functions.role_id(role_arn)


@rows.refuses("I12", "lambda.Invoke")
def role_replaced(state: State, call: Call) -> Refusal | None:
    """Refuse to run with a role that is gone, or is another one of the same name."""
    function = functions.find(arn(call))
    if function is None or functions.role_is_granted(state, arn(call)):
        return None
    if functions.role_id(function.role) is None:
        return Refusal("AccessDeniedException", _NOT_ASSUMABLE, 403)
    return Refusal(
        "KMSAccessDeniedException",
        "Lambda was unable to decrypt the environment variables because KMS access was denied. "
        "Please check the function's KMS key settings.",
        502,
    )


def _trusts_lambda(call: Call, role_arn: str) -> bool:
    found = functions.find_role(role_arn)
    if found is None:
        return False
    trusting = [
        statement
        for statement in iam_policy.statements(found.assume_role_policy_document)
        if iam_policy.names_principal(statement, "Service", "lambda.amazonaws.com")
    ]
    context = {"aws:sourceaccount": [call.account], "aws:securetransport": ["true"]}
    return iam_policy.decide(trusting, "sts:AssumeRole", role_arn, context) == "allow"

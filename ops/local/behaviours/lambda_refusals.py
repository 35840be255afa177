"""Lambda's own words for what is wrong, used by several of its rows."""

from __future__ import annotations

from ..calls import Call, Refusal
from ..functions import arn_of, find


def invalid_parameter(text: str) -> Refusal:
    """A value that is well-formed and cannot be used."""
    return Refusal("InvalidParameterValueException", text)


def conflict(text: str) -> Refusal:
    """Something else holds the name or is under way."""
    return Refusal("ResourceConflictException", text, 409)


def not_found(text: str) -> Refusal:
    """What is named does not exist."""
    return Refusal("ResourceNotFoundException", text, 404)


def violation(value: object, field: str, constraint: str) -> Refusal:
    """A value that breaks a constraint of the API's model."""
    return Refusal(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy "
        f"constraint: {constraint}",
    )


def arn(call: Call) -> str:
    """The unqualified ARN of the function a call is about."""
    return arn_of(call.account, call.region, call.get("FunctionName", ""))


def missing_function(call: Call) -> Refusal | None:
    """The refusal for a function that does not exist; None when it does."""
    return None if find(arn(call)) else not_found(f"Function not found: {arn(call)}")

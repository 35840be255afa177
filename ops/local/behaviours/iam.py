"""Roles and their policies (I7 to I14)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from moto.iam.models import iam_backends

from ..calls import Call, Refusal
from ..table import Sheet

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_PRINCIPAL = re.compile(r"arn:[\w-]+:iam::(\d{12}):(role|user)/(.+)")
_MAX_INLINE = 10_240


@rows.refuses("I13", "iam.CreateRole", "iam.PutRolePolicy", "iam.AttachRolePolicy")
def name(state: State, call: Call) -> Refusal | None:
    """Refuse names longer than IAM's; moto takes any length."""
    for parameter, most in (("RoleName", 64), ("PolicyName", 128)):
        value = call.get(parameter, "")
        if len(value) > most:
            field = parameter[0].lower() + parameter[1:]
            return Refusal(
                "ValidationError",
                f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy "
                f"constraint: Member must have length less than or equal to {most}",
            )
    return None


@rows.refuses("I7", "iam.CreateRole")
def exists(state: State, call: Call) -> Refusal | None:
    """Refuse a name that is taken."""
    role = call.get("RoleName")
    if _role(call) is None:
        return None
    return Refusal("EntityAlreadyExists", f"Role with name {role} already exists.", 409)


@rows.refuses("I8", "iam.CreateRole", "iam.UpdateAssumeRolePolicy")
def principal(state: State, call: Call) -> Refusal | None:
    """Refuse trust in somebody who does not exist; services always do."""
    document = call.get("AssumeRolePolicyDocument") or call.get("PolicyDocument", "")
    try:
        trusted = _trusted(json.loads(document))
    except (ValueError, AttributeError):
        return Refusal("MalformedPolicyDocument", "This policy contains invalid Json")
    for arn in trusted:
        match = _PRINCIPAL.fullmatch(arn)
        if match and not _exists(call, match[1], match[2], match[3]):
            text = f'Invalid principal in policy: "AWS":"{arn}"'
            return Refusal("MalformedPolicyDocument", text)
    return None


@rows.refuses("I13", "iam.PutRolePolicy")
def inline_size(state: State, call: Call) -> Refusal | None:
    """Refuse more inline policy than a role may have, white space not counted."""
    role = _role(call)
    if role is None:
        return None
    documents = {**role.policies, call.get("PolicyName"): call.get("PolicyDocument", "")}
    if sum(len(re.sub(r"\s", "", document)) for document in documents.values()) <= _MAX_INLINE:
        return None
    text = f"Maximum policy size of {_MAX_INLINE} bytes exceeded for role {role.name}"
    return Refusal("LimitExceeded", text, 409)


@rows.refuses("I10", "iam.DeleteRole")
def still_used(state: State, call: Call) -> Refusal | None:
    """Refuse to delete a role that still has policies."""
    role = _role(call)
    if role is None:
        return None
    if role.policies:
        text = "Cannot delete entity, must delete policies first."
        return Refusal("DeleteConflict", text, 409)
    if role.managed_policies:
        text = "Cannot delete entity, must detach all policies first."
        return Refusal("DeleteConflict", text, 409)
    return None


@rows.mends("I11", "iam.*")
def no_such_role(state: State, call: Call, refusal: Refusal) -> Refusal | None:
    """Say it in AWS's words."""
    if refusal.code != "NoSuchEntity":
        return None
    role = call.get("RoleName")
    if role and _role(call) is None:
        return Refusal("NoSuchEntity", f"The role with name {role} cannot be found.", 404)
    if role and call.operation in ("GetRolePolicy", "DeleteRolePolicy"):
        text = f"The role policy with name {call.get('PolicyName')} cannot be found."
        return Refusal("NoSuchEntity", text, 404)
    return None


@rows.rewrites("I16", "iam.CreateRole")
def created(state: State, call: Call, result: dict[str, Any]) -> None:
    """Leave out what only GetRole tells."""
    result["Role"].pop("MaxSessionDuration", None)
    result["Role"].pop("RoleLastUsed", None)


def _trusted(document: dict[str, Any]) -> list[str]:
    statements = document.get("Statement", [])
    found: list[str] = []
    for statement in statements if isinstance(statements, list) else [statements]:
        principals = statement.get("Principal", {})
        arns = principals.get("AWS", []) if isinstance(principals, dict) else []
        found += arns if isinstance(arns, list) else [arns]
    return found


def _exists(call: Call, account: str, kind: str, path: str) -> bool:
    backend = iam_backends[account][call.partition]
    name = path.rpartition("/")[2]
    known = backend.get_roles() if kind == "role" else backend.users.values()
    return any(entity.name == name for entity in known)


def _role(call: Call) -> Any | None:
    known = iam_backends[call.account][call.partition].get_roles()
    return next((role for role in known if role.name == call.get("RoleName")), None)

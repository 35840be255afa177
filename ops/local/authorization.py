"""Who is calling and whether they may: IAM's answer to a call.

Roles are always held to their policies, users only when the server is told to
(`enforce_users`); every other key counts as the account's administrator. Resource policies
of buckets are moto's business (with the condition evaluation of `replacements`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from moto.iam.models import iam_backends
from moto.s3.models import s3_backends
from moto.sts.models import sts_backends

from provision import iam_policy

from . import actions, faults
from .calls import Call, Refusal

if TYPE_CHECKING:
    from .state import State

_CODES = {
    "iam": ("AccessDenied", 403),
    "lambda": ("AccessDeniedException", 403),
    "logs": ("AccessDeniedException", 400),
    "resourcegroupstaggingapi": ("AccessDeniedException", 400),
    "sns": ("AuthorizationError", 403),
}


@dataclass(frozen=True)
class Caller:
    """A principal: its ARN as AWS prints it, and where its policies are kept."""

    kind: Literal["administrator", "role", "user"]
    arn: str
    name: str = ""


def identify(call: Call) -> Caller:
    """The principal behind a call's access key."""
    backend = iam_backends[call.account][call.partition]
    key = backend.access_keys.get(call.access_key)
    if key is not None and key.role_arn:
        assumed = sts_backends[call.account][call.partition].get_assumed_role_from_access_key(
            call.access_key
        )
        if assumed is not None:
            return Caller("role", assumed.arn, key.role_arn.rpartition("/")[2])
    if key is not None and key.user_name:
        return Caller("user", backend.get_user(key.user_name).arn, key.user_name)
    return Caller("administrator", f"arn:{call.partition}:iam::{call.account}:root")


def refuse(state: State, call: Call) -> Refusal | None:
    """IAM's refusal of a call; None when it is allowed.

    DeleteObjects is never refused as a whole: see `denied_needs`.
    """
    if call.action == "s3.DeleteObjects":
        return None
    denied = denied_needs(state, call)
    return denied[min(denied)] if denied else _hidden_object(state, call)


def denied_needs(state: State, call: Call) -> dict[int, Refusal]:
    """The refusals among what a call needs, by their place in `actions.needs`."""
    caller = identify(call)
    held = caller.kind == "role" or (caller.kind == "user" and state.settings.enforce_users)
    context = actions.context(call, caller.arn)
    statements = _statements(state, call.account, call.partition, caller) if held else []
    refusals: dict[int, Refusal] = {}
    for index, (action, resource) in enumerate(actions.needs(call)):
        decision: iam_policy.Decision = "allow"
        if held:
            decision = iam_policy.decide(statements, action, resource, context)
        if f"{faults.DENY}{action}".lower() in state.denied:
            decision = "deny"
        if decision != "allow":
            refusals[index] = _refusal(call, caller, action, resource, decision)
    return refusals


def role_may(state: State, account: str, role_arn: str, action: str, resource: str) -> bool:
    """Whether a role's own policies allow an action the platform does in its name."""
    caller = Caller("role", role_arn, role_arn.rpartition("/")[2])
    statements = _statements(state, account, "aws", caller)
    context = {"aws:securetransport": ["true"], "aws:principalarn": [role_arn]}
    return iam_policy.decide(statements, action, resource, context) == "allow"


def _hidden_object(state: State, call: Call) -> Refusal | None:
    """Without ListBucket, S3 does not tell that an object is missing (S23)."""
    caller = identify(call)
    free = caller.kind == "administrator" or (
        caller.kind == "user" and not state.settings.enforce_users
    )
    if free or call.action not in ("s3.GetObject", "s3.HeadObject"):
        return None
    bucket = s3_backends[call.account][call.partition].buckets.get(call.get("Bucket"))
    if bucket is None or call.get("Key") in bucket.keys:
        return None
    statements = _statements(state, call.account, call.partition, caller)
    arn = f"arn:{call.partition}:s3:::{call.get('Bucket')}"
    context = actions.context(call, caller.arn)
    decision = iam_policy.decide(statements, "s3:ListBucket", arn, context)
    if decision == "allow":
        return None
    return _refusal(call, caller, "s3:ListBucket", arn, decision)


def _statements(
    state: State, account: str, partition: str, caller: Caller
) -> list[iam_policy.Statement]:
    documents = _documents(iam_backends[account][partition], caller)
    if caller.kind == "role":
        documents = state.propagation.effective_documents(account, caller.name, documents)
    return [s for document in documents for s in iam_policy.statements(document)]


def _documents(backend: Any, caller: Caller) -> list[str]:
    holders = _holders(backend, caller)
    inline = [document for holder in holders for document in dict(holder.policies).values()]
    versions = [
        version
        for holder in holders
        for managed in holder.managed_policies.values()
        for version in managed.versions
    ]
    return [*inline, *(version.document for version in versions if version.is_default)]


def _holders(backend: Any, caller: Caller) -> list[Any]:
    if caller.kind == "user":
        return [backend.get_user(caller.name), *backend.get_groups_for_user(caller.name)]
    return [role for role in backend.get_roles() if role.name == caller.name]


def _refusal(
    call: Call, caller: Caller, action: str, resource: str, decision: iam_policy.Decision
) -> Refusal:
    why = (
        "with an explicit deny in an identity-based policy"
        if decision == "deny"
        else f"because no identity-based policy allows the {action} action"
    )
    named = f'"{resource}"' if call.service == "s3" else resource
    code, status = _CODES.get(call.service, ("AccessDenied", 403))
    text = f"User: {caller.arn} is not authorized to perform: {action} on resource: {named} {why}"
    return Refusal(code, text, status)

"""What the function may: the role's trust, its identity and its permissions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ops.doctor.facts import Facts
from ops.doctor.finding import Finding
from provision import iam_policy
from provision.resources.function import ROLE_ID_TAG
from provision.resources.role import permissions

_CONTEXT: Mapping[str, list[str]] = {"aws:securetransport": ["true"]}


def role_missing(facts: Facts) -> Iterator[Finding]:
    """Find that the function has nothing to act with."""
    if facts.missing("role"):
        role = facts.pipeline.names.role
        yield Finding(
            "role-missing",
            "error",
            f"The role {role} is gone.",
            "Lambda cannot give the function credentials.",
            facts.ctl("up"),
            {"role": role},
            up={},
        )


def role_trust(facts: Facts) -> Iterator[Finding]:
    """Find a role that Lambda may not assume."""
    trust = facts.differences("role").get("trust")
    if trust:
        yield Finding(
            "role-trust",
            "error",
            f"Lambda may not assume the role {facts.pipeline.names.role}.",
            "Its trust policy does not name lambda.amazonaws.com.",
            facts.ctl("up"),
            {"trust": trust.actual},
            up={},
        )


def role_recreated(facts: Facts) -> Iterator[Finding]:
    """Find a role made anew under the same name: Lambda still holds on to the old one (I12)."""
    tags = facts.differences("function").get("tags")
    if tags and tags.actual.get(ROLE_ID_TAG) != tags.desired.get(ROLE_ID_TAG):
        yield Finding(
            "role-recreated",
            "error",
            f"The role {facts.pipeline.names.role} was deleted and made again.",
            "Lambda keeps what it was granted by the old one until the role is set again.",
            facts.ctl("up"),
            {"was": tags.actual.get(ROLE_ID_TAG), "is": tags.desired.get(ROLE_ID_TAG)},
            up={},
        )


def role_permission_missing(facts: Facts) -> Iterator[Finding]:
    """Find what the function needs and its role does not allow."""
    missing = missing_permissions(facts)
    if missing:
        actions = sorted({action for action, _ in missing})
        yield Finding(
            "role-permission-missing",
            "error",
            f"The role {facts.pipeline.names.role} does not allow {', '.join(actions)}.",
            "Its inline policy 'pipeline' was changed or deleted, and the function needs that.",
            facts.ctl("up"),
            {"actions": actions, "resources": sorted({resource for _, resource in missing})},
            up={},
        )


def missing_permissions(facts: Facts) -> list[tuple[str, str]]:
    """Return the actions and resources that the function needs and its role does not allow."""
    drifted = facts.differences("role").get("policy")
    if drifted is None:
        return []
    statements = iam_policy.statements(drifted.actual) if drifted.actual else []
    return [
        (action, resource)
        for action, resource in _needs(drifted.desired)
        if iam_policy.decide(statements, action, resource, _CONTEXT) != "allow"
    ]


def allows(facts: Facts, action: str, resource: str) -> bool:
    """Say whether the role's own policy, as it is now, allows an action."""
    drifted = facts.differences("role").get("policy")
    if drifted is None:
        statements = iam_policy.statements(needed_policy(facts))
    else:
        statements = iam_policy.statements(drifted.actual) if drifted.actual else []
    return iam_policy.decide(statements, action, resource, _CONTEXT) == "allow"


def needed_policy(facts: Facts) -> dict[str, Any]:
    """Return the policy that this pipeline's role should have."""
    pipeline = facts.pipeline
    folders = list(pipeline.settings.folders)
    return permissions(pipeline.names, pipeline.input_bucket, pipeline.output_bucket, folders)


def _needs(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what our own policy allows; a wildcard at a resource's end stands for a name."""
    for statement in iam_policy.statements(document):
        for action in _listed(statement["Action"]):
            for resource in _listed(statement["Resource"]):
                yield action, resource.replace("*", "x")


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]

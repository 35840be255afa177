"""Differences that have no check of their own: changed by hand, and not urgent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ops.doctor import role
from ops.doctor.facts import Facts
from ops.doctor.finding import Finding

# Resources whose absence, and fields whose difference, another check tells better.
_MISSING_ELSEWHERE: Final = {
    "role", "layer", "input-bucket", "output-bucket", "topic", "log-group", "function",
    "permission", "notification", "subscriptions",
}  # fmt: skip
_TOLD_ELSEWHERE: Final = {
    "role": {"trust"},
    "layer": {"sha256", "runtimes", "architectures"},
    "function": {"runtime", "handler", "layers", "environment", "code"},
    "permission": {"principal", "action", "source_arn", "source_account"},
    "notification": {"function", "events", "prefix", "suffix"},
    "subscriptions": {"subscribed", "unsubscribed"},
    "log-group": {"retention_days"},
}


def drift(facts: Facts) -> Iterator[Finding]:
    """Find fields that were changed by hand."""
    for name in facts.plan.changes:
        for field, difference in facts.differences(name).items():
            if field in _TOLD_ELSEWHERE.get(name, ()) or _explained(facts, name, field):
                continue
            yield Finding(
                f"drift-{name}-{field.replace('_', '-')}",
                "warning",
                f"{name}: {field.replace('_', ' ')} is {difference.actual}, not "
                f"{difference.desired}.",
                "It was changed behind pipeline-ctl's back, or by another version of it.",
                facts.ctl("up"),
                {"actual": difference.actual, "desired": difference.desired},
                up={},
            )


def missing(facts: Facts) -> Iterator[Finding]:
    """Find resources that are gone and have no check of their own."""
    for name in facts.plan.changes:
        if facts.missing(name) and name not in _MISSING_ELSEWHERE:
            yield Finding(
                f"{name}-missing",
                "warning",
                f"The {name.replace('-', ' ')} is gone.",
                "It was deleted behind pipeline-ctl's back.",
                facts.ctl("up"),
                {"resource": name},
                up={},
            )


def _explained(facts: Facts, name: str, field: str) -> bool:
    """Say whether the check of the role tells it: a lost permission, or a new role's id."""
    if (name, field) == ("role", "policy"):
        return bool(role.missing_permissions(facts))
    if (name, field) == ("function", "tags"):
        return any(role.role_recreated(facts))
    return (name, field) == ("log-group", "tags") and facts.differs(name, "retention_days")

"""How an engine's Outcome reads: rows for `--json` and lines for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ops.render import escape
from provision.engine import Outcome
from provision.names import Names
from provision.pipeline import Pipeline
from provision.resource import Change, Difference
from provision.resources.subscriptions import Subscription

_SIGNS: Final = {
    "create": "[green]+[/]",
    "update": "[yellow]~[/]",
    "delete": "[red]-[/]",
    "keep": " ",
}
_LONGEST_VALUE: Final = 200


def resource_rows(outcome: Outcome) -> list[dict[str, Any]]:
    """Return a row a resource for `up` and `plan`, in the order of the list."""
    return [
        {
            "name": change.resource,
            "action": change.action,
            "id": change.id,
            "seconds": round(outcome.seconds.get(change.resource, 0.0), 3),
            "differences": difference_rows(change.differences),
        }
        for change in outcome.changes.values()
    ]


def difference_rows(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """Return a row a field."""
    return [{"field": d.field, "actual": d.actual, "desired": d.desired} for d in differences]


def listed_subscriptions(outcome: Outcome) -> list[Subscription]:
    """Return the subscriptions as the walk saw them last."""
    return list(outcome.known.get("subscriptions", {}).get("listed", []))


def subscription_rows(subscriptions: Sequence[Subscription]) -> list[dict[str, str]]:
    """Return a row an address."""
    return [{"email": s.email, "status": s.status} for s in subscriptions]


def outputs(pipeline: Pipeline, outcome: Outcome) -> dict[str, str | None]:
    """Return the names and ARNs that other tools need."""
    names = pipeline.names
    return {
        "input_bucket": pipeline.input_bucket,
        "output_bucket": pipeline.output_bucket,
        "topic_arn": names.topic_arn,
        "function_name": names.function,
        "role_arn": outcome.known.get("role", {}).get("id", names.role_arn),
        "layer_arn": outcome.known.get("layer", {}).get("id"),
        "log_group": names.log_group,
    }


def place(names: Names) -> dict[str, str]:
    """Return where a pipeline is."""
    return {"account": names.account, "region": names.region, "pipeline": names.pipeline}


def change_lines(changes: Mapping[str, Change]) -> list[str]:
    """Return a line a changing resource and one a field that differs."""
    lines = []
    for change in changes.values():
        if change.action != "keep":
            lines.append(f"{_SIGNS[change.action]} [bold]{change.resource}[/] {change.action}")
            lines += [_difference_line(change, difference) for difference in change.differences]
    return lines


def _difference_line(change: Change, difference: Difference) -> str:
    desired = _short(difference.desired)
    if change.action == "create":
        return f"    {difference.field}: {desired}"
    return f"    {difference.field}: {_short(difference.actual)} -> {desired}"


def _short(value: Any) -> str:
    text = str(value)
    return escape(text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]} ...")


def pending_lines(subscriptions: Sequence[Subscription]) -> list[str]:
    """Return what to do about each unconfirmed address."""
    return [
        f"[yellow]![/] {escape(s.email)} has not confirmed yet: open the link in the mail "
        "from AWS. It is valid for two days."
        for s in subscriptions
        if s.status == "pending"
    ]

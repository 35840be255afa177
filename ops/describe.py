"""How an engine's Outcome reads: rows for `--json` and lines for people. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ops.render import escape
from provision import interpreter
from provision.engine import Outcome
from provision.names import Names
from provision.pipeline import Pipeline
from provision.resource import Change, Difference
from provision.resources.subscriptions import MAILS_A_SECOND, Subscription

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
            for difference in change.differences:
                lines += _difference_lines(change, difference)
    return lines


def _difference_lines(change: Change, difference: Difference) -> list[str]:
    """Return a line a field; of a mapping that changes, a line for each key that differs."""
    actual, desired = difference.actual, difference.desired
    if change.action == "create":
        return [f"    {difference.field}: {_short(desired)}"]
    if not (isinstance(actual, Mapping) and isinstance(desired, Mapping)):
        return [f"    {difference.field}: {_short(actual)} -> {_short(desired)}"]
    return [
        f"    {difference.field} {escape(key)}: {_short(actual.get(key, 'unset'))} -> "
        f"{_short(desired.get(key, 'unset'))}"
        for key in sorted({*actual, *desired})
        if actual.get(key) != desired.get(key)
    ]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return escape(text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]} ...")


def bytecode_lines(pipeline: Pipeline, outcome: Outcome) -> list[str]:
    """Return a line when the function was just sent without bytecode, and what that costs."""
    runtime = pipeline.settings.runtime
    if outcome.changes["function"].action == "keep" or interpreter.find(runtime):
        return []
    return [
        f"There is no {runtime} on this machine to compile for: the function went without "
        "bytecode, and a cold start takes a tenth of a second longer."
    ]


def mail_lines(subscriptions: Sequence[Subscription], pipeline: Pipeline) -> list[str]:
    """Return what to do about unconfirmed addresses, and about more mails than SNS sends."""
    lines = _pending_lines(subscriptions, pipeline)
    if subscriptions and pipeline.settings.notify == "all":
        lines.append(
            "Every image sends a mail, and SNS disables an address that gets more than "
            f"{MAILS_A_SECOND} a second. Before many uploads: `pipeline-ctl up --notify failures`."
        )
    return lines


def _pending_lines(subscriptions: Sequence[Subscription], pipeline: Pipeline) -> list[str]:
    open_link = "open the link in the mail from AWS. It is valid for two days."
    if pipeline.aws.local:
        open_link = "run `pipeline-ctl local confirm`."
    unwanted = {email.lower() for email in pipeline.remove_emails}
    return [
        f"[yellow]![/] {escape(s.email)} has not confirmed yet: "
        + (
            "it cannot be removed and lapses after two days."
            if s.email.lower() in unwanted
            else open_link
        )
        for s in subscriptions
        if s.status == "pending"
    ]

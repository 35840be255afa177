"""`plan`: what `up` would change, field by field. Only reads."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.options import Emails, RemoveEmails, register
from ops.result import Result, unfinished

if TYPE_CHECKING:
    from ops.render import Screen
    from provision.pipeline import Pipeline

_EXITS = (
    "Exits with 0, or with --exit-code 3 when there are changes; 1 failed, 2 usage, 4 no access."
)
_EXAMPLE = "pipeline-ctl plan --memory 512"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    register(app, plan, "plan", exits=_EXITS, example=_EXAMPLE)


def plan(
    screen: "Screen",
    *,
    settings: dict[str, Any],
    email: Emails = None,
    remove_email: RemoveEmails = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 3 when there are changes.")
    ] = False,
) -> Result:
    """Show what `up` would do, without doing it."""
    from ops import session
    from ops.render import escape

    pipeline = session.open_pipeline(
        screen, flags=settings, add_emails=email or [], remove_emails=remove_email or []
    )
    screen.note(escape(session.where(pipeline, screen.options)))
    return plan_of(pipeline, changes_exit_code=3 if exit_code else 0)


def _left_lines(pipeline: "Pipeline") -> list[str]:
    """Say what becomes of buckets that the pipeline would use no more."""
    from provision import engine, moving

    left = moving.left_buckets(pipeline)
    ours = {resource.name for resource in engine.present(left)} if left else set()
    return [
        f"{bucket.bucket} is used no more: it goes if it is empty, and stays if it holds images"
        for bucket in left
        if bucket.name in ours
    ]


def plan_of(pipeline: "Pipeline", *, changes_exit_code: int = 0) -> Result:
    """Return the plan of a pipeline; also what `up --dry-run` answers."""
    from ops import describe
    from ops.prices import PRICES_OF, thousand_images_usd
    from provision import engine, moving

    if moving.moves(pipeline):
        moving.ensure_usable(pipeline)
    outcome = engine.plan(pipeline.aws, pipeline.resources())
    cost = thousand_images_usd(pipeline.settings)
    subscriptions = describe.listed_subscriptions(outcome)
    data = {
        **describe.place(pipeline.names),
        "resources": describe.resource_rows(outcome),
        "outputs": describe.outputs(pipeline, outcome),
        "subscriptions": describe.subscription_rows(subscriptions),
        "thousand_images_usd": round(cost, 4),
    }
    lines = describe.change_lines(outcome.changes)
    left = moving.with_left(pipeline)
    lines += [f"[red]-[/] {line}" for line in _left_lines(left)]
    if not outcome.ok:
        return Result(data, "\n".join(lines), *unfinished(outcome))
    costs = f"1,000 photographs cost about ${cost:.2f}, at list prices of {PRICES_OF}."
    if not lines:
        return Result(data, f"[green]Nothing to change.[/] {costs}")
    changed = sum(change.action != "keep" for change in outcome.changes.values())
    lines.append(f"{changed} resources would change; `up` with the same options does it. {costs}")
    return Result(data, "\n".join(lines), changes_exit_code)

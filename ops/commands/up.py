"""`up`: create the pipeline, or converge it to its settings."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.options import Emails, RemoveEmails, register
from ops.result import Result, unfinished

if TYPE_CHECKING:
    from ops.render import Screen
    from provision.engine import Outcome
    from provision.pipeline import Pipeline

_EXITS = (
    "Exits with 0 when all stands, 1 when something failed, 2 for wrong usage, 4 without access."
)
_EXAMPLE = "pipeline-ctl up --email me@example.com"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    register(app, up, "up", exits=_EXITS, example=_EXAMPLE)


def up(
    screen: "Screen",
    *,
    settings: dict[str, Any],
    email: Emails = None,
    remove_email: RemoveEmails = None,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send pending confirmation mails once more.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would change, like `plan`.")
    ] = False,
) -> Result:
    """Create the pipeline or mend what differs. Never asks; a second run changes nothing."""
    from ops import session
    from ops.commands.doctor import command_flags
    from ops.commands.plan import plan_of
    from ops.render import escape
    from provision import engine, moving

    pipeline = session.open_pipeline(
        screen,
        flags=settings,
        add_emails=email or [],
        remove_emails=remove_email or [],
        start_local=True,
    )
    screen.note(escape(session.where(pipeline, screen.options)))
    if dry_run:
        return plan_of(pipeline)
    for remark in _remarks(pipeline):
        screen.note(remark)
    pipeline = moving.let_go(pipeline)
    for bucket in pipeline.left:
        screen.note(
            f"The former bucket {escape(bucket)} stays with its images; when they are of no use "
            f"any more: aws s3 rb --force s3://{escape(bucket)}"
        )
    outcome = engine.up(pipeline.aws, pipeline.resources())
    screen.settle()
    if resend and "topic" not in outcome.failures:
        _resend(pipeline)
    return _result(pipeline, outcome, command_flags(screen.options))


def _remarks(pipeline: "Pipeline") -> Iterator[str]:
    """Say where what is made differs from what would be made elsewhere."""
    from provision.spec import Settings

    runtime = pipeline.settings.runtime
    if pipeline.aws.plain_http:
        yield "The endpoint is plain http: the TLS-only bucket policies are left out."
    if pipeline.aws.local and runtime != Settings().runtime:
        yield f"The function runs in this machine's {runtime}; all else is what AWS would get."


def _resend(pipeline: "Pipeline") -> None:
    from provision.resources.subscriptions import list_subscriptions, subscribe

    topic = pipeline.names.topic_arn
    unwanted = {email.lower() for email in pipeline.remove_emails}
    for subscription in list_subscriptions(pipeline.aws, topic) or []:
        if subscription.status == "pending" and subscription.email.lower() not in unwanted:
            subscribe(pipeline.aws, topic, subscription.email)


def _result(pipeline: "Pipeline", outcome: "Outcome", flags: str) -> Result:
    from ops import describe
    from ops.render import escape

    subscriptions = describe.listed_subscriptions(outcome)
    data = {
        **describe.place(pipeline.names),
        "resources": describe.resource_rows(outcome),
        "outputs": describe.outputs(pipeline, outcome),
        "subscriptions": describe.subscription_rows(subscriptions),
    }
    if not outcome.ok:
        return Result(data, "", *unfinished(outcome))
    lines = [_summary(outcome), *describe.mail_lines(subscriptions, pipeline)]
    lines += describe.bytecode_lines(pipeline, outcome)
    lines.append(f"Upload to s3://{pipeline.input_bucket}/uploads/")
    lines.append(f"Try it with `pipeline-ctl test-upload{escape(flags)} IMAGE`.")
    return Result(data, "\n".join(lines))


def _summary(outcome: "Outcome") -> str:
    actions = [change.action for change in outcome.changes.values()]
    changed = len(actions) - actions.count("keep")
    if not changed:
        return f"[green]Nothing to change:[/] all {len(actions)} resources are as they should be."
    return f"[green]Done:[/] {changed} resources changed, {actions.count('keep')} unchanged."

"""`status`: each resource as it is, the subscriptions, the last invocations, links."""

import time
from typing import TYPE_CHECKING, Any, Final

import typer

from ops.options import register
from ops.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.log_groups import Request
    from ops.render import Screen
    from provision.engine import Outcome
    from provision.pipeline import Pipeline

_EXITS = "Exits with 0 when all is well, 3 for drift or missing resources, 1 failed, 4 no access."
_EXAMPLE = "pipeline-ctl status"
_STATES: Final = {"keep": "ok", "create": "missing", "update": "drifted", "delete": "drifted"}
_COLOURS: Final = {"ok": "green", "drifted": "yellow", "missing": "red", "foreign": "red"}
_LAST_HOUR_MS: Final = 3_600_000
_INVOCATIONS: Final = 5


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    register(app, status, "status", exits=_EXITS, example=_EXAMPLE)


def status(screen: "Screen") -> Result:
    """Show each resource: ok, drifted, missing or foreign; subscriptions; last invocations."""
    from concurrent.futures import ThreadPoolExecutor

    from ops import session
    from ops.render import escape
    from provision import engine

    pipeline = session.open_pipeline(screen)
    screen.note(escape(session.where(pipeline, screen.options)))
    with ThreadPoolExecutor(1) as pool:
        recent = pool.submit(_recent, pipeline)
        outcome = engine.plan(pipeline.aws, pipeline.resources())
        return _result(pipeline, outcome, recent.result())


def _result(pipeline: "Pipeline", outcome: "Outcome", recent: "Sequence[Request]") -> Result:
    from ops import describe
    from provision.errors import ForeignResourceError

    failures = outcome.failures
    errors = tuple(e for e in failures.values() if not isinstance(e, ForeignResourceError))
    rows = _rows(outcome)
    healthy = all(row["state"] == "ok" for row in rows) and not errors
    subscriptions = describe.listed_subscriptions(outcome)
    links = _links(pipeline)
    data = {
        **describe.place(pipeline.names),
        "healthy": healthy,
        "resources": rows,
        "subscriptions": describe.subscription_rows(subscriptions),
        "invocations": [_invocation_row(request) for request in recent],
        "links": links,
    }
    lines = [_row_line(row) for row in rows]
    lines += [_difference for row in rows for _difference in _difference_lines(row)]
    lines += [f"  {s.email}: {s.status}" for s in subscriptions]
    lines += describe.mail_lines(subscriptions, pipeline)
    lines += [_invocation_line(request) for request in recent]
    lines += [f"{name}: {link}" for name, link in links.items()]
    lines.append(_verdict(rows))
    exit_code = 1 if errors else 0 if healthy else 3
    outcome_word = "failed" if errors else "ok"
    return Result(data, "\n".join(lines), exit_code, outcome_word, errors)  # type: ignore[arg-type]


def _rows(outcome: "Outcome") -> list[dict[str, Any]]:
    from ops import describe
    from provision.errors import ForeignResourceError

    rows = [
        {
            "name": change.resource,
            "state": _STATES[change.action],
            "differences": describe.difference_rows(change.differences)
            if change.action == "update"
            else [],
        }
        for change in outcome.changes.values()
    ]
    return rows + [
        {"name": name, "state": "foreign", "differences": [], "why": error.what}
        for name, error in outcome.failures.items()
        if isinstance(error, ForeignResourceError)
    ]


def _recent(pipeline: "Pipeline") -> "list[Request]":
    from ops.log_events import Reader
    from ops.log_groups import by_request

    since = int(time.time() * 1000) - _LAST_HOUR_MS
    events = Reader(pipeline.aws, pipeline.names.log_group, since).read()
    return [r for r in by_request(events) if r.request_id][-_INVOCATIONS:]


def _invocation_row(request: "Request") -> dict[str, Any]:
    return {
        "request_id": request.request_id,
        "time": request.events[0].time,
        "failed": request.failed,
        "keys": [event.fields["key"] for event in request.images],
        "billed_ms": request.report.get("billedDurationMs"),
        "max_memory_mb": request.report.get("maxMemoryUsedMB"),
    }


def _invocation_line(request: "Request") -> str:
    from ops.render import escape

    row = _invocation_row(request)
    mark = "[red]✗[/]" if row["failed"] or request.refused else "[green]✓[/]"
    keys = ", ".join(row["keys"]) or row["request_id"]
    return f"{mark} {row['time']}  {escape(keys)}"


def _links(pipeline: "Pipeline") -> dict[str, str]:
    """Return pages of the AWS console; none for the local AWS or another partition."""
    names, region = pipeline.names, pipeline.names.region
    if pipeline.aws.local or names.partition != "aws":
        return {}
    console = f"https://{region}.console.aws.amazon.com"
    return {
        "uploads": f"https://s3.console.aws.amazon.com/s3/buckets/{pipeline.input_bucket}",
        "results": f"https://s3.console.aws.amazon.com/s3/buckets/{pipeline.output_bucket}",
        "function": f"{console}/lambda/home?region={region}#/functions/{names.function}",
        "logs": f"{console}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/"
        + names.log_group.replace("/", "$252F"),
    }


def _row_line(row: dict[str, Any]) -> str:
    from ops.render import escape

    colour = _COLOURS[row["state"]]
    return f"[{colour}]{row['state']:<8}[/] {row['name']} {escape(row.get('why', ''))}".rstrip()


def _difference_lines(row: dict[str, Any]) -> list[str]:
    from ops.render import escape

    return [
        f"  {row['name']}.{d['field']}: {escape(d['actual'])}, should be {escape(d['desired'])}"
        for d in row["differences"]
    ]


def _verdict(rows: list[dict[str, Any]]) -> str:
    states = {row["state"] for row in rows}
    if states <= {"ok"}:
        return "[green]All is as it should be.[/]"
    if "ok" not in states and "drifted" not in states and "foreign" not in states:
        return "There is no such pipeline; `pipeline-ctl up` creates it."
    return "`pipeline-ctl up` mends what drifted or is missing; what is foreign stays."

"""`logs`: the function's log, grouped by request."""

import json
import re
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ops.options import register
from ops.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ops.log_events import LogEvent, Reader
    from ops.log_groups import Request
    from ops.render import Screen

_EXITS = (
    "Exits with 0; 1 when there is no pipeline, 2 for wrong usage, 4 without access, 130 for "
    "Ctrl-C."
)
_EXAMPLE = "pipeline-ctl logs --follow --since 10m"
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_POLL_S: Final = 1.0
_QUIET_S: Final = 20.0


def add_to(app: typer.Typer) -> None:
    """Add the command and its alias."""
    register(app, "logs", aliases=("tail-logs",), exits=_EXITS, example=_EXAMPLE)(logs)


def logs(
    screen: "Screen",
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    since: Annotated[
        str, typer.Option("--since", metavar="AGE", help="How far back: 30s, 10m, 2h or 7d.")
    ] = "1h",
    filter_text: Annotated[
        str, typer.Option("--filter", metavar="TEXT", help="Only requests that contain this.")
    ] = "",
    errors: Annotated[bool, typer.Option("--errors", help="Only requests that failed.")] = False,
    request: Annotated[
        str, typer.Option("--request", metavar="ID", help="Only this request.")
    ] = "",
    for_: Annotated[
        str, typer.Option("--for", metavar="TIME", help="With --follow: end after this time.")
    ] = "",
) -> Result:
    """Show the function's log, grouped by request. With --json one object a line."""
    from ops import session
    from ops.log_events import Reader

    age_s = duration_s(since, "--since")
    lasts_s = duration_s(for_, "--for") if for_ else float("inf")
    pipeline = session.open_pipeline(screen)
    session.require(pipeline)
    since_ms = int((time.time() - age_s) * 1000)
    reader = Reader(pipeline.aws, pipeline.names.log_group, since_ms)
    ends = time.monotonic() + (lasts_s if follow else 0)

    def wanted(group: "Request") -> bool:
        return (
            (not errors or group.failed)
            and (not request or group.request_id == request)
            and (not filter_text or any(filter_text in _text(e) for e in group.events))
        )

    groups = _groups(reader, pipeline.aws.pause, ends)
    shown = _show(screen, (group for group in groups if wanted(group)))
    if not shown and not screen.json:
        screen.note(f"No log lines in the last {since}.")
    return Result(streamed=True)


def duration_s(text: str, option: str) -> float:
    """Return the seconds of a duration such as 30s, 10m, 2h or 7d; UsageError otherwise."""
    from provision.errors import UsageError

    match = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if not match:
        raise UsageError(
            f"{option} cannot be '{text}'.",
            why="It takes a number and a unit: 30s, 10m, 2h or 7d.",
            fix="Correct the value.",
        )
    return float(match[1]) * _UNITS_S[match[2]]


def _groups(reader: "Reader", pause: "Callable[[float], None]", ends: float) -> "Iterator[Request]":
    """Yield each request once it is complete; what is incomplete at the end comes last."""
    from ops.log_groups import Collector

    collector = Collector(quiet_s=_QUIET_S)
    yield from collector.add(reader.read(), now=time.monotonic())
    while (left_s := ends - time.monotonic()) > 0:
        pause(min(_POLL_S, left_s))
        yield from collector.add(reader.read(), now=time.monotonic())
    yield from collector.rest()


def _show(screen: "Screen", groups: "Iterator[Request]") -> int:
    """Print the requests as they come and return how many there were."""
    shown = 0
    for group in groups:
        shown += 1
        if screen.json:
            for event in group.events:
                screen.line(json.dumps(_row(event), ensure_ascii=False))
        else:
            for line in _lines(group):
                screen.print(line)
    return shown


def _row(event: "LogEvent") -> dict[str, Any]:
    return {
        **event.fields,
        "time": event.time,
        "request_id": event.request_id,
        "level": event.level,
        "message": event.message,
        "event_id": event.event_id,
    }


def _text(event: "LogEvent") -> str:
    return f"{event.message} {json.dumps(event.fields, ensure_ascii=False)}"


def _lines(group: "Request") -> list[str]:
    from ops.render import escape

    mark = "[red]✗[/]" if group.failed else "[green]✓[/]"
    head = f"{mark} [bold]{group.events[0].time}[/] {group.request_id or ''}"
    lines = [f"{head} {_measured(group)}".rstrip()]
    for event in group.events:
        if event.kind == "function":
            lines += [f"    {escape(line)}" for line in _told(event)]
        elif event.level == "ERROR":
            cause = event.fields.get("errorType") or event.fields.get("status") or event.message
            lines.append(f"    [red]{escape(cause)}[/]")
    return lines


def _measured(group: "Request") -> str:
    report = group.report
    if not report:
        return "[dim](still running, or the log is late)[/]"
    return (
        f"[dim]{report.get('durationMs', 0):.0f} ms, billed "
        f"{report.get('billedDurationMs', 0):.0f} ms, {report.get('maxMemoryUsedMB', '?')} of "
        f"{report.get('memorySizeMB', '?')} MB, {'cold' if group.cold else 'warm'}[/]"
    )


def _told(event: "LogEvent") -> "Iterator[str]":
    fields = event.fields
    head = f"{event.level:<7} {event.message.splitlines()[0] if event.message else ''}"
    yield f"{head} {fields['key']}" if "key" in fields and "{" not in head else head
    if "reason" in fields:
        yield f"        {fields['reason']}"
    if stages := fields.get("stages_ms"):
        yield "        " + ", ".join(f"{stage} {ms:.0f} ms" for stage, ms in stages.items())
    if "errorMessage" in fields:
        yield f"        {fields.get('errorType', 'Error')}: {fields['errorMessage']}"
    for frame in fields.get("stackTrace", []):
        yield from (f"        {line}" for line in str(frame).rstrip().splitlines())
    yield from (f"        {line}" for line in event.message.splitlines()[1:])

"""`logs`: the function's log, grouped by request."""

import json
import math
import re
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ops.options import register
from ops.result import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ops.log_events import LogEvent, Reader
    from ops.log_groups import Collector, Request
    from ops.render import Screen

_EXITS = (
    "Exits with 0; 1 when there is no pipeline, 2 for wrong usage, 4 without access, 130 for "
    "Ctrl-C."
)
_EXAMPLE = "pipeline-ctl logs --follow --since 10m"
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_POLL_S: Final = 1.0
_QUIET_S: Final = 20.0
_BOILERPLATE: Final = "LAMBDA_WARNING: Unhandled exception."  # six lines with every error


def add_to(app: typer.Typer) -> None:
    """Add the command and its alias."""
    register(app, logs, "logs", aliases=("tail-logs",), exits=_EXITS, example=_EXAMPLE)


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
        str, typer.Option("--for", metavar="TIME", help="Follow for this long: 30s, 5m or 2h.")
    ] = "",
) -> Result:
    """Show the function's log, grouped by request. With --json one object a line."""
    from ops import session
    from ops.log_events import Reader
    from ops.log_groups import Collector

    age_s = duration_s(since, "--since")
    lasts_s = duration_s(for_, "--for") if for_ else math.inf if follow else 0.0
    pipeline = session.open_pipeline(screen)
    session.require(pipeline)
    since_ms = int((time.time() - age_s) * 1000)
    reader = Reader(pipeline.aws, pipeline.names.log_group, since_ms)
    collector = Collector(quiet_s=_QUIET_S)

    def show(groups: "Iterable[Request]") -> int:
        return _show(screen, (g for g in groups if _wanted(g, errors, request, filter_text)))

    try:
        shown = show(_groups(reader, collector, pipeline.aws.pause, lasts_s))
    except KeyboardInterrupt:
        show(collector.rest())
        return Result(streamed=True, exit_code=130)
    if not shown and not screen.json:
        chosen = bool(errors or request or filter_text)
        screen.note(f"No {'such requests' if chosen else 'log lines'} in the last {since}.")
    return Result(streamed=True)


def _wanted(group: "Request", errors: bool, request: str, text: str) -> bool:
    return (
        (not errors or group.failed or group.refused)
        and (not request or group.request_id == request)
        and (not text or any(text in _text(event) for event in group.events))
    )


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


def _groups(
    reader: "Reader",
    collector: "Collector",
    pause: "Callable[[float], None]",
    lasts_s: float,
) -> "Iterator[Request]":
    """Yield each request once it is complete; what is incomplete at the end comes last."""
    ends = time.monotonic() + lasts_s
    yield from _look(reader, collector)
    while (left_s := ends - time.monotonic()) > 0:
        pause(min(_POLL_S, left_s))
        yield from _look(reader, collector)
    yield from collector.rest()


def _look(reader: "Reader", collector: "Collector") -> "Iterator[Request]":
    for page in reader.pages():
        yield from collector.add(page, now=time.monotonic())


def _show(screen: "Screen", groups: "Iterable[Request]") -> int:
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

    mark = "[red]✗[/]" if group.failed or group.refused else "[green]✓[/]"
    lines = [f"{mark} [bold]{group.events[0].time}[/] {escape(group.request_id or '')}".rstrip()]
    lines += [f"    [dim]{measured}[/]" for measured in _measured(group)]
    told = {event.fields.get("errorType") for event in group.events if event.kind == "function"}
    for event in group.events:
        if event.kind == "function":
            lines += [f"    {escape(line)}" for line in _told(event)]
        elif event.level == "ERROR" and event.fields.get("errorType") not in told - {None}:
            cause = event.fields.get("errorType") or event.fields.get("status") or event.message
            lines.append(f"    [red]{escape(cause)}[/]")
    return lines


def _measured(group: "Request") -> "Iterator[str]":
    """Yield a line an attempt: Lambda runs what failed up to three times (L22)."""
    if group.continued:
        yield "more of it"
    elif not group.complete and group.request_id:
        yield "still running, or the log is late"
    for report in group.reports:
        start = "cold" if "initDurationMs" in report else "warm"
        yield (
            f"{report.get('durationMs', 0):.0f} ms, billed "
            f"{report.get('billedDurationMs', 0):.0f} ms, "
            f"{report.get('maxMemoryUsedMB', 0):.0f} of {report.get('memorySizeMB', 0):.0f} MB, "
            f"{start} start"
        )


def _told(event: "LogEvent") -> "Iterator[str]":
    fields = event.fields
    first, *rest = event.message.splitlines() or [""]
    if first.startswith(_BOILERPLATE):
        return
    if "key" in fields:
        yield f"{first.partition(' {')[0]} {fields['key']}"
    elif first:
        yield f"{event.level} {first}"
    if "reason" in fields:
        yield f"    {fields['reason']}"
    if stages := fields.get("stages_ms"):
        yield "    " + ", ".join(f"{stage} {ms:.0f} ms" for stage, ms in stages.items())
    if "errorMessage" in fields:
        yield f"{fields.get('errorType', 'Error')}: {fields['errorMessage']}"
    for frame in fields.get("stackTrace", []):
        yield from (f"    {line}" for line in str(frame).rstrip().splitlines())
    yield from (f"    {line}" for line in rest)

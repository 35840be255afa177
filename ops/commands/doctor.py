"""`doctor`: what is wrong with the pipeline, why, and the command that mends it."""

import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ops.options import register
from ops.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.doctor.finding import Finding
    from ops.options import Options
    from ops.render import Screen
    from provision.errors import AccessError

_EXITS: Final = (
    "Exits with 0 when nothing is wrong, 3 with findings, 1 failed, 2 for wrong usage, 4 without "
    "access."
)
_EXAMPLE: Final = "pipeline-ctl doctor --fix"
_MARKS: Final = {"error": "[red]✗[/]", "warning": "[yellow]![/]"}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    register(app, doctor, "doctor", exits=_EXITS, example=_EXAMPLE)


def doctor(
    screen: "Screen",
    *,
    fix: Annotated[bool, typer.Option("--fix", help="Run `up` where that mends it.")] = False,
) -> Result:
    """Find out what is wrong, why, and what mends it. Only reads, unless --fix is given."""
    from ops import session
    from ops.doctor import diagnosis, facts
    from ops.render import escape
    from provision.errors import AccessError

    flags = command_flags(screen.options)
    try:
        pipeline = session.open_pipeline(screen)
    except AccessError as error:
        return _locked_out(screen, error)
    screen.note(escape(session.where(pipeline, screen.options)))
    findings = diagnosis.diagnose(facts.read(pipeline, flags=flags))
    mendable = [finding for finding in findings if finding.up is not None]
    if not fix or not mendable:
        return _result(findings, [])
    began_ms = int(time.time() * 1_000)
    _mend(screen, mendable)
    left = diagnosis.diagnose(facts.read(pipeline, flags=flags, since_ms=began_ms))
    gone = {finding.code for finding in findings} - {finding.code for finding in left}
    return _result(left, sorted(gone))


def command_flags(options: "Options") -> str:
    """Return the shared options as flags, so that a remedy meets the same pipeline."""
    named = ("name", "profile", "region", "endpoint_url")
    flags = [
        f" --{name.replace('_', '-')} {value}"
        for name in named
        if (value := getattr(options, name)) and not (name == "endpoint_url" and options.local)
    ]
    return "".join([*flags, " --local"] if options.local else flags)


def _mend(screen: "Screen", findings: "Sequence[Finding]") -> None:
    """Run `up` once, with all the settings that the findings ask for."""
    from ops import session
    from provision import engine

    settings: dict[str, Any] = {}
    for finding in findings:
        settings.update(finding.up or {})
    pipeline = session.open_pipeline(screen, flags=settings)
    outcome = engine.up(pipeline.aws, pipeline.resources())
    screen.settle()
    for error in outcome.failures.values():
        raise error


def _result(findings: "Sequence[Finding]", fixed: "Sequence[str]") -> Result:
    data = {"findings": [finding.row() for finding in findings], "fixed": list(fixed)}
    lines = [f"[green]✓[/] mended: {code}" for code in fixed]
    lines += [line for finding in findings for line in finding_lines(finding)]
    if not findings:
        lines.append("[green]Nothing is wrong.[/]")
    return Result(data, "\n".join(lines), 3 if findings else 0)


def finding_lines(finding: "Finding") -> list[str]:
    """Return a finding for people; its evidence is left to `--json`."""
    from ops.render import escape

    return [
        f"{_MARKS[finding.severity]} [bold]{escape(finding.what)}[/] [dim]{finding.code}[/]",
        f"    why: {escape(finding.why)}",
        f"    fix: [cyan]{escape(finding.fix)}[/]",
    ]


def _locked_out(screen: "Screen", error: "AccessError") -> Result:
    """Return what can be said when AWS does not let us look at anything."""
    from ops.doctor.account import locked_out

    result = _result([locked_out(error)], [])
    told_twice = () if not screen.json else (error,)
    return Result(result.data, result.text, error.exit_code, "failed", told_twice)

"""`report`: one HTML page about the pipeline, to look at."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ops.options import register
from ops.result import Result

if TYPE_CHECKING:
    from ops.render import Screen

_EXITS: Final = "Exits with 0; 1 when there is no pipeline, 2 for wrong usage, 4 without access."
_EXAMPLE: Final = "pipeline-ctl report --open"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    register(app, report, "report", exits=_EXITS, example=_EXAMPLE)


def report(
    screen: "Screen",
    *,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where the page goes.")
    ] = Path("pipeline-report.html"),
) -> Result:
    """Write one HTML page: health, last uploads, failures, cost."""
    from ops import report as gathering
    from ops import report_page, session
    from ops.commands.doctor import command_flags
    from ops.render import escape
    from provision.errors import UsageError

    pipeline = session.open_pipeline(screen)
    session.require(pipeline)
    screen.note(escape(session.where(pipeline, screen.options)))
    told = gathering.gather(pipeline, command_flags(screen.options))
    try:
        output.write_text(report_page.page(told), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{output} cannot be written.", why=str(error), fix="Choose another --output."
        ) from error
    if open_:
        import webbrowser

        webbrowser.open(output.resolve().as_uri())
    data = {
        "path": str(output),
        "uploads": [upload.key for upload in told.uploads],
        "findings": [finding.row() for finding in told.findings],
        "failures": len(told.failures),
        "cost_usd": round(told.cost_usd, 8),
    }
    return Result(data, f"Written: {escape(output)}")

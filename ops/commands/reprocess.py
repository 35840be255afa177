"""`reprocess`: run existing uploads again."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ops.options import register
from ops.result import Result, graded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ops.render import Screen
    from ops.reprocess import Run
    from ops.stored_images import Candidate
    from provision.pipeline import Pipeline

_EXITS: Final = (
    "Exits with 0 when all were processed or nothing was to do, 1 when none was, 3 when some "
    "were, 2 for wrong usage, 4 without access, 130 for Ctrl-C."
)
_EXAMPLE: Final = "pipeline-ctl reprocess --missing --dry-run"
_BAR: Final = 30
_REASONS: Final = {
    "missing": "results are missing",
    "stale-settings": "made with other settings",
    "stale-source": "made from an older version",
    "asked": "asked for",
}


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    register(app, reprocess, "reprocess", exits=_EXITS, example=_EXAMPLE)


def reprocess(
    screen: "Screen",
    *,
    prefix: Annotated[
        str, typer.Option("--prefix", metavar="P", help="Only keys under uploads/P.")
    ] = "",
    missing: Annotated[
        bool, typer.Option("--missing", help="Only those whose results are missing or stale.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list them, with the reason.")
    ] = False,
) -> Result:
    """Run existing uploads again. After an interruption, --missing goes on with the rest."""
    from ops import reprocess, session, stored_images
    from ops.render import escape
    from provision.aws_errors import explained
    from provision.errors import PipelineError

    pipeline = session.open_pipeline(screen)
    session.require(pipeline)
    screen.note(escape(session.where(pipeline, screen.options)))
    chosen = stored_images.candidates(pipeline, prefix, missing_only=missing)
    if dry_run:
        return _listing(chosen, reprocess.earlier_verdicts(pipeline, chosen))
    runs = _run_all(screen, pipeline, chosen)
    try:
        mailed = explained(lambda: reprocess.mail_summary(pipeline, runs), "mail", "the summary")
    except PipelineError as error:
        return replace(_result(chosen, runs, mailed=False), errors=(error,))
    return _result(chosen, runs, mailed=mailed)


def _run_all(screen: "Screen", pipeline: "Pipeline", chosen: "Sequence[Candidate]") -> "list[Run]":
    """Run them under a progress bar."""
    from ops import reprocess
    from provision.events import Event

    runs: list[Run] = []
    if chosen:
        for run in reprocess.run_all(pipeline, chosen, reprocess.concurrency(pipeline)):
            runs.append(run)
            screen.listen(Event("started", "images", _bar(len(runs), len(chosen))))
        screen.listen(Event("finished", "images", _bar(len(runs), len(chosen))))
    screen.settle()
    return runs


def _bar(done: int, total: int) -> str:
    full = _BAR * done // total
    return f"{'█' * full}{'░' * (_BAR - full)} {done} of {total}"


def _listing(chosen: "Sequence[Candidate]", before: "Mapping[str, str]") -> Result:
    from ops.render import escape

    rows: list[dict[str, Any]] = [
        {"key": c.upload.key, "reason": c.reason, "before": before.get(c.upload.key)}
        for c in chosen
    ]
    lines = []
    for row in rows:
        lines.append(f"{escape(row['key'])}  [dim]{_REASONS[row['reason']]}[/]")
        if row["before"]:
            lines.append(f"    {escape(row['before'])}")
    lines.append(f"{len(rows)} images would be processed again.")
    return Result({"images": rows, "dry_run": True}, "\n".join(lines))


def _result(chosen: "Sequence[Candidate]", runs: "Sequence[Run]", *, mailed: bool) -> Result:
    from ops.render import escape

    reasons = {c.upload.key: c.reason for c in chosen}
    rows = [
        {"key": r.upload.key, "reason": reasons[r.upload.key], "outcome": r.outcome, "why": r.why}
        for r in sorted(runs, key=lambda run: run.upload.key)
    ]
    bad = [row for row in rows if row["outcome"] != "processed"]
    lines = [f"[red]✗[/] {escape(r['key'])} {r['outcome']}: {escape(r['why'])}" for r in bad]
    lines.append(f"{len(rows) - len(bad)} of {len(rows)} images were processed again.")
    data = {"images": rows, "dry_run": False, "mailed": mailed}
    return Result(data, "\n".join(lines), *graded(len(bad), len(rows)))

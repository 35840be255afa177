"""`test-upload`: send images through the pipeline and check what comes out."""

from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.options import register
from ops.result import Result, graded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.doctor.finding import Finding
    from ops.photos import Photo
    from ops.render import Screen
    from ops.trial import Trial
    from provision.pipeline import Pipeline

_AT_ONCE = 4
_LINK_S = 3_600
_WAIT_S = 120.0
_EXITS = (
    "Exits with 0 when all came out right, 1 when none did, 3 when some did, 2 for a file "
    "that is no image, 4 without access."
)
_EXAMPLE = "pipeline-ctl test-upload holiday.jpg"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    register(app, test_upload, "test-upload", exits=_EXITS, example=_EXAMPLE)


def test_upload(
    screen: "Screen",
    *,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", show_default=False, help="Images.")
    ],
    wait: Annotated[
        float | None,
        typer.Option(
            "--wait",
            metavar="SECONDS",
            min=1,
            help="How long to wait: 120 when left out, 360 while the pipeline is new.",
        ),
    ] = None,
    save: Annotated[
        Path | None, typer.Option("--save", metavar="DIR", help="Save the results here.")
    ] = None,
    clean: Annotated[
        bool, typer.Option("--clean", help="Delete the upload and its outputs afterwards.")
    ] = False,
) -> Result:
    """Upload images under fresh keys and check the three outputs of each."""
    from ops import photos, session, trial
    from ops.commands.doctor import command_flags
    from ops.doctor import upload
    from ops.render import escape

    chosen = [photos.open_photo(path) for path in files]
    if save:
        save.mkdir(parents=True, exist_ok=True)  # before anything is uploaded
    pipeline = session.open_pipeline(screen)
    fresh = trial.is_fresh(session.require(pipeline))
    deadline_s = wait or (trial.FRESH_S if fresh else _WAIT_S)
    screen.note(escape(session.where(pipeline, screen.options)))

    trials = _send(screen, pipeline, chosen, deadline_s, fresh=fresh)
    screen.settle()
    findings = upload.explain(pipeline, trials, command_flags(screen.options))
    if save:
        _save(save, trials)
    if clean:
        for done in trials:
            trial.clean(pipeline, done)
    return _result(screen, pipeline, trials, findings, save)


def _send(
    screen: "Screen",
    pipeline: "Pipeline",
    chosen: "Sequence[Photo]",
    deadline_s: float,
    *,
    fresh: bool,
) -> "list[Trial]":
    """Send the images, a few at once, and show how far each is."""
    from concurrent.futures import ThreadPoolExecutor

    from ops import trial
    from provision.events import Event

    def send(photo: "Photo") -> "Trial":
        def step(doing: str) -> None:
            screen.listen(Event("started", photo.path.name, doing))

        done = trial.run(pipeline, photo, deadline_s=deadline_s, fresh=fresh, step=step)
        end = (
            Event("failed", photo.path.name, done.error.what, done.total_s)
            if done.error
            else Event("finished", photo.path.name, "arrived", done.total_s)
        )
        screen.listen(end)
        return done

    with ThreadPoolExecutor(_AT_ONCE) as pool, pipeline.aws.stopping_threads():
        return list(pool.map(send, chosen))


def _save(folder: Path, trials: "Sequence[Trial]") -> None:
    """Save each under its file's name; files of one name get a number."""
    names: list[str] = []
    for done in trials:
        stem = done.photo.path.stem
        numbered = chain([stem], (f"{stem}-{number}" for number in count(2)))
        names.append(next(name for name in numbered if name not in names))
        for output in done.outputs:
            target = folder / output.size / f"{names[-1]}{_suffix(output.content_type)}"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(output.content)


def _suffix(content_type: str) -> str:
    return {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}.get(content_type, "")


def _result(
    screen: "Screen",
    pipeline: "Pipeline",
    trials: "Sequence[Trial]",
    findings: "Sequence[Finding]",
    save: Path | None,
) -> Result:
    from ops import trial

    rows = [trial.row(pipeline, done) for done in trials]
    for output in (output for row in rows for output in row["outputs"]):
        output["url"] = _link(pipeline, output["key"])
    errors = tuple(done.error for done in trials if done.error)
    lines = [line for done, row in zip(trials, rows, strict=True) for line in _lines(done, row)]
    if screen.interactive:
        screen.pictures([done.outputs[0].content for done in trials if done.outputs])
    if save:
        lines.append(f"Saved in {save}")
    data = {"uploads": rows, "findings": [finding.row() for finding in findings]}
    return Result(data, "\n".join(lines), *graded(len(errors), len(trials)), errors)


def _link(pipeline: "Pipeline", key: str) -> str:
    """Return an address that shows a result to whoever has it, for an hour."""
    return pipeline.aws.s3.generate_presigned_url(
        "get_object",
        Params={"Bucket": pipeline.output_bucket, "Key": key},
        ExpiresIn=_LINK_S,
    )


def _lines(done: "Trial", row: "dict[str, Any]") -> list[str]:
    from ops.render import escape

    if done.error:
        return [f"[red]✗[/] {escape(done.photo.path)} -> {escape(done.key)}"]
    timings = {k: f"{v:.2f} s" if v is not None else "?" for k, v in row["timings_s"].items()}
    lines = [f"[green]✓[/] {escape(done.photo.path)} ({done.photo.width}x{done.photo.height})"]
    lines += [
        f"    {o.width:>4}x{o.height:<4} {len(o.content) / 1000:>7.1f} kB  "
        f"[link={shown['url']}]{escape(o.key)}[/link]"
        for o, shown in zip(done.outputs, row["outputs"], strict=True)
    ]
    memory = f", {row['max_memory_mb']} MB" if row["max_memory_mb"] else ""
    cost = f", ${row['cost_usd']:.6f}" if row["cost_usd"] is not None else ""
    start = "cold start" if row["cold_start"] else "warm"
    lines.append(
        f"    upload {timings['upload']}, to the function {timings['start']}, function "
        f"{timings['function']} ({start}{memory}), in all {timings['total']}{cost}"
    )
    return lines

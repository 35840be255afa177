"""`down`: remove everything the pipeline owns, and look again."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from ops.options import register
from ops.result import Result, unfinished

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.render import Screen
    from provision.pipeline import Pipeline
    from provision.resource import Resource

_EXITS = (
    "Exits with 0 when nothing is left, 1 when something is, 2 for wrong usage, 4 without access."
)
_EXAMPLE = "pipeline-ctl down --yes --delete-data"


def add_to(app: typer.Typer) -> None:
    """Add the command and its alias."""
    register(app, down, "down", aliases=("teardown",), exits=_EXITS, example=_EXAMPLE)


def down(
    screen: "Screen",
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be deleted.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    delete_data: Annotated[
        bool, typer.Option("--delete-data", help="Delete the stored images too.")
    ] = False,
    keep_buckets: Annotated[
        bool, typer.Option("--keep-buckets", help="Leave both buckets and their images.")
    ] = False,
) -> Result:
    """Remove everything the pipeline owns. Stored images stay unless told otherwise."""
    from ops import session
    from ops.render import escape
    from provision import moving
    from provision.errors import StoredImagesError, UsageError
    from provision.resources.bucket import Bucket

    if delete_data and keep_buckets:
        raise UsageError("--delete-data and --keep-buckets exclude each other.", fix="Choose one.")
    if not (yes or dry_run or screen.interactive):
        raise UsageError(
            "down deletes things, and nobody is there to ask.",
            why="Standard input or output is no terminal.",
            fix="Add --yes.",
        )
    pipeline = moving.standing(session.open_pipeline(screen, delete_data=delete_data))
    resources = moving.everything(pipeline)
    if keep_buckets:
        resources = [r for r in resources if not isinstance(r, Bucket)]
    screen.note(escape(session.where(pipeline, screen.options)))
    stored = _stored(resources)
    if dry_run:
        return _dry_run(pipeline, resources, stored)
    if stored[0] and not delete_data:
        raise StoredImagesError(
            f"The buckets hold {stored[0]:,} objects ({_megabytes(stored[1])}).",
            why="Stored images are never deleted without being told to. Nothing was touched.",
            fix="Add --delete-data to delete them, or --keep-buckets to keep both buckets.",
        )
    if not yes and not _confirmed(pipeline, stored):
        return Result(text="Nothing was deleted.", exit_code=1, status="failed")
    result = _delete(pipeline, resources, stored)
    if keep_buckets and result.exit_code == 0:
        kept = dict.fromkeys((pipeline.input_bucket, pipeline.output_bucket, *pipeline.left))
        lines = [f"Kept, if they are there: {', '.join(f's3://{bucket}' for bucket in kept)}."]
        return replace(result, text="\n".join([result.text, *lines]))
    return result


def _stored(resources: "Sequence[Resource]") -> tuple[int, int]:
    """Return the objects and bytes in the buckets that would be deleted."""
    from provision.resources.bucket import Bucket

    buckets = {r.bucket: r for r in resources if isinstance(r, Bucket)}  # one may serve both
    counts = [bucket.stored() for bucket in buckets.values()]
    return sum(objects for objects, _ in counts), sum(size for _, size in counts)


def _confirmed(pipeline: "Pipeline", stored: tuple[int, int]) -> bool:
    images = f" and {stored[0]:,} stored objects" if stored[0] else ""
    return typer.confirm(f"Delete the pipeline {pipeline.names.pipeline}{images}?", err=True)


def _dry_run(
    pipeline: "Pipeline", resources: "Sequence[Resource]", stored: tuple[int, int]
) -> Result:
    from ops import describe
    from provision import engine

    present = engine.present(resources)
    lines = [f"[red]-[/] {resource.name}" for resource in present]
    if stored[0]:
        lines.append(f"[red]-[/] {stored[0]:,} stored objects ({_megabytes(stored[1])})")
    lines = lines or ["Nothing to delete."]
    data = {
        **describe.place(pipeline.names),
        "deleted": [],
        "remaining": [resource.name for resource in present],
        "objects_deleted": 0,
        "objects": stored[0],
        "bytes": stored[1],
    }
    return Result(data, "\n".join(lines))


def _delete(
    pipeline: "Pipeline", resources: "Sequence[Resource]", stored: tuple[int, int]
) -> Result:
    from ops import describe
    from provision import engine, moving
    from provision.errors import PipelineError

    moving.detach(pipeline)
    outcome = engine.down(pipeline.aws, resources)
    remaining = outcome.remaining
    deleted = [f"{c.resource} {c.id}" if c.id else c.resource for c in outcome.changes.values()]
    data = {
        **describe.place(pipeline.names),
        "deleted": deleted,
        "remaining": remaining,
        "objects_deleted": stored[0],
    }
    if outcome.failures:
        return Result(data, "", *unfinished(outcome))
    if remaining:
        error = PipelineError(
            f"Still there: {', '.join(remaining)}.",
            why="Something made it again while it was being deleted.",
            fix="Run `pipeline-ctl down` again.",
        )
        return Result(data, "", 1, "partial" if deleted else "failed", (error,))
    text = f"[green]Gone:[/] {len(deleted)} resources deleted, nothing is left."
    return Result(data, text if deleted else "There is no such pipeline; nothing to delete.")


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"

"""Buckets that a pipeline used and uses no more: they are let go of, or remembered.

A move is recorded on the function before anything else happens, together with the names of what
is left, so a run that dies in the middle is gone on with by any later `up` or `down`. A bucket
that holds images stays, and stays recorded, until it is empty or `down` may delete it.
"""

from __future__ import annotations

from dataclasses import replace

from provision.aws_errors import explained
from provision.pipeline import Pipeline
from provision.resource import Resource
from provision.resources.bucket import Bucket
from provision.resources.notification import Notification


def as_recorded(pipeline: Pipeline) -> Pipeline:
    """Return the pipeline with the settings that the last `up` recorded."""
    if pipeline.former is None:
        return pipeline
    regional = pipeline.former.bucket_namespace == "account-regional"
    names = replace(pipeline.names, account_regional=regional)
    return replace(pipeline, settings=pipeline.former, names=names)


def with_left(pipeline: Pipeline) -> Pipeline:
    """Return the pipeline with what it leaves beside what it left earlier."""
    used = [bucket.bucket for bucket in as_recorded(pipeline).buckets()]
    kept = {pipeline.input_bucket, pipeline.output_bucket}
    left = dict.fromkeys(name for name in (*pipeline.left, *used) if name not in kept)
    return replace(pipeline, left=tuple(left))


def moves(pipeline: Pipeline) -> bool:
    """Whether the pipeline is to use other buckets than it does."""
    former = as_recorded(pipeline)
    before = (former.input_bucket, former.output_bucket)
    return before != (pipeline.input_bucket, pipeline.output_bucket)


def ensure_usable(pipeline: Pipeline) -> None:
    """Raise when a bucket to come is somebody else's, or tells somebody else of uploads."""
    for bucket in pipeline.buckets():
        explained(bucket.read, "use", bucket.bucket)
    coming = _notification(pipeline, pipeline.input_bucket)
    explained(coming.ensure_free, "use", pipeline.input_bucket)


def let_go(pipeline: Pipeline) -> Pipeline:
    """Let go of what the pipeline uses no more; return it with what stays for its images.

    Raises, before anything is changed, when the buckets to come cannot be used.
    """
    moved = with_left(pipeline)
    if moves(pipeline):
        ensure_usable(pipeline)
        explained(moved.function().record, "record", "the move")
    former = as_recorded(pipeline).input_bucket
    if former != pipeline.input_bucket:
        _unnotified(pipeline, former)
    detach(moved)
    staying = []
    for bucket in left_buckets(moved):
        if explained(bucket.stored, "count the objects in", bucket.bucket)[0]:
            staying.append(bucket.bucket)
        else:
            explained(bucket.delete, "delete", bucket.bucket)
    return replace(pipeline, left=tuple(staying))


def detach(pipeline: Pipeline) -> None:
    """Take our notifications away from buckets that were left, also from those of others."""
    for name in pipeline.left:
        _unnotified(pipeline, name)


def left_buckets(pipeline: Pipeline) -> list[Bucket]:
    """Return the buckets that are used no more; one that is not ours is never deleted."""
    aws, names, data = pipeline.aws, pipeline.names, pipeline.delete_data
    return [
        Bucket(aws, names, f"left-{number}", chosen=name, delete_data=data)
        for number, name in enumerate(pipeline.left, start=1)
    ]


def standing(pipeline: Pipeline) -> Pipeline:
    """Return what stands, for `down`: as recorded, with what was left and what is configured.

    Somebody may have changed `pipeline.toml` since.
    """
    recorded = as_recorded(pipeline)
    configured = (pipeline.input_bucket, pipeline.output_bucket)
    return with_left(replace(recorded, left=(*pipeline.left, *configured)))


def everything(pipeline: Pipeline) -> list[Resource]:
    """Return all resources, also the buckets that were left."""
    return [*pipeline.resources(), *left_buckets(pipeline)]


def _notification(pipeline: Pipeline, bucket: str) -> Notification:
    return Notification(pipeline.aws, pipeline.names, bucket)


def _unnotified(pipeline: Pipeline, bucket: str) -> None:
    explained(_notification(pipeline, bucket).delete, "delete the notification of", bucket)

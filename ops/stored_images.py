"""Compares the uploads with their results: what is missing, what is stale, and why.

A result carries the ETag of its source and a fingerprint of the settings it was made with. The
fingerprint of today comes from the function's own `settings.py`, run, not imported: it is the file
that is deployed, which the hash of the code proves.
"""

from __future__ import annotations

import runpy
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal, TypeAlias

from provision.aws_errors import found
from provision.errors import PipelineError
from provision.names import UPLOADS_PREFIX
from provision.package import build_function
from provision.pipeline import Pipeline
from provision.resources.function import deployed_code

Reason: TypeAlias = Literal["missing", "stale-settings", "stale-source", "asked"]
_AT_ONCE: Final = 16


@dataclass(frozen=True)
class Upload:
    """An object in the input bucket."""

    key: str
    size_bytes: int
    etag: str
    modified: datetime


@dataclass(frozen=True)
class Candidate:
    """An upload that should be run again, and why."""

    upload: Upload
    reason: Reason


def candidates(pipeline: Pipeline, prefix: str, *, missing_only: bool) -> list[Candidate]:
    """Return the uploads under a prefix that should run, by key.

    With `missing_only` those whose results lack or are stale, else all of them.
    """
    uploads = list(_uploads(pipeline, prefix))
    if not missing_only:
        return [Candidate(upload, "asked") for upload in uploads]
    stored = _stored_keys(pipeline, prefix)
    check = partial(_reason, pipeline, stored, fingerprint(pipeline))
    with ThreadPoolExecutor(_AT_ONCE) as pool, pipeline.aws.stopping_threads():
        reasons = list(pool.map(check, uploads))
    pairs = zip(uploads, reasons, strict=True)
    return [Candidate(upload, reason) for upload, reason in pairs if reason]


def input_prefix(prefix: str) -> str:
    """Return a prefix as it is in the input bucket; `uploads/` may be left out."""
    return prefix if prefix.startswith(UPLOADS_PREFIX) else UPLOADS_PREFIX + prefix


def fingerprint(pipeline: Pipeline) -> str:
    """Return the mark that the deployed function puts on its results now."""
    name = pipeline.names.function
    function = pipeline.aws.lambda_.get_function(FunctionName=name)
    ours = build_function(pipeline.settings.runtime, pipeline.function_dir)
    if deployed_code(function) != ours.digest:
        raise PipelineError(
            "The deployed function is not the one of this pipeline-ctl.",
            why="So nobody can tell which results it would make differently.",
            fix="Run `pipeline-ctl up` first, or leave out --missing.",
        )
    variables = function["Configuration"].get("Environment", {}).get("Variables", {})
    settings: Any = runpy.run_path(str(pipeline.function_dir / "settings.py"))["Settings"]
    return str(settings.from_environment(variables).fingerprint)


def output_keys(pipeline: Pipeline, key: str) -> list[str]:
    """Return where an upload's results belong."""
    rest = key.removeprefix(UPLOADS_PREFIX)
    return [f"{folder}/{rest}" for folder in pipeline.settings.folders]


def _uploads(pipeline: Pipeline, prefix: str) -> Iterator[Upload]:
    for item in _listed(pipeline, pipeline.input_bucket, input_prefix(prefix)):
        if not (item["Key"].endswith("/") and item["Size"] == 0):  # a console's folder (S22)
            yield Upload(item["Key"], item["Size"], item["ETag"].strip('"'), item["LastModified"])


def _stored_keys(pipeline: Pipeline, prefix: str) -> set[str]:
    rest = input_prefix(prefix).removeprefix(UPLOADS_PREFIX)

    def keys(folder: str) -> list[str]:
        listed = _listed(pipeline, pipeline.output_bucket, f"{folder}/{rest}")
        return [item["Key"] for item in listed]

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return {key for found_ in pool.map(keys, pipeline.settings.folders) for key in found_}


def _listed(pipeline: Pipeline, bucket: str, prefix: str) -> Iterator[Mapping[str, Any]]:
    pages = pipeline.aws.s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, ExpectedBucketOwner=pipeline.names.account
    )
    for page in pages:
        yield from page.get("Contents", [])


def _reason(pipeline: Pipeline, stored: set[str], mark: str, upload: Upload) -> Reason | None:
    """Return why an upload's results are not what they should be; None when they are."""
    keys = output_keys(pipeline, upload.key)
    if not stored.issuperset(keys):
        return "missing"
    for key in keys:
        marks = _marks(pipeline, key)
        if marks is None:
            return "missing"
        if marks.get("source-etag") != upload.etag:
            return "stale-source"
        if marks.get("settings") != mark:
            return "stale-settings"
    return None


def _marks(pipeline: Pipeline, key: str) -> Mapping[str, str] | None:
    owner = pipeline.names.account
    answer = found(
        lambda: pipeline.aws.s3.head_object(
            Bucket=pipeline.output_bucket, Key=key, ExpectedBucketOwner=owner
        ),
        "404",
        "NoSuchKey",
    )
    return answer["Metadata"] if answer else None

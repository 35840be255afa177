"""What the report page tells: health, the last uploads with their pictures, failures, cost.

Gathers; `report_page` writes it as HTML. Pictures are made small enough for a page that stands
alone.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any, Final

from PIL import Image, ImageOps

from ops.doctor import diagnosis, facts
from ops.doctor.facts import Facts
from ops.doctor.finding import Finding
from ops.log_events import LogEvent
from ops.log_groups import Request
from ops.prices import image_cost_usd
from provision.aws_errors import found
from provision.pipeline import Pipeline

_SHOWN: Final = 8
_FAILURES: Final = 50
_PICTURE_PX: Final = 320
_LARGEST_BYTES: Final = 40_000_000
_AT_ONCE: Final = 8


@dataclass(frozen=True)
class Picture:
    """One picture of the page: a small JPEG or PNG; `content` is None when it is gone."""

    title: str
    caption: str
    content: bytes | None
    content_type: str = "image/jpeg"


@dataclass(frozen=True)
class Hop:
    """Milliseconds that one step of an upload took."""

    name: str
    milliseconds: float


@dataclass(frozen=True)
class ShownUpload:
    """One upload that was processed: original and results, time, memory, cost."""

    key: str
    time: str
    pictures: Sequence[Picture]
    hops: Sequence[Hop]
    memory_mb: float
    memory_limit_mb: float
    cost_usd: float
    cold: bool


@dataclass(frozen=True)
class Failure:
    """One upload, or one invocation, that gave no results."""

    time: str
    subject: str
    outcome: str
    why: str


@dataclass(frozen=True)
class Report:
    """Everything on the page."""

    pipeline: str
    account: str
    region: str
    made: str
    findings: Sequence[Finding]
    uploads: Sequence[ShownUpload]
    failures: Sequence[Failure]
    processed: int
    median_ms: float
    cost_usd: float


def gather(pipeline: Pipeline, flags: str) -> Report:
    """Read the pipeline, its log and the last pictures."""
    known = facts.read(pipeline, flags=flags)
    processed = [
        (request, event)
        for request in known.requests
        for event in request.images
        if event.word == "processed"
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool, pipeline.aws.stopping_threads():
        show = partial(_shown, pipeline)
        uploads = list(pool.map(lambda pair: show(*pair), processed[-_SHOWN:]))
    return Report(
        pipeline.names.pipeline,
        pipeline.names.account,
        pipeline.names.region,
        known.now.isoformat(timespec="seconds"),
        diagnosis.diagnose(known),
        uploads[::-1],
        _failures(known),
        len(processed),
        median([request.report.get("durationMs", 0.0) for request, _ in processed] or [0.0]),
        sum(_cost(pipeline, request) for request, _ in processed),
    )


def _shown(pipeline: Pipeline, request: Request, event: LogEvent) -> ShownUpload:
    fields = event.fields
    source: Mapping[str, Any] = fields.get("source", {})
    original = _picture(pipeline, fields.get("bucket", ""), fields["key"], "original", source)
    results = [
        _picture(pipeline, pipeline.output_bucket, output["key"], output["size"], output)
        for output in fields.get("outputs", [])
    ]
    stages = fields.get("stages_ms", {})
    return ShownUpload(
        fields["key"],
        event.time,
        [original, *results],
        [Hop(name, ms) for name, ms in stages.items() if name != "total"],
        request.report.get("maxMemoryUsedMB", 0),
        request.report.get("memorySizeMB", pipeline.settings.memory),
        _cost(pipeline, request),
        request.cold,
    )


def _picture(
    pipeline: Pipeline, bucket: str, key: str, title: str, known: Mapping[str, Any]
) -> Picture:
    caption = f"{known.get('width', '?')} x {known.get('height', '?')}"
    if size_bytes := known.get("bytes"):
        caption += f", {size_bytes / 1000:,.0f} kB"
    answer = found(
        lambda: pipeline.aws.s3.get_object(
            Bucket=bucket, Key=key, ExpectedBucketOwner=pipeline.names.account
        ),
        "NoSuchKey",
        "NoSuchBucket",
    )
    if answer is None or answer["ContentLength"] > _LARGEST_BYTES:
        return Picture(title, caption, None)
    return Picture(title, caption, *_small(answer["Body"].read()))


def _small(content: bytes) -> tuple[bytes | None, str]:
    """Return a picture of at most 320 pixels and its type; None for what Pillow cannot read."""
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.draft("RGB", (_PICTURE_PX, _PICTURE_PX))
            upright = ImageOps.exif_transpose(image)
            transparent = upright.has_transparency_data
            small = upright.convert("RGBA" if transparent else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None, ""
    small.thumbnail((_PICTURE_PX, _PICTURE_PX))
    written = io.BytesIO()
    small.save(written, "PNG" if transparent else "JPEG", quality=80)
    return written.getvalue(), "image/png" if transparent else "image/jpeg"


def _failures(known: Facts) -> list[Failure]:
    """Return what was refused or failed, the newest first."""
    failures = [failure for request in known.requests for failure in _of(request)]
    return sorted(failures, key=lambda failure: failure.time, reverse=True)[:_FAILURES]


def _of(request: Request) -> list[Failure]:
    words = {"refused", "failed"}
    told = [e for e in request.images if e.word in words]
    if not told and request.failed:
        return [Failure(request.events[0].time, request.request_id or "", "failed", _why(request))]
    return [
        Failure(
            event.time,
            event.fields["key"],
            event.word,
            str(event.fields.get("reason") or event.fields.get("errorMessage") or _why(request)),
        )
        for event in told
    ]


def _why(request: Request) -> str:
    for event in request.events:
        if event.is_error:
            fields = event.fields
            said = fields.get("errorMessage") or fields.get("errorType") or event.message
            return str(said).partition("\n")[0]
    return ""


def _cost(pipeline: Pipeline, request: Request) -> float:
    billed_ms = request.report.get("billedDurationMs", 0.0) / max(1, len(request.images))
    return image_cost_usd(pipeline.settings, billed_ms)

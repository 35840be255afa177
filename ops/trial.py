"""Sends one image through the pipeline and follows it: upload, outputs, log.

Knows nothing of the command line. What it cannot find out (a log that is late) is None.
"""

from __future__ import annotations

import io
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from PIL import Image

from ops.log_groups import Request
from ops.photos import Photo, content_type, fitted
from ops.prices import image_cost_usd
from ops.trial_log import TrialLog
from provision.aws import Aws
from provision.aws_errors import found
from provision.errors import PipelineError
from provision.names import UPLOADS_PREFIX
from provision.pipeline import Pipeline

KEY_MAX_BYTES: Final = 1021  # a longer key has no room for the output folder
_FIRST_DELAY_S: Final = 0.15
_LONGEST_DELAY_S: Final = 2.0
_LOG_GRACE_S: Final = 8.0
FRESH_S: Final = 360.0
_AGAIN_S: Final = 25.0
_PAUSE_S: Final = 1.0


class TrialFailedError(PipelineError):
    """An image went in and its outputs did not come out right."""

    code = "trial-failed"


@dataclass(frozen=True)
class Output:
    """One result as it lies in the output bucket; `size` is its folder."""

    size: str
    key: str
    width: int
    height: int
    content_type: str
    content: bytes = field(repr=False)


@dataclass
class Trial:
    """One upload and what became of it."""

    photo: Photo
    key: str
    upload_s: float = 0.0
    total_s: float | None = None
    uploaded_at_ms: int = 0
    outputs: list[Output] = field(default_factory=list)
    request: Request | None = None
    error: PipelineError | None = None


def fresh_key(path: Path) -> str:
    """Return a key that nobody used before and that still shows the file's name."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    folder = f"{UPLOADS_PREFIX}test-{stamp}-{secrets.token_hex(3)}/"
    name = path.name.encode("utf-8", "replace").decode()
    room = KEY_MAX_BYTES - len(folder)
    return folder + name.encode()[-room:].decode(errors="ignore")


def is_fresh(function: Mapping[str, Any]) -> bool:
    """Whether a pipeline is so young that AWS may not act on all of it yet.

    `function` is the function's configuration. S3 takes up to five minutes to heed a notification
    (S17), and IAM some seconds to enforce a policy (I6).
    """
    seconds = str(function["LastModified"])[:19]  # 2026-01-31T12:00:00.000+0000, always UTC
    modified = datetime.fromisoformat(seconds).replace(tzinfo=UTC)
    return (datetime.now(UTC) - modified).total_seconds() < FRESH_S


def run(
    pipeline: Pipeline,
    photo: Photo,
    *,
    deadline_s: float,
    fresh: bool,
    step: Callable[[str], None],
) -> Trial:
    """Upload one photo and wait for its outputs; failures are in the trial's `error`.

    In a `fresh` pipeline what fails is sent again under a new key until the deadline, since
    S3 drops events from before it heeds the notification. `step` is told what is awaited.
    """
    ends = time.monotonic() + deadline_s
    patience_s = _AGAIN_S if fresh else deadline_s
    trial = _attempt(pipeline, photo, min(patience_s, deadline_s), step)
    while fresh and trial.error and time.monotonic() + patience_s < ends:
        clean(pipeline, trial)
        step("AWS may not act on the new pipeline yet: sending it again")
        pipeline.aws.pause(_PAUSE_S)
        trial = _attempt(pipeline, photo, patience_s, step)
    return trial


def _attempt(
    pipeline: Pipeline, photo: Photo, patience_s: float, step: Callable[[str], None]
) -> Trial:
    trial = Trial(photo, fresh_key(photo.path))
    step("uploading")
    began = time.monotonic()
    _upload(pipeline, photo.path, trial.key)
    trial.upload_s = time.monotonic() - began
    trial.uploaded_at_ms = int(time.time() * 1000)
    log = TrialLog(pipeline, trial.key, trial.uploaded_at_ms)
    step("waiting for the outputs")
    try:
        _await_outputs(pipeline, trial, log, began + patience_s)
        trial.total_s = time.monotonic() - began
        step("reading the log")
        _await_report(pipeline.aws, log)
        _check(pipeline, trial)
    except PipelineError as error:
        trial.error = error
    trial.request = log.request
    return trial


def clean(pipeline: Pipeline, trial: Trial) -> None:
    """Delete the upload and its outputs."""
    owner = pipeline.names.account
    keys = {pipeline.input_bucket: [trial.key]}
    keys.setdefault(pipeline.output_bucket, []).extend(_output_keys(pipeline, trial.key).values())
    for bucket, names in keys.items():
        pipeline.aws.s3.delete_objects(
            Bucket=bucket,
            ExpectedBucketOwner=owner,
            Delete={"Objects": [{"Key": name} for name in names], "Quiet": True},
        )


def row(pipeline: Pipeline, trial: Trial) -> dict[str, Any]:
    """Return the trial as `--json` shows it."""
    report = trial.request.report if trial.request else {}
    billed = report.get("billedDurationMs")
    return {
        "path": str(trial.photo.path),
        "key": trial.key,
        "request_id": trial.request.request_id if trial.request else None,
        "cold_start": trial.request.cold if report and trial.request else None,
        "outputs": [
            {
                "size": output.size,
                "key": output.key,
                "width": output.width,
                "height": output.height,
                "bytes": len(output.content),
                "content_type": output.content_type,
            }
            for output in trial.outputs
        ],
        "timings_s": {
            "upload": round(trial.upload_s, 3),
            "start": _start_s(trial),
            "function": round(report["durationMs"] / 1000, 3) if "durationMs" in report else None,
            "total": round(trial.total_s, 3) if trial.total_s is not None else None,
        },
        "max_memory_mb": report.get("maxMemoryUsedMB"),
        "billed_ms": billed,
        "cost_usd": _cost(pipeline, billed),
    }


def _upload(pipeline: Pipeline, path: Path, key: str) -> None:
    pipeline.aws.s3.upload_file(
        str(path),
        pipeline.input_bucket,
        key,
        ExtraArgs={
            "ContentType": content_type(path),
            "ExpectedBucketOwner": pipeline.names.account,
        },
    )


def _await_outputs(pipeline: Pipeline, trial: Trial, log: TrialLog, ends: float) -> None:
    missing = _output_keys(pipeline, trial.key)
    delay = _FIRST_DELAY_S
    while missing:
        for size, key in list(missing.items()):
            output = _fetch(pipeline, size, key)
            if output is not None:
                trial.outputs.append(output)
                del missing[size]
        if missing:
            log.look()
            _raise_verdict(trial, log)
            if time.monotonic() > ends:
                raise _nothing_came(trial, log, missing)
            pipeline.aws.pause(delay)
            delay = min(delay * 1.5, _LONGEST_DELAY_S)


def _raise_verdict(trial: Trial, log: TrialLog) -> None:
    """Stop waiting as soon as the function itself says that nothing will come."""
    verdict = log.verdict or log.crash
    if verdict is None or verdict.word == "processed":
        return
    raise TrialFailedError(
        f"The function did not process {trial.photo.path.name}.",
        why=verdict.reason,
        fix="`pipeline-ctl logs --errors` shows the whole story.",
    )


def _nothing_came(trial: Trial, log: TrialLog, missing: Mapping[str, str]) -> TrialFailedError:
    """Say which hop failed: S3 to Lambda, the function, or its writes."""
    if log.request is None:
        return TrialFailedError(
            f"{trial.photo.path.name} was uploaded, but the function never started on it.",
            why="The bucket's notification or the permission to invoke is missing, not yet "
            "effective (S3 takes up to five minutes), or the log is late.",
            fix="Look with `pipeline-ctl status`; mend with `pipeline-ctl up`; or wait longer "
            "with --wait 300.",
        )
    return TrialFailedError(
        f"The function ran, but these outputs did not come: {', '.join(sorted(missing))}.",
        why="It is still running, or it was stopped while it worked.",
        fix="`pipeline-ctl logs --since 10m` shows what it did.",
    )


def _await_report(aws: Aws, log: TrialLog) -> None:
    """Give the log a few seconds to show Lambda's report."""
    ends = time.monotonic() + _LOG_GRACE_S
    delay = _FIRST_DELAY_S
    log.look()
    while (log.request is None or not log.request.complete) and time.monotonic() < ends:
        aws.pause(delay)
        delay = min(delay * 1.5, _LONGEST_DELAY_S)
        log.look()


def _check(pipeline: Pipeline, trial: Trial) -> None:
    folders = pipeline.settings.folders
    trial.outputs.sort(key=lambda output: folders[output.size])
    for output in trial.outputs:
        wanted = fitted(trial.photo.width, trial.photo.height, folders[output.size])
        if any(abs(a - b) > 1 for a, b in zip((output.width, output.height), wanted, strict=True)):
            raise TrialFailedError(
                f"{output.key} is {output.width}x{output.height}.",
                why=f"It should be {wanted[0]}x{wanted[1]}.",
                fix="Run `pipeline-ctl up`; the function may be an older one.",
            )


def _fetch(pipeline: Pipeline, size: str, key: str) -> Output | None:
    answer = found(
        lambda: pipeline.aws.s3.get_object(
            Bucket=pipeline.output_bucket, Key=key, ExpectedBucketOwner=pipeline.names.account
        ),
        "NoSuchKey",
        "404",
    )
    if answer is None:
        return None
    content = answer["Body"].read()
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            width, height = image.size
    except Exception as error:  # Pillow raises whatever a broken file makes it stumble over
        raise TrialFailedError(
            f"{key} came, but is no picture that can be opened.",
            why=str(error),
            fix="Run `pipeline-ctl doctor`; `pipeline-ctl up` puts our function back.",
        ) from error
    return Output(size, key, width, height, answer["ContentType"], content)


def _output_keys(pipeline: Pipeline, key: str) -> dict[str, str]:
    rest = key.removeprefix(UPLOADS_PREFIX)
    return {folder: f"{folder}/{rest}" for folder in pipeline.settings.folders}


def _start_s(trial: Trial) -> float | None:
    """Return the seconds from the end of the upload to the start of the function."""
    starts = [
        e.time_ms
        for e in (trial.request.events if trial.request else ())
        if e.kind in {"platform.start", "platform.initStart"}
    ]
    return round(max(0, min(starts) - trial.uploaded_at_ms) / 1000, 3) if starts else None


def _cost(pipeline: Pipeline, billed_ms: float | None) -> float | None:
    return None if billed_ms is None else round(image_cost_usd(pipeline.settings, billed_ms), 8)

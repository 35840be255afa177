"""Why one test upload failed: the doctor's findings that bear on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ops.doctor import diagnosis, facts
from ops.doctor.facts import Facts
from ops.doctor.finding import Finding
from ops.log_events import LogEvent
from ops.trial import Trial, TrialFailedError
from provision.errors import PipelineError
from provision.pipeline import Pipeline

_SLACK_MS: Final = 60_000  # by which this machine's clock may be ahead of AWS's
_DELAYS: Final = {"throttled", "function-not-active"}


def explain(pipeline: Pipeline, trials: Sequence[Trial], flags: str) -> list[Finding]:
    """Diagnose the trials that failed; each one's error then ends with its first finding."""
    failed = [trial for trial in trials if trial.error]
    if not failed:
        return []
    since_ms = min(trial.uploaded_at_ms for trial in failed) - _SLACK_MS
    known = facts.read(pipeline, flags=flags, since_ms=since_ms)
    findings: dict[str, Finding] = {}
    for trial in failed:
        for finding in _of(trial, known)[:1]:
            findings.setdefault(finding.code, finding)
            trial.error = _told(trial.error, finding)
    return list(findings.values())


def _of(trial: Trial, known: Facts) -> list[Finding]:
    """Return what explains one trial: what the function said of it, or the causes."""
    own = [r for r in known.requests if any(_is_of(trial, e) for e in r.images)]
    refusals = [e for r in own for e in r.images if _is_of(trial, e) and _is_refusal(e)]
    if refusals:
        return [_refused(refusals[-1], known)]
    causes = diagnosis.diagnose(replace(known, requests=own) if own else known)
    errors = [finding for finding in causes if finding.severity == "error"]
    return errors or [finding for finding in causes if finding.code in _DELAYS]


def _is_of(trial: Trial, event: LogEvent) -> bool:
    return bool(event.fields["key"] == trial.key)


def _is_refusal(event: LogEvent) -> bool:
    return event.word in {"refused", "skipped"}


def _refused(event: LogEvent, known: Facts) -> Finding:
    return Finding(
        "upload-refused",
        "error",
        "The function refused the image.",
        str(event.fields.get("reason", event.message)),
        known.ctl(f"logs --request {event.request_id}"),
        {name: event.fields.get(name) for name in ("key", "code", "reason")},
    )


def _told(error: PipelineError | None, finding: Finding) -> TrialFailedError:
    what = error.what if error else finding.what
    told = TrialFailedError(what, why=f"{finding.what} {finding.why}", fix=f"`{finding.fix}`")
    told.__cause__ = error
    return told

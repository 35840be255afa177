"""The lines Lambda itself writes around an invocation, as text or JSON (L33, L34).

Pure. https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from .deployment import Deployment
from .outcome import LogLine, Outcome, exit_reason

_QUIET_LEVELS = {"WARN", "ERROR", "FATAL"}  # start and report are INFO


def before(deployment: Deployment, request_id: str, time_ms: int, *, cold: bool) -> list[LogLine]:
    """The lines that open an invocation; a cold start has one more."""
    version = f"{deployment.runtime.replace('python', 'python:')}.local"
    if not deployment.logging.is_json:
        opening = f"INIT_START Runtime Version: {version}"
        start = f"START RequestId: {request_id} Version: $LATEST"
        return [LogLine(time_ms, text) for text in ([opening] if cold else []) + [start]]
    records: list[tuple[str, dict[str, Any]]] = []
    if cold:
        init = {"initializationType": "on-demand", "phase": "init", "runtimeVersion": version}
        init |= {"functionName": deployment.name, "functionVersion": "$LATEST"}
        records.append(("platform.initStart", init))
    records.append(("platform.start", {"requestId": request_id, "version": "$LATEST"}))
    return _json_lines(deployment, records, time_ms)


def after(deployment: Deployment, outcome: Outcome, time_ms: int) -> list[LogLine]:
    """The lines that close an invocation."""
    if deployment.logging.is_json:
        record = _json_report(deployment, outcome)
        return _json_lines(deployment, [("platform.report", record)], time_ms)
    lines = [*_failure_lines(deployment, outcome, time_ms)]
    lines.append(f"END RequestId: {outcome.request_id}")
    lines.append(_text_report(deployment, outcome))
    return [LogLine(time_ms, text) for text in lines]


def exit_lines(request_id: str, exit_code: int, time_ms: int) -> list[LogLine]:
    """What a text log says of a process that ended in the middle."""
    text = f"RequestId: {request_id} Error: {exit_reason(exit_code)}\nRuntime.ExitError"
    return [LogLine(time_ms, text)]


def timestamp(time_ms: int) -> str:
    """ISO 8601 with milliseconds, as Lambda's lines have it."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000:03d}Z"


def _failure_lines(deployment: Deployment, outcome: Outcome, time_ms: int) -> list[str]:
    if outcome.status != "timeout":
        return []
    text = f"Task timed out after {deployment.timeout_s:.2f} seconds"
    return [f"{timestamp(time_ms)} {outcome.request_id} {text}\n"]


def _text_report(deployment: Deployment, outcome: Outcome) -> str:
    fields = [
        f"REPORT RequestId: {outcome.request_id}",
        f"Duration: {outcome.duration_ms:.2f} ms",
        f"Billed Duration: {outcome.billed_ms} ms",
        f"Memory Size: {deployment.memory_mb} MB",
        f"Max Memory Used: {outcome.max_memory_mb} MB",
    ]
    if outcome.init_ms is not None:
        fields.append(f"Init Duration: {outcome.init_ms:.2f} ms")
    if outcome.status == "timeout":
        fields.append("Status: timeout")
    elif outcome.status == "failure":
        fields += ["Status: error", f"Error Type: {outcome.error_type}"]
    return "\t".join(fields) + "\t"


def _json_report(deployment: Deployment, outcome: Outcome) -> dict[str, Any]:
    metrics: dict[str, Any] = {
        "durationMs": round(outcome.duration_ms, 3),
        "billedDurationMs": outcome.billed_ms,
        "memorySizeMB": deployment.memory_mb,
        "maxMemoryUsedMB": outcome.max_memory_mb,
    }
    if outcome.init_ms is not None:
        metrics["initDurationMs"] = round(outcome.init_ms, 3)
    record: dict[str, Any] = {"requestId": outcome.request_id, "metrics": metrics}
    record["status"] = outcome.status
    if outcome.error_type:
        record["errorType"] = outcome.error_type
    return record


def _json_lines(
    deployment: Deployment, records: list[tuple[str, dict[str, Any]]], time_ms: int
) -> list[LogLine]:
    if deployment.logging.system_level in _QUIET_LEVELS:
        return []
    stamp = timestamp(time_ms)
    return [
        LogLine(time_ms, json.dumps({"time": stamp, "type": kind, "record": record}))
        for kind, record in records
    ]

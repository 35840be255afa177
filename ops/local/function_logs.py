"""Writes what a function and Lambda logged to CloudWatch, as far as the role allows it.

Without the permissions nothing is written: no group, no stream, no events (I6).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from moto.logs.models import logs_backends

from . import authorization
from .actions import log_stream_arn
from .runtime.deployment import Deployment
from .runtime.outcome import LogLine

if TYPE_CHECKING:
    from .state import State

_LOCK = threading.Lock()  # moto's log streams are not made for threads


def write(state: State, deployment: Deployment, stream: str, lines: Sequence[LogLine]) -> None:
    """Append lines to a worker's log stream, creating group and stream when they lack."""
    group = deployment.logging.group
    backend = logs_backends[deployment.account][deployment.region]
    with _LOCK:
        if group not in backend.groups:
            if not _may(state, deployment, "CreateLogGroup", ""):
                return
            backend.create_log_group(group, {})
        if stream not in backend.groups[group].streams:
            if not _may(state, deployment, "CreateLogStream", stream):
                return
            backend.create_log_stream(group, stream)
        if _may(state, deployment, "PutLogEvents", stream):
            events = [{"timestamp": line.time_ms, "message": line.text} for line in lines]
            backend.put_log_events(group, stream, events)


def _may(state: State, deployment: Deployment, action: str, stream: str) -> bool:
    resource = log_stream_arn(
        "aws", deployment.region, deployment.account, deployment.logging.group, stream
    )
    return authorization.role_may(
        state, deployment.account, deployment.role_arn, f"logs:{action}", resource
    )

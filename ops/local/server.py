"""Puts the local AWS together: moto behind the gate, workers behind the queue, one port.

`serve` runs it inside this process: tests do so, and so does the daemon.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import moto.backends
from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from . import credentials, faults, replacements
from .behaviours import ROWS
from .control import Control
from .errors import LocalError
from .gate import Gate
from .http_server import HttpServer
from .invocations import Invocations
from .runtime.deployment import Deployment
from .runtime.pool import Pool
from .runtime.sandbox import Sandboxes
from .runtime.worker import Worker
from .state import Settings, State
from .table import Row, Table

_SERVICES = (
    "cloudwatch",
    "iam",
    "lambda",
    "logs",
    "resourcegroupstaggingapi",
    "s3",
    "sns",
    "sqs",
    "sts",
)

_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class LocalServer:
    """A running local AWS in this process."""

    url: str
    state: State


@contextmanager
def serve(
    settings: Settings | None = None,
    *,
    rows: Sequence[Row] = (),
    port: int = 0,
    work_dir: Path | None = None,
) -> Iterator[LocalServer]:
    """Run a local AWS for the length of a `with` block, from nothing and leaving nothing.

    One at a time: moto's state belongs to the process. `rows` are added to the table; unpacked
    code lies below `work_dir`, by default in the system's temporary folder.
    """
    if not _one_at_a_time.acquire(blocking=False):
        raise LocalError("This process already serves a local AWS.")
    try:
        with _served(settings or Settings(), rows, port, work_dir) as server:
            yield server
    finally:
        _one_at_a_time.release()


@contextmanager
def _served(
    settings: Settings, rows: Sequence[Row], port: int, work_dir: Path | None
) -> Iterator[LocalServer]:
    faults.check(settings.faults)
    table = Table()
    table.add(*ROWS, *rows)
    state = State(settings, table)
    forget_everything()
    with (
        tempfile.TemporaryDirectory(prefix="pipeline-ctl-local-", dir=work_dir) as folder,
        replacements.installed(state),
    ):
        moto_application = DomainDispatcherApplication(create_backend_app)
        http = HttpServer(Control(Gate(moto_application, state), state), port)
        state.invocations = Invocations(state, _pool(state, Path(folder), http.url))
        try:
            yield LocalServer(http.url, state)
        finally:
            http.close()
            state.invocations.close()
            forget_everything()


def forget_everything() -> None:
    """Empty moto's backends of the services used here."""
    for service in _SERVICES:
        backends: Any = moto.backends.get_backend(service)  # type: ignore[call-overload]
        if isinstance(backends, BackendDict):
            backends.reset()


def _pool(state: State, folder: Path, url: str) -> Pool:
    sandboxes = Sandboxes(folder, url)

    def start(deployment: Deployment) -> Worker:
        role = credentials.assume(deployment.role_arn, deployment.name, deployment.region)
        return Worker(deployment, role, sandboxes)

    def end(worker: Worker) -> None:
        worker.close()
        credentials.forget(worker.deployment.role_arn, worker.credentials)

    return Pool(state.settings.workers, start, end)

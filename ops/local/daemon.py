"""The local AWS as a daemon: starts it, finds it, stops it.

Cheap to import: moto is loaded in the daemon's own process only. State lives in one folder:
`daemon.json` says where it listens, `daemon.log` what it said, `lock` keeps two starts apart.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from .errors import DidNotStartError, MissingExtraError
from .faults import check as check_faults

_START_LIMIT_S = 30.0
_STOP_LIMIT_S = 10.0
_POLL_S = 0.05
_NEEDED = ("moto", "flask", "flask_cors", "awslambdaric")


@dataclass(frozen=True)
class Local:
    """A running local AWS."""

    url: str
    pid: int
    account: str
    region: str
    runtime: str
    architecture: str
    state_dir: str


@dataclass(frozen=True)
class Options:
    """How to start it; the daemon reads them as JSON from its command line."""

    behave: Literal["instant", "aws"] = "instant"
    time_scale: float = 1.0
    seed: int | None = None
    retry_delays_s: tuple[float, ...] = (0.0, 0.0)
    enforce_users: bool = False
    faults: tuple[str, ...] = ()


def state_dir() -> Path:
    """The daemon's folder: PIPELINE_CTL_LOCAL_DIR, else below XDG_STATE_HOME."""
    if chosen := os.environ.get("PIPELINE_CTL_LOCAL_DIR"):
        return Path(chosen).expanduser().resolve()
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(home).expanduser() / "pipeline-ctl" / "local"


def start(
    *,
    behave: Literal["instant", "aws"] = "instant",
    time_scale: float = 1.0,
    seed: int | None = None,
    retry_delays_s: tuple[float, ...] | None = None,
    enforce_users: bool = False,
    faults: tuple[str, ...] = (),
) -> Local:
    """Start the local AWS, or returns the one that runs, whatever its options.

    `retry_delays_s` are Lambda's two (60 and 120, scaled) with `behave="aws"`, else none.
    `faults` are names of `faults.MEANINGS`. Raises MissingExtraError, DidNotStartError or
    UnknownFaultError.
    """
    if retry_delays_s is None:
        waits = (60.0, 120.0) if behave == "aws" else (0.0, 0.0)
        retry_delays_s = tuple(wait * time_scale for wait in waits)
    check_faults(faults)
    options = Options(behave, time_scale, seed, retry_delays_s, enforce_users, faults)
    folder = state_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        return running() or _launch(folder, options)


def running() -> Local | None:
    """The local AWS that runs now; None when there is none or its file is stale."""
    try:
        local = Local(**json.loads((state_dir() / "daemon.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return local if _answers(local.url) else None


def stop() -> bool:
    """Stop the local AWS with everything in it; False when none was running."""
    folder = state_dir()
    if not folder.is_dir():
        return False
    with _locked(folder):
        local = running()
        if local is not None:
            _end(local.pid)
        (folder / "daemon.json").unlink(missing_ok=True)
    return local is not None


def main(options: Options, folder: Path) -> None:
    """The daemon: serves until SIGTERM or SIGINT."""
    # Loaded here only: importing moto takes half a second.
    from provision import interpreter

    from .server import serve
    from .state import ACCOUNT, REGION, Settings

    chosen = asdict(options) | {"faults": frozenset(options.faults)}
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    work_dir = folder / "work"
    shutil.rmtree(work_dir, ignore_errors=True)  # of a daemon that was killed
    work_dir.mkdir(parents=True)
    with serve(Settings(**chosen), work_dir=work_dir) as server:
        local = Local(
            url=server.url,
            pid=os.getpid(),
            account=ACCOUNT,
            region=REGION,
            runtime=interpreter.default_runtime(),
            architecture=interpreter.architecture(),
            state_dir=str(folder),
        )
        _write(folder / "daemon.json", asdict(local))
        signal.sigwait(signals)
        (folder / "daemon.json").unlink(missing_ok=True)
    work_dir.rmdir()


def _launch(folder: Path, options: Options) -> Local:
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            "The local AWS is not installed.",
            why=f"Missing: {', '.join(missing)}.",
            fix="pip install 'pipeline-ctl[local]'",
        )
    (folder / "daemon.json").unlink(missing_ok=True)
    with (folder / "daemon.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "ops.local", json.dumps(asdict(options)), str(folder)],
            cwd=Path(__file__).parents[2],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START_LIMIT_S
    while time.monotonic() < deadline and process.poll() is None:
        if local := running():
            process.returncode = 0  # it outlives us: Popen must not warn that it still runs
            return local
        time.sleep(_POLL_S)
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    raise _did_not_start(folder / "daemon.log")


def _did_not_start(log: Path) -> DidNotStartError:
    lines = log.read_text(errors="replace").strip().splitlines()
    return DidNotStartError(
        "The local AWS did not start.",
        why=lines[-1] if lines else "",
        fix=f"See {log}.",
    )


def _environment() -> dict[str, str]:
    """The user's environment without AWS settings, which would change how moto behaves."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "MOTO_", "S3_IGNORE_", "PYTHONWARNINGS"))
    }


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_pipeline/info", timeout=5) as answer:  # noqa: S310
            return json.load(answer).get("local") is True
    except (OSError, ValueError, urllib.error.URLError):
        return False


def _end(pid: int) -> None:
    deadline = time.monotonic() + _STOP_LIMIT_S
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            _reap(pid)
            os.kill(pid, 0)
            time.sleep(_POLL_S)
        os.kill(pid, signal.SIGKILL)


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # when this very process started it


def _write(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content))
    partial.replace(path)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield

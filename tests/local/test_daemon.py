"""The daemon: started once, found again, ended without a trace."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from ops.local import daemon
from ops.local.errors import DidNotStartError, MissingExtraError
from ops.local.faults import UnknownFaultError
from provision import interpreter
from tests.local.conftest import make_function, make_role


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("PIPELINE_CTL_LOCAL_DIR", str(tmp_path / "local"))
    yield tmp_path / "local"
    daemon.stop()


def _client(local: daemon.Local, service: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=local.url,
        region_name=local.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def _get(local: daemon.Local, path: str) -> Any:
    with urllib.request.urlopen(f"{local.url}/_pipeline/{path}") as answer:
        return json.load(answer)


def _alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_it_says_what_it_is(folder: Path) -> None:
    local = daemon.start(behave="aws", time_scale=0.5)

    assert _get(local, "info") == {
        "local": True,
        "version": 1,
        "account": "123456789012",
        "region": "us-east-1",
        "runtime": interpreter.default_runtime(),
        "architecture": interpreter.architecture(),
        "behave": "aws",
        "time_scale": 0.5,
    }
    assert local.state_dir == str(folder)
    status = _get(local, "status")
    assert status["queued"] == 0
    assert status["workers"] == {"limit": os.cpu_count(), "busy": 0, "idle": 0}


@pytest.mark.usefixtures("folder")
def test_starts_at_the_same_moment_give_one_daemon() -> None:
    started: list[daemon.Local] = []
    threads = [threading.Thread(target=lambda: started.append(daemon.start())) for _ in range(3)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(started)) == 1
    assert daemon.running() == started[0]


def test_stopping_ends_the_workers_and_leaves_no_file(folder: Path) -> None:
    local = daemon.start()
    iam, lambda_ = _client(local, "iam"), _client(local, "lambda")
    role = make_role(iam, "r", [{"Effect": "Allow", "Action": "*", "Resource": "*"}])
    source = "import os\ndef handler(event, context):\n    return os.getpid()\n"
    function = make_function(lambda_, role, source)
    worker = int(lambda_.invoke(FunctionName=function)["Payload"].read())
    assert _alive(worker)

    stopped = daemon.stop()

    assert stopped
    assert daemon.running() is None
    assert not _alive(worker)
    assert not _alive(local.pid)
    assert {path.name for path in folder.iterdir()} == {"daemon.log", "lock"}


@pytest.mark.usefixtures("folder")
def test_stopping_what_does_not_run_says_so() -> None:
    assert daemon.stop() is False


def test_a_stale_file_is_not_believed(folder: Path) -> None:
    folder.mkdir()
    gone = daemon.Local("http://127.0.0.1:9", 1, "1", "r", "p", "x86_64", str(folder))
    (folder / "daemon.json").write_text(json.dumps(gone.__dict__))

    assert daemon.running() is None
    assert daemon.start() != gone


@pytest.mark.usefixtures("folder")
def test_an_unknown_fault_is_refused_before_anything_starts() -> None:
    with pytest.raises(UnknownFaultError):
        daemon.start(faults=("no-such-fault",))

    assert daemon.running() is None


@pytest.mark.usefixtures("folder")
def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(MissingExtraError) as caught:
        daemon.start()

    assert caught.value.fix == "pip install 'pipeline-ctl[local]'"


@pytest.mark.usefixtures("folder")
def test_a_daemon_that_dies_tells_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")

    with pytest.raises(DidNotStartError) as caught:
        daemon.start()

    assert "daemon.log" in caught.value.fix


def test_its_module_does_not_load_moto() -> None:
    code = "import sys, ops.local.daemon; sys.exit('moto' in sys.modules)"

    ran = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)

    assert ran.returncode == 0

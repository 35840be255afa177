"""A process that is killed in the midst of a call leaves nothing that a second run cannot mend.

What test_crashes.py does to an engine in this process happens here to `pipeline-ctl` itself, by
SIGKILL. The local AWS sees the calls arrive, through two rows added to its table: those of an
undisturbed run that change something are recorded, then each is waited for in a run of its own.
Killed `before`, AWS never carries the call out; `after`, it has, and nobody hears its answer. A
process that dies just after it heard looks the same to AWS, and keeps no state of its own.

The suite kills each command three times; CRASH_POINTS=all before and after every such call.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from ops.local.calls import Call, Refusal
from ops.local.server import LocalServer
from ops.local.state import State
from ops.local.table import Row
from provision import engine
from provision.pipeline import Pipeline
from tests.aws.what_stands import leftovers, states

Point = tuple[str, int]
Moment = Literal["before", "after"]
Run = Callable[..., subprocess.CompletedProcess[str]]

_PROGRAM = Path(sys.executable).with_name("pipeline-ctl")
_ALL = os.environ.get("CRASH_POINTS") == "all"
_MOMENTS: tuple[Moment, ...] = ("before", "after")
_SERVICES = ("iam.*", "lambda.*", "logs.*", "s3.*", "sns.*")
_READS = ("Get", "List", "Head", "Describe")
_UP = ("up", "--email", "me@example.com")
_DOWN = ("down", "--yes", "--delete-data")


@dataclass
class Witness:
    """Sees a process's calls that change something, and kills it at one of them."""

    point: Point | None = None
    moment: Moment = "before"
    calls: list[Point] = field(default_factory=list)  # those that AWS carried out
    process: subprocess.Popen[str] | None = None
    lock: Any = field(default_factory=threading.Lock)
    _counts: Counter[str] = field(default_factory=Counter)
    _points: dict[str, Point] = field(default_factory=dict)

    def rows(self) -> tuple[Row, Row]:
        """The rows by which it sees."""
        return (
            Row("refuses", "test", _SERVICES, self._arrives),
            Row("follows", "test", _SERVICES, self._was_carried_out),
        )

    def _arrives(self, state: State, call: Call) -> Refusal | None:
        if call.operation.startswith(_READS):
            return None
        with self.lock:
            self._counts[call.action] += 1
            point = self._points[call.request_id] = (call.action, self._counts[call.action])
        return self._kill_at(point, "before")

    def _was_carried_out(self, state: State, call: Call) -> None:
        if point := self._points.get(call.request_id):
            self.calls.append(point)
            self._kill_at(point, "after")

    def _kill_at(self, point: Point, moment: Moment) -> Refusal | None:
        if (point, moment) != (self.point, self.moment):
            return None
        with self.lock:
            assert self.process is not None
            self.process.kill()
            self.process.wait()
        return Refusal("Unheard", "Whoever called is dead.")


@pytest.fixture
def run(server: LocalServer, tmp_path: Path) -> Run:
    """Runs the installed program for a pipeline, in a process of its own."""

    def run(
        pipeline: Pipeline, command: tuple[str, ...], witness: Witness | None = None
    ) -> subprocess.CompletedProcess[str]:
        where = ("--endpoint-url", server.url, "--name", pipeline.names.pipeline)
        seen = server.state.table.added(*witness.rows()) if witness else nullcontext()
        witness = witness or Witness()
        with seen:
            with witness.lock:  # no call is answered before the process is known
                witness.process = process = subprocess.Popen(
                    [_PROGRAM, *command, *where],
                    cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                )  # fmt: skip
            told, _ = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, told)

    return run


def _kills(calls: list[Point]) -> list[tuple[Point, Moment]]:
    """Where to kill: everywhere, or at three calls, before and after in turn."""
    kills = [(point, moment) for point in calls for moment in _MOMENTS]
    step = len(kills) // 3 | 1  # an odd one changes the moment
    return kills if _ALL else kills[step // 2 :: step]


def test_up_that_was_killed_is_gone_on_with(
    describe: Callable[..., Pipeline],
    run: Run,
    subtests: Any,
    record_property: Callable[[str, int], None],
) -> None:
    undisturbed, recorder = describe(), Witness()
    assert run(undisturbed, _UP, recorder).returncode == 0
    stands = states(undisturbed)

    for point, moment in _kills(recorder.calls):
        record_property(f"up_killed_{moment}", 1)
        with subtests.test(moment=moment, call=point):
            pipeline = describe()
            killed = run(pipeline, _UP, Witness(point, moment))
            again = run(pipeline, _UP)

            assert killed.returncode == -signal.SIGKILL, killed.stdout
            assert again.returncode == 0, again.stdout
            assert states(pipeline) == stands
            engine.down(pipeline.aws, pipeline.resources())
            assert leftovers(pipeline) == []


def test_down_that_was_killed_is_gone_on_with(
    describe: Callable[..., Pipeline],
    run: Run,
    subtests: Any,
    record_property: Callable[[str, int], None],
) -> None:
    recorder = Witness()
    assert run(_with_an_object(describe()), _DOWN, recorder).returncode == 0

    for point, moment in _kills(recorder.calls):
        record_property(f"down_killed_{moment}", 1)
        with subtests.test(moment=moment, call=point):
            pipeline = _with_an_object(describe())
            killed = run(pipeline, _DOWN, Witness(point, moment))
            again = run(pipeline, _DOWN)

            assert killed.returncode == -signal.SIGKILL, killed.stdout
            assert again.returncode == 0, again.stdout
            assert leftovers(pipeline) == []


def _with_an_object(pipeline: Pipeline) -> Pipeline:
    """Make a pipeline whose buckets are not empty."""
    assert engine.up(pipeline.aws, pipeline.resources()).ok
    pipeline.aws.s3.put_object(Bucket=pipeline.input_bucket, Key="notes.txt", Body=b"mine")
    return pipeline

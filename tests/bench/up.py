"""How long `up` and `down` take in AWS's time, against the critical path and against Chalice.

`python -m tests.bench.up [--rounds 3] [--scale 1.0]` starts a local AWS with AWS's delays for each
round, runs each way in turn, and prints wall seconds, API calls and ratios.

The critical path of a first `up` is computed from the delays that this very AWS drew: identify,
read, make the role, wait until Lambda may assume it (or publish the layer, if that takes longer),
make the function, wait until it is active (or until S3 sees the permission), put the notification.
Chalice deploys its nearest equivalent, one function on one bucket's events, to the same endpoint.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ops.local import aws_times
from ops.local.server import LocalServer, serve
from ops.local.state import Settings as LocalSettings
from provision import aws, engine, interpreter, package
from provision.names import Names
from provision.pillow_layer import Target
from provision.pipeline import Pipeline, recorded_settings
from provision.spec import Settings
from tests.bench import peers

_TIMES = vars(aws_times).items()
_SPREADS = {id(value): name for name, value in _TIMES if isinstance(value, aws_times.Spread)}


@dataclass
class Tape:
    """Every delay that the local AWS drew, in seconds: of calls by action, of waits by name."""

    calls: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def first(self, action: str) -> float:
        return self.calls[action][0] if self.calls[action] else 0.0

    def last(self, action: str) -> float:
        return self.calls[action][-1] if self.calls[action] else 0.0

    def wait(self, name: str) -> float:
        return self.waits[name][-1] if self.waits[name] else 0.0

    @property
    def count(self) -> int:
        return sum(map(len, self.calls.values()))


@dataclass(frozen=True)
class Measured:
    """Wall seconds, API calls, seconds of the critical path where there is one, and runs."""

    seconds: float
    calls: int
    path_s: float | None
    runs: int = 1


@contextmanager
def taped(server: LocalServer) -> Iterator[Tape]:
    """Record the delays of what happens inside the block."""
    tape, propagation, lock = Tape(), server.state.propagation, threading.Lock()
    draw, latency = propagation.draw, aws_times.latency

    def noted_draw(state: Any, spread: aws_times.Spread) -> float:
        seconds = draw(state, spread)
        with lock:
            tape.waits[_SPREADS.get(id(spread), "other")].append(seconds)
        return seconds

    def noted_latency(action: str, source: Any, *, in_region: bool) -> float:
        seconds = latency(action, source, in_region=in_region)
        with lock:
            tape.calls[action].append(seconds * server.state.settings.time_scale)
        return seconds

    propagation.draw = noted_draw  # type: ignore[method-assign]
    aws_times.latency = noted_latency
    try:
        yield tape
    finally:
        propagation.draw = draw  # type: ignore[method-assign]
        aws_times.latency = latency


def first_path(tape: Tape) -> float:
    """The critical path of a first `up`, in seconds."""
    known = _identified(tape) + tape.first("logs.ListTagsForResource")
    role = tape.first("iam.GetRole") + tape.last("iam.CreateRole") + tape.wait("ROLE_ASSUMABLE")
    layer = tape.first("lambda.ListLayerVersions") + tape.last("lambda.PublishLayerVersion")
    made = max(role, layer + tape.last("lambda.CreateFunction"))
    permission = tape.last("lambda.AddPermission") + tape.wait("PERMISSION_SEEN")
    active = max(tape.wait("FUNCTION_CREATED"), permission)
    return known + made + active + tape.last("s3.PutBucketNotificationConfiguration")


def unchanged_path(tape: Tape) -> float:
    """The slowest chain of reads when nothing changes."""
    return _identified(tape) + max(max(seconds) for seconds in tape.calls.values())


def code_path(tape: Tape) -> float:
    """The code update alone: a read before, the call, Lambda's time for it, a read that sees it."""
    before, *_, after = tape.calls["lambda.GetFunction"][1:]
    update = tape.last("lambda.UpdateFunctionCode") + tape.wait("FUNCTION_UPDATED")
    return _identified(tape) + before + update + after


def _identified(tape: Tape) -> float:
    """Who we are and what was recorded; the two are asked at once."""
    return max(tape.first("sts.GetCallerIdentity"), tape.first("lambda.GetFunction"))


# What is measured in each round, in this order.
PATHS: dict[str, Callable[[Tape], float] | None] = {
    "first": first_path,
    "unchanged": unchanged_path,
    "code": code_path,
    "down": None,
}
CHALICE_RUNS = 10
NAME = "bench"


def timed(way: str, server: LocalServer, code: Path) -> float:
    """Return the seconds that a command takes in a process of its own, without its start-up."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.up", "--command", way, server.url, str(code)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def command(way: str, url: str, code: Path) -> None:
    """Run `up` or `down` on a server, as the program does, and print its seconds."""
    interpreter.default_runtime()  # which the program hears from the local AWS
    began = time.perf_counter()
    connection = aws.connect_local(url, "us-east-1")
    recorded_settings(connection, NAME)
    pipeline = _pipeline(connection, code)
    walk = engine.down if way == "down" else engine.up
    outcome = walk(pipeline.aws, pipeline.resources())
    assert outcome.ok, outcome.failures
    print(time.perf_counter() - began)


def ours(scale: float, seed: int) -> dict[str, Measured]:
    """One round: way -> what it took."""
    results = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(LocalSettings(behave="aws", time_scale=scale, seed=seed)) as server,
    ):
        code = Path(folder)
        shutil.copytree(package.FUNCTION_DIR, code, dirs_exist_ok=True)
        runtime, arch = interpreter.default_runtime(), interpreter.architecture()
        package.build_layer(Target(runtime, arch, this_machine=True))
        for way, path in PATHS.items():
            if way == "code":
                with (code / "lambda_function.py").open("a") as file:
                    file.write("\n# changed\n")
            with taped(server) as tape:
                seconds = timed(way, server, code)
            results[way] = Measured(seconds, tape.count, path(tape) if path else None)
    return results


def _pipeline(connection: aws.Aws, code: Path) -> Pipeline:
    local = Settings(runtime=interpreter.default_runtime())
    names = Names(NAME, connection.caller.account, "us-east-1")
    return Pipeline(connection, names, local, local, delete_data=True, function_dir=code)


_CHALICE_APP = """
from chalice import Chalice
app = Chalice(app_name="bench")

@app.on_s3_event(bucket="bench-photos", events=["s3:ObjectCreated:*"], prefix="uploads/")
def resize(event):
    return event.key
"""


def chalice(program: str, scale: float, seed: int) -> dict[str, Measured]:
    """Chalice's first and unchanged deployment of one function on one bucket's events.

    It gives up on what passes by itself, so it is run again until it is through, as its users do.
    """
    results: dict[str, Measured] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(LocalSettings(behave="aws", time_scale=scale, seed=seed)) as server,
    ):
        project = Path(folder)
        (project / ".chalice").mkdir()
        (project / "app.py").write_text(_CHALICE_APP)
        (project / "requirements.txt").write_text("pillow==13.0.0\n")
        (project / ".chalice" / "config.json").write_text(
            '{"version": "2.0", "app_name": "bench", "stages": {"dev": {}}}'
        )
        aws.connect_local(server.url, "us-east-1").s3.create_bucket(Bucket="bench-photos")
        environment = {
            **os.environ,
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": "LOCALAWSACCESSKEY000",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        for way, verb in (("first", "deploy"), ("unchanged", "deploy"), ("down", "delete")):
            with taped(server) as tape:
                began = time.perf_counter()
                runs = _until_through([program, verb], project, environment)
                seconds = time.perf_counter() - began
            results[way] = Measured(seconds, tape.count, None, runs)
    return results


def _until_through(command: list[str], project: Path, environment: dict[str, str]) -> int:
    """Run a command until it succeeds; return how often it was run."""
    for run in range(1, CHALICE_RUNS + 1):
        done = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return run
    raise RuntimeError(f"{' '.join(command)}: {(done.stderr or done.stdout).strip()[-600:]}")


def show(name: str, rounds: list[dict[str, Measured]]) -> None:
    """Print the medians of each way."""
    for way in rounds[0]:
        taken = [r[way] for r in rounds]
        seconds = statistics.median(t.seconds for t in taken)
        calls = statistics.median_high(t.calls for t in taken)
        ratios = [t.seconds / t.path_s for t in taken if t.path_s]
        runs = statistics.median_high(t.runs for t in taken)
        beside = f"  {statistics.median(ratios):5.2f} x critical path" if ratios else ""
        again = f"  run {runs} times" if runs > 1 else ""
        print(f"{name:14} {way:10} {seconds:7.2f} s  {calls:4} calls{beside}{again}")


def main() -> int:
    """Run all rounds, ours and Chalice's in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--without-chalice", action="store_true")
    parser.add_argument("--command", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.command:
        way, url, code = options.command
        command(way, url, Path(code))
        return 0
    program = "" if options.without_chalice else str(peers.program("chalice"))
    mine, theirs = [], []
    for seed in range(1, options.rounds + 1):
        mine.append(ours(options.scale, seed))
        if program:
            theirs.append(chalice(program, options.scale, seed))
    print(f"medians of {options.rounds} rounds, AWS's time x {options.scale}")
    show("pipeline-ctl", mine)
    if theirs:
        show("chalice", theirs)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How long `up` and `down` take in AWS's time, against the critical path and against Chalice.

`python -m tests.bench.up [--rounds 3] [--scale 1.0] [--chalice PATH]` starts a local AWS with
AWS's delays for each round, runs each way in turn, and prints wall seconds, API calls and ratios.

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
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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

_TIMES = vars(aws_times).items()
_SPREADS = {id(value): name for name, value in _TIMES if isinstance(value, aws_times.Spread)}
_BUCKET_READS = (
    "s3.GetPublicAccessBlock",
    "s3.GetBucketEncryption",
    "s3.GetBucketOwnershipControls",
    "s3.GetBucketPolicy",
    "s3.GetBucketLifecycleConfiguration",
)


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
    known = tape.first("sts.GetCallerIdentity") + tape.first("lambda.GetFunction")
    known += tape.first("logs.ListTagsForResource")
    role = tape.first("iam.GetRole") + tape.last("iam.CreateRole") + tape.wait("ROLE_ASSUMABLE")
    layer = tape.first("lambda.ListLayerVersions") + tape.last("lambda.PublishLayerVersion")
    made = max(role, layer + tape.last("lambda.CreateFunction"))
    permission = tape.last("lambda.AddPermission") + tape.wait("PERMISSION_SEEN")
    active = max(tape.wait("FUNCTION_CREATED"), permission)
    return known + made + active + tape.last("s3.PutBucketNotificationConfiguration")


def unchanged_path(tape: Tape) -> float:
    """The slowest chain of reads when nothing changes."""
    known = tape.first("sts.GetCallerIdentity") + tape.first("lambda.GetFunction")
    bucket = tape.last("s3.GetBucketTagging") + max(max(tape.calls[a]) for a in _BUCKET_READS)
    return known + bucket


def code_path(tape: Tape) -> float:
    """The code update alone: the call and Lambda's time to put it into force."""
    known = tape.first("sts.GetCallerIdentity") + tape.first("lambda.GetFunction")
    read = tape.calls["lambda.GetFunction"][-1]
    return known + read + tape.last("lambda.UpdateFunctionCode") + tape.wait("FUNCTION_UPDATED")


def timed(command: Callable[[Pipeline], engine.Outcome], pipeline: Pipeline) -> float:
    """Run a command as a new process would, without its start-up."""
    connection = aws.connect_local(str(pipeline.aws.endpoint_url), pipeline.aws.region)
    fresh = replace(pipeline, aws=connection)
    began = time.perf_counter()
    recorded_settings(connection, pipeline.names.pipeline)
    outcome = command(fresh)
    seconds = time.perf_counter() - began
    assert outcome.ok, outcome.failures
    return seconds


def up(pipeline: Pipeline) -> engine.Outcome:
    return engine.up(pipeline.aws, pipeline.resources())


def down(pipeline: Pipeline) -> engine.Outcome:
    return engine.down(pipeline.aws, pipeline.resources())


def ours(scale: float, seed: int) -> dict[str, tuple[float, float, int]]:
    """One round: way -> (wall seconds, critical path in seconds or 0, API calls)."""
    results = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(LocalSettings(behave="aws", time_scale=scale, seed=seed)) as server,
    ):
        code = Path(folder)
        shutil.copytree(package.FUNCTION_DIR, code, dirs_exist_ok=True)
        pipeline = _pipeline(server, code)
        package.build_layer(Target(pipeline.settings.runtime, "x86_64", this_machine=True))
        ways = (
            ("first", up, first_path),
            ("unchanged", up, unchanged_path),
            ("code", up, code_path),
        )
        for way, command, path in ways:
            if way == "code":
                with (code / "lambda_function.py").open("a") as file:
                    file.write("\n# changed\n")
            with taped(server) as tape:
                seconds = timed(command, pipeline)
            results[way] = (seconds, path(tape), tape.count)
        with taped(server) as tape:
            results["down"] = (timed(down, pipeline), 0.0, tape.count)
    return results


def _pipeline(server: LocalServer, code: Path) -> Pipeline:
    connection = aws.connect_local(server.url, "us-east-1")
    local = Settings(runtime=interpreter.default_runtime())
    names = Names("bench", connection.caller.account, "us-east-1")
    return Pipeline(connection, names, local, local, delete_data=True, function_dir=code)


_CHALICE_APP = """
from chalice import Chalice
app = Chalice(app_name="bench")

@app.on_s3_event(bucket="bench-photos", events=["s3:ObjectCreated:*"], prefix="uploads/")
def resize(event):
    return event.key
"""


def chalice(program: str, scale: float, seed: int) -> dict[str, tuple[float, float, int]]:
    """Chalice's first and unchanged deployment of one function on one bucket's events."""
    results: dict[str, tuple[float, float, int]] = {}
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
        for way, command in (("first", "deploy"), ("unchanged", "deploy"), ("down", "delete")):
            with taped(server) as tape:
                began = time.perf_counter()
                done = subprocess.run(
                    [program, command], cwd=project, env=environment, capture_output=True,
                    text=True, check=False,
                )  # fmt: skip
                seconds = time.perf_counter() - began
            if done.returncode:
                print(f"chalice {command}: {(done.stderr or done.stdout).strip()[-300:]}")
                break
            results[way] = (seconds, 0.0, tape.count)
    return results


def show(name: str, rounds: list[dict[str, tuple[float, float, int]]]) -> None:
    for way in rounds[0]:
        taken = [r[way] for r in rounds if way in r]
        seconds = statistics.median(t[0] for t in taken)
        calls = Counter(t[2] for t in taken).most_common(1)[0][0]
        ratios = [t[0] / t[1] for t in taken if t[1]]
        beside = f"  {statistics.median(ratios):5.2f} x critical path" if ratios else ""
        print(f"{name:14} {way:10} {seconds:7.2f} s  {calls:4} calls{beside}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--chalice", default=shutil.which("chalice") or "")
    options = parser.parse_args()
    mine, theirs = [], []
    for seed in range(1, options.rounds + 1):
        mine.append(ours(options.scale, seed))
        if options.chalice:
            theirs.append(chalice(options.chalice, options.scale, seed))
    print(f"medians of {options.rounds} rounds, AWS's time x {options.scale}")
    show("pipeline-ctl", mine)
    if theirs and theirs[0]:
        show("chalice", theirs)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""With AWS's delays, propagation and throttling: up ends well, changes nothing twice, down too.

So do two `up` that begin at the same moment.

The suite tries two seeds; SEEDS=100 tries a hundred. The delays are shortened to a twentieth.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from ops.local.server import LocalServer, serve
from ops.local.state import Settings as LocalSettings
from provision import aws, engine, interpreter
from provision.names import Names
from provision.pipeline import Pipeline
from provision.spec import Settings

SEEDS = int(os.environ.get("SEEDS", "2"))


def _check(outcome: engine.Outcome) -> None:
    for error in outcome.failures.values():
        raise error


def _serve(seed: int) -> AbstractContextManager[LocalServer]:
    return serve(LocalSettings(behave="aws", time_scale=0.05, seed=seed))


def _pipeline(server: LocalServer, function_dir: Path) -> Pipeline:
    connection = aws.connect_local(server.url, "us-east-1")
    local = Settings(runtime=interpreter.default_runtime())
    return Pipeline(
        connection,
        Names("timed", connection.caller.account, connection.region),
        local,
        local,
        add_emails=["me@example.com"],
        delete_data=True,
        function_dir=function_dir,
    )


def _up(pipeline: Pipeline) -> set[str]:
    """Run `up`; return what it did."""
    outcome = engine.up(pipeline.aws, pipeline.resources())
    _check(outcome)
    return {change.action for change in outcome.changes.values()}


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_up_and_down_end_well_in_aws_time(
    seed: int, function_dir: Path, record_property: Callable[[str, int], None]
) -> None:
    record_property("seeds", 1)
    with _serve(seed) as server:
        pipeline = _pipeline(server, function_dir)

        _up(pipeline)
        again = _up(pipeline)
        pipeline.aws.s3.put_object(
            Bucket=pipeline.input_bucket, Key="uploads/a.txt", Body=b"no image"
        )
        gone = engine.down(pipeline.aws, pipeline.resources())
        _check(gone)

        assert again == {"keep"}
        assert gone.remaining == []


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_two_ups_at_the_same_moment_end_well_in_aws_time(
    seed: int, function_dir: Path, record_property: Callable[[str, int], None]
) -> None:
    record_property("seeds_of_two", 1)
    with _serve(seed) as server, ThreadPoolExecutor(2) as pool:
        one, other = _pipeline(server, function_dir), _pipeline(server, function_dir)

        list(pool.map(_up, (one, other)))

        assert _up(one) == {"keep"}

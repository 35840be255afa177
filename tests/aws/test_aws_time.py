"""With AWS's delays, propagation and throttling: up ends well, changes nothing twice, down too.

The suite tries two seeds; SEEDS=100 tries a hundred. The delays are shortened to a twentieth.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.local.server import serve
from ops.local.state import Settings as LocalSettings
from provision import aws, engine, interpreter
from provision.names import Names
from provision.pipeline import Pipeline
from provision.spec import Settings

SEEDS = int(os.environ.get("SEEDS", "2"))


def _check(outcome: engine.Outcome) -> None:
    for error in outcome.failures.values():
        raise error


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_up_and_down_end_well_in_aws_time(
    seed: int, function_dir: Path, record_property: Callable[[str, int], None]
) -> None:
    record_property("seeds", 1)
    with serve(LocalSettings(behave="aws", time_scale=0.05, seed=seed)) as server:
        connection = aws.connect_local(server.url, "us-east-1")
        local = Settings(runtime=interpreter.default_runtime())
        pipeline = Pipeline(
            connection,
            Names("timed", connection.caller.account, connection.region),
            local,
            local,
            add_emails=["me@example.com"],
            delete_data=True,
            function_dir=function_dir,
        )

        _check(engine.up(connection, pipeline.resources()))
        again = engine.up(connection, pipeline.resources())
        _check(again)
        connection.s3.put_object(
            Bucket=pipeline.input_bucket, Key="uploads/a.txt", Body=b"no image"
        )
        gone = engine.down(connection, pipeline.resources())
        _check(gone)

        assert {change.action for change in again.changes.values()} == {"keep"}
        assert gone.remaining == []

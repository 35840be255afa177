"""Several runs and several pipelines at the same time do each other no harm."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from provision import aws, engine
from provision.engine import Outcome
from provision.pipeline import Pipeline


def _by_another_process(pipeline: Pipeline) -> Pipeline:
    connection = aws.connect_local(str(pipeline.aws.endpoint_url), pipeline.aws.region)
    connection.patience = 0.1  # the loser of a race gives up early
    return replace(pipeline, aws=connection)


def _at_once(
    *runs: tuple[Callable[[aws.Aws, list[object]], Outcome], Pipeline],
) -> list[Outcome]:
    with ThreadPoolExecutor(len(runs)) as pool:
        others = [(command, _by_another_process(pipeline)) for command, pipeline in runs]
        futures = [pool.submit(command, p.aws, p.resources()) for command, p in others]  # type: ignore[arg-type]
        return [future.result() for future in futures]


def _actions(pipeline: Pipeline) -> set[str]:
    plan = engine.plan(pipeline.aws, pipeline.resources())
    return {change.action for change in plan.changes.values()}


def test_two_ups_at_the_same_time_make_one_pipeline(pipeline: Pipeline) -> None:
    first, second = _at_once((engine.up, pipeline), (engine.up, pipeline))  # type: ignore[arg-type]

    assert first.ok, first.failures
    assert second.ok, second.failures
    assert _actions(pipeline) == {"keep"}


def test_up_against_down_can_be_mended_either_way(pipeline: Pipeline) -> None:
    engine.up(pipeline.aws, pipeline.resources())

    _at_once((engine.up, pipeline), (engine.down, pipeline))  # type: ignore[arg-type]
    up_again = engine.up(pipeline.aws, pipeline.resources())
    state = _actions(pipeline)
    down_again = engine.down(pipeline.aws, pipeline.resources())

    assert up_again.ok
    assert state == {"keep"}
    assert down_again.remaining == []


def test_two_pipelines_live_side_by_side(describe: Callable[..., Pipeline]) -> None:
    one, two = describe(), describe()
    _at_once((engine.up, one), (engine.up, two))  # type: ignore[arg-type]

    engine.down(one.aws, one.resources())

    assert _actions(two) == {"keep"}
    assert engine.present(one.resources()) == []

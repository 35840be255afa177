"""A pipeline that moves to other buckets leaves none behind, wherever the move dies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from provision import engine, moving, spec
from provision.errors import ForeignResourceError
from provision.pipeline import Pipeline, recorded_settings
from tests.aws.test_crashes import EVERYWHERE, Saboteur, points, reconnected, run_and_die
from tests.aws.what_stands import leftovers

_STEP = 1 if EVERYWHERE else 3


def _reopened(pipeline: Pipeline, **settings: str) -> Pipeline:
    """The pipeline as the next command finds it, with these settings given."""
    recorded = recorded_settings(pipeline.aws, pipeline.names.pipeline)
    defaults = {"runtime": pipeline.defaults.runtime}
    return replace(
        pipeline,
        settings=spec.resolve(settings, {}, {}, recorded or {}, defaults),
        former=None if recorded is None else spec.resolve({}, {}, {}, recorded, defaults),
        left=tuple((recorded or {}).get("left_buckets", "").split()),
    )


def _up(pipeline: Pipeline) -> engine.Outcome:
    return engine.up(pipeline.aws, moving.let_go(pipeline).resources())


def _down(pipeline: Pipeline) -> engine.Outcome:
    standing = moving.standing(pipeline)
    moving.detach(standing)
    return engine.down(pipeline.aws, moving.everything(standing))


def _buckets(pipeline: Pipeline) -> set[str]:
    return {bucket["Name"] for bucket in pipeline.aws.s3.list_buckets()["Buckets"]}


def _notified(pipeline: Pipeline, bucket: str) -> bool:
    answer = pipeline.aws.s3.get_bucket_notification_configuration(Bucket=bucket)
    return "LambdaFunctionConfigurations" in answer


def _moved(pipeline: Pipeline) -> dict[str, str]:
    name = pipeline.names.pipeline
    return {"input_bucket": f"{name}-moved-in", "output_bucket": f"{name}-moved-out"}


def _move(pipeline: Pipeline) -> engine.Outcome:
    return _up(_reopened(pipeline, **_moved(pipeline)))


def test_a_move_that_died_anywhere_is_gone_on_with(
    describe: Callable[..., Pipeline], subtests: Any, record_property: Callable[[str, int], None]
) -> None:
    recorder = Saboteur()
    undisturbed = describe()
    _up(undisturbed)
    _move(reconnected(undisturbed, recorder))

    for number, point in enumerate(points(recorder)[::_STEP]):
        record_property("move_died", 1)
        with subtests.test(call=point):
            pipeline = describe()
            _up(pipeline)
            run_and_die(_move, pipeline, Saboteur(point, after=True))

            if number % 2:
                assert _up(_reopened(pipeline)).ok
            _down(_reopened(pipeline))

            assert leftovers(pipeline) == []


def test_a_bucket_that_holds_images_stays_known(describe: Callable[..., Pipeline]) -> None:
    pipeline = describe()
    _up(pipeline)
    former = pipeline.output_bucket
    pipeline.aws.s3.put_object(Bucket=former, Key="large/a.jpg", Body=b"1")

    _move(pipeline)
    still_there = former in _buckets(pipeline)
    _down(_reopened(pipeline))

    assert still_there
    assert former not in _buckets(pipeline)


def test_down_takes_what_stands_whatever_the_settings_say_now(
    describe: Callable[..., Pipeline],
) -> None:
    pipeline = describe()
    _up(pipeline)
    former = {pipeline.input_bucket, pipeline.output_bucket}

    outcome = _down(_reopened(pipeline, **_moved(pipeline)))

    assert outcome.ok
    assert not former & _buckets(pipeline)


def test_buckets_that_change_places_are_notified_once(describe: Callable[..., Pipeline]) -> None:
    pipeline = describe()
    one, other = f"{pipeline.names.pipeline}-one", f"{pipeline.names.pipeline}-other"
    for bucket in (one, other):
        pipeline.aws.s3.create_bucket(Bucket=bucket)
    _up(_reopened(pipeline, input_bucket=one, output_bucket=other))

    _up(_reopened(pipeline, input_bucket=other, output_bucket=one))
    swapped = (_notified(pipeline, one), _notified(pipeline, other))
    _down(_reopened(pipeline))

    assert swapped == (False, True)
    assert not _notified(pipeline, other)


def test_a_bucket_that_cannot_be_used_is_refused_before_anything_moves(
    describe: Callable[..., Pipeline],
) -> None:
    pipeline, busy = describe(), describe(input_bucket="busy-uploads")
    _up(pipeline)
    _up(busy)

    with pytest.raises(ForeignResourceError):
        _up(_reopened(pipeline, input_bucket="busy-uploads"))

    assert engine.up(pipeline.aws, pipeline.resources()).ok
    assert _notified(pipeline, pipeline.input_bucket)

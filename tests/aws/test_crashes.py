"""A run that dies anywhere can be run again.

The points are generated: one undisturbed run is recorded, then each of its calls is run up to
and the run ended just before it, or just after AWS has carried it out. Then the same command is run
again: what stands must equal what an undisturbed run makes, and `down` must leave nothing.

The suite ends runs after every call that changes something; CRASH_POINTS=all ends
them before and after every call, reads as well.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from provision import aws, engine
from provision.aws import Aws
from provision.pipeline import Pipeline
from tests.aws.what_stands import leftovers, states

Point = tuple[str, int]
_READS = ("Get", "List", "Head", "Describe")
EVERYWHERE = os.environ.get("CRASH_POINTS") == "all"
_MOMENTS = ("before", "after") if EVERYWHERE else ("after",)


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Saboteur:
    """Ends a run at one call: all its threads are dead from then on."""

    point: Point | None = None
    after: bool = False
    calls: list[Point] = field(default_factory=list)
    dead: bool = False
    _counts: Counter[str] = field(default_factory=Counter)
    _lock: Any = field(default_factory=threading.Lock)

    def watch(self, connection: Aws) -> None:
        events = connection.session.events
        events.register("before-call", self._before)
        events.register("after-call", self._after)

    def _before(self, model: Any, context: dict[str, Any], **_: object) -> None:
        with self._lock:
            if self.dead:
                raise Killed
            self._counts[model.name] += 1
            context["point"] = (model.name, self._counts[model.name])
            self.calls.append(context["point"])
            if context["point"] == self.point and not self.after:
                self.dead = True
                raise Killed

    def _after(self, context: dict[str, Any], **_: object) -> None:
        if self.dead or (context["point"] == self.point and self.after):
            self.dead = True
            raise Killed


def reconnected(pipeline: Pipeline, saboteur: Saboteur) -> Pipeline:
    """The same pipeline seen by a new process."""
    connection = aws.connect_local(str(pipeline.aws.endpoint_url), pipeline.aws.region)
    saboteur.watch(connection)
    return replace(pipeline, aws=connection)


def _walk(command: Callable[..., engine.Outcome]) -> Callable[[Pipeline], engine.Outcome]:
    return lambda pipeline: command(pipeline.aws, pipeline.resources())


def run_and_die(
    command: Callable[[Pipeline], object], pipeline: Pipeline, saboteur: Saboteur
) -> None:
    """Run a command in a new process that dies at the saboteur's call."""
    with suppress(Killed):  # not heard of where the last answer of all is one that nobody awaits
        command(reconnected(pipeline, saboteur))
    assert saboteur.dead


def points(saboteur: Saboteur) -> list[Point]:
    """The calls at which to die, of a run that the saboteur only watched."""
    return [call for call in saboteur.calls if EVERYWHERE or not call[0].startswith(_READS)]


@pytest.fixture(scope="module")
def undisturbed(describe: Callable[..., Pipeline]) -> dict[str, Any]:
    pipeline = describe()
    engine.up(pipeline.aws, pipeline.resources())
    return states(pipeline)


@pytest.mark.parametrize("moment", _MOMENTS)
def test_up_that_died_anywhere_is_gone_on_with(
    describe: Callable[..., Pipeline],
    undisturbed: dict[str, Any],
    subtests: Any,
    moment: str,
    record_property: Callable[[str, int], None],
) -> None:
    recorder = Saboteur()
    _walk(engine.up)(reconnected(describe(), recorder))

    for point in points(recorder):
        record_property(f"up_died_{moment}", 1)
        with subtests.test(moment=moment, call=point):
            pipeline = describe()
            run_and_die(_walk(engine.up), pipeline, Saboteur(point, after=moment == "after"))

            engine.up(pipeline.aws, pipeline.resources())

            assert states(pipeline) == undisturbed
            engine.down(pipeline.aws, pipeline.resources())
            assert leftovers(pipeline) == []


@pytest.mark.parametrize("moment", _MOMENTS)
def test_down_that_died_anywhere_is_gone_on_with(
    describe: Callable[..., Pipeline],
    subtests: Any,
    moment: str,
    record_property: Callable[[str, int], None],
) -> None:
    standing = describe()
    engine.up(standing.aws, standing.resources())
    recorder = Saboteur()
    _walk(engine.down)(reconnected(standing, recorder))

    for point in points(recorder):
        record_property(f"down_died_{moment}", 1)
        with subtests.test(moment=moment, call=point):
            pipeline = describe()
            engine.up(pipeline.aws, pipeline.resources())
            run_and_die(_walk(engine.down), pipeline, Saboteur(point, after=moment == "after"))

            ended = engine.down(pipeline.aws, pipeline.resources())

            assert ended.ok
            assert leftovers(pipeline) == []

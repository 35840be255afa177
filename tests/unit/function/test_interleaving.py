"""Deliveries twice, late, out of order and at once: the last version wins, and no output mixes two.

Every delivery runs in a thread of its own that waits before each call to S3. The test lets one go
at a time, mostly the one of the highest priority, and uploads new versions in between. Priorities
and exceptions are drawn from a seed: so some deliveries are starved for long, which is what hurts.
"""

from __future__ import annotations

import random
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from PIL import Image

from processing import KeepsChangingError
from tests.unit.function.fakes import Bench, encoded, opened

KEY = "uploads/photo.png"
COLOURS = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]
VERSIONS = [encoded(Image.new("RGB", (8, 8), colour), "PNG") for colour in COLOURS]


class Turnstile:
    """Holds threads before each call until the test lets one through."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, threading.Event]] = []
        self._running = 0
        self._priority = threading.local()

    def arrive(self, _key: str) -> None:
        turn = threading.Event()
        with self._changed:
            self._waiting.append((self._priority.value, turn))
            self._running -= 1
            self._changed.notify()
        assert turn.wait(10)

    def expect_one(self) -> None:
        """Count a thread that will arrive, before it is started."""
        with self._changed:
            self._running += 1

    def enter(self, priority: float) -> None:
        """Give the calling thread its priority."""
        self._priority.value = priority

    def finish(self) -> None:
        with self._changed:
            self._running -= 1
            self._changed.notify()

    def let_one_through(self, choose: random.Random) -> bool:
        """Wait until every thread waits or is done, then free one; False when all are done."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._running == 0, 10)
            if not self._waiting:
                return False
            exception = choose.random() < 0.1
            _, turn = choose.choice(self._waiting) if exception else max(self._waiting, key=_first)
            self._waiting = [waiting for waiting in self._waiting if waiting[1] is not turn]
            self._running += 1
        turn.set()
        return True


def _first(waiting: tuple[float, threading.Event]) -> float:
    return waiting[0]


def deliver(bench: Bench, turnstile: Turnstile, priority: float) -> None:
    """Deliver the event as Lambda does: again while it fails."""
    turnstile.enter(priority)
    try:
        for _ in range(3):
            try:
                return bench.deliver(KEY)
            except KeepsChangingError:
                continue
    finally:
        turnstile.finish()


@pytest.mark.parametrize("seed", range(150))
def test_when_it_is_quiet_the_outputs_show_the_last_version(seed: int) -> None:
    choose = random.Random(seed)
    bench, turnstile = Bench(), Turnstile()
    bench.s3.before_get = bench.s3.before_put = turnstile.arrive
    # Each version is announced once or twice, some only after a later one is there.
    steps = [step for number in range(len(VERSIONS)) for step in ("upload", "deliver")]
    steps += ["deliver"] * choose.randrange(3)
    if choose.random() < 0.5:
        first, *rest = steps
        choose.shuffle(rest)
        steps = [first, *rest]
    steps.append("deliver")  # what was uploaded last is announced after it
    versions = iter(VERSIONS)
    etag = ""

    with ThreadPoolExecutor(len(steps)) as pool:
        deliveries: list[Future[None]] = []
        for step in steps:
            if step == "upload":
                etag = bench.s3.upload(KEY, next(versions))
            else:
                turnstile.expect_one()
                deliveries.append(pool.submit(deliver, bench, turnstile, choose.random()))
            for _ in range(choose.randrange(6)):
                turnstile.let_one_through(choose)
        while turnstile.let_one_through(choose):
            continue
    for delivery in deliveries:
        delivery.result()

    outputs = bench.s3.outputs().values()
    assert {stored.metadata["source-etag"] for stored in outputs} == {etag.strip('"')}
    assert {opened(stored).getpixel((4, 4)) for stored in outputs} == {COLOURS[-1]}
    assert len(outputs) == 3

"""Runs invocations on warm workers, as many at once as the machine has processors.

A worker serves one deployment; a changed function gets new ones and the old are ended. What
finds no free processor waits its turn.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .deployment import Deployment
from .outcome import Outcome
from .worker import Request, Worker

StartWorker = Callable[[Deployment], Worker]
EndWorker = Callable[[Worker], None]


class ThrottledError(Exception):
    """The function's reserved concurrency is used up (L27)."""


@dataclass
class Pool:
    """Warm workers by deployment; `slots` is how many may run at once."""

    slots: int
    start: StartWorker
    end: EndWorker
    idle: list[Worker] = field(default_factory=list)
    busy: list[Worker] = field(default_factory=list)
    running: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._free = threading.Semaphore(self.slots)
        self._closed = False

    def run(self, deployment: Deployment, request: Request) -> tuple[Outcome, Worker]:
        """Run one invocation and returns its outcome with the worker that ran it."""
        with self._reserved(deployment), self._free:
            worker = self._take(deployment.key) or self.start(deployment)
            with self._lock:
                self.busy.append(worker)
                if self._closed:  # too late for `close` to see it
                    worker.kill()
            try:
                outcome = worker.run(request)
            finally:
                self._give_back(worker)
        return outcome, worker

    def retire(self, arn: str, *, keep: str = "") -> None:
        """End the idle workers of a function, but for those of deployment `keep`."""
        with self._lock:
            old = [w for w in self.idle if w.deployment.arn == arn and w.deployment.key != keep]
            self.idle = [w for w in self.idle if w not in old]
        for worker in old:
            self.end(worker)

    def close(self) -> None:
        """End all workers; what runs on them fails."""
        with self._lock:
            idle, self.idle = self.idle, []
            busy, self._closed = list(self.busy), True
        for worker in idle:
            self.end(worker)
        for worker in busy:
            worker.kill()

    @contextmanager
    def _reserved(self, deployment: Deployment) -> Iterator[None]:
        with self._lock:
            limit = deployment.reserved_concurrency
            if limit is not None and self.running[deployment.arn] >= limit:
                raise ThrottledError(deployment.arn)
            self.running[deployment.arn] += 1
        try:
            yield
        finally:
            with self._lock:
                self.running[deployment.arn] -= 1

    def _take(self, key: str) -> Worker | None:
        with self._lock:
            found = next((w for w in reversed(self.idle) if w.deployment.key == key), None)
            if found is not None:
                self.idle.remove(found)
        return found

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            self.busy.remove(worker)
            kept = worker.usable and not self._closed
            if kept:
                self.idle.append(worker)
            surplus = self.idle[: max(0, len(self.idle) - 2 * self.slots)]
            self.idle = self.idle[len(surplus) :]
        for old in surplus if kept else [worker]:
            self.end(old)
        if kept:
            self.retire(worker.deployment.arn, keep=worker.deployment.key)

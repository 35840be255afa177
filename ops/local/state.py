"""What the local AWS knows beyond moto: settings, function records, notifications, mail.

One `State` belongs to one server. moto's own backends are per process, so is the server.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from . import clock
from .mail import Mailbox
from .propagation import Propagation
from .table import Table

if TYPE_CHECKING:
    from .invocations import Invocations

Behave = Literal["instant", "aws"]
ACCOUNT = "123456789012"
REGION = "us-east-1"


@dataclass(frozen=True)
class Settings:
    """How the server behaves; see `serve`."""

    behave: Behave = "instant"
    time_scale: float = 1.0
    latency_scale: float = 1.0  # for the calls' own latencies, on top of time_scale
    seed: int | None = None
    retry_delays_s: tuple[float, ...] = (0.0, 0.0)
    enforce_users: bool = False
    faults: frozenset[str] = frozenset()
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)

    @property
    def takes_time(self) -> bool:
        """Whether AWS's latencies and propagation are on."""
        return self.behave == "aws"


Change = Literal["creating", "updating"]


@dataclass
class FunctionRecord:
    """What Lambda knows of a function and moto does not."""

    logging: dict[str, Any] = field(default_factory=dict)
    dead_letter: dict[str, Any] = field(default_factory=dict)
    environment_was_set: bool = False
    role_id: str | None = None
    may_recurse: bool = False
    event_invoke: dict[str, Any] | None = None
    event_invoke_modified: float = 0.0
    layers: dict[str, bytes] = field(default_factory=dict)
    revision_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    generation: int = 1
    modified: str = field(default_factory=lambda: _now())
    change: Change | None = None
    _settles_at: float = 0.0

    def begin(self, change: Change, seconds: float) -> None:
        """Start a change that settles in `seconds`; it is a new revision with new workers."""
        self.revision_id = str(uuid.uuid4())
        self.generation += 1
        self.modified = _now()
        self.change = change
        self._settles_at = clock.monotonic() + seconds

    def phase(self) -> Change | None:
        """What is under way; settling makes a new revision once more (L1)."""
        if self.change is not None and clock.monotonic() >= self._settles_at:
            self.change = None
            self.revision_id = str(uuid.uuid4())
        return self.change


def _now() -> str:
    """The time as Lambda writes it: 2026-01-31T12:00:00.000+0000."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


class State:
    """Everything a row may look at or change."""

    def __init__(self, settings: Settings, table: Table) -> None:
        self.settings = settings
        self.table = table
        self.mailbox = Mailbox()
        self.propagation = Propagation()
        self.propagation.seed(settings.seed)
        self.functions: dict[str, FunctionRecord] = {}  # by unqualified ARN
        self.buckets: set[str] = set()  # those that got a new bucket's defaults
        self.notifications: dict[str, dict[str, Any]] = {}  # by bucket
        self.topic_attributes: dict[str, dict[str, Any]] = {}  # as created, by ARN
        self.counts: Counter[str] = Counter()  # read only; written by `count`
        self.lock = threading.RLock()
        self.invocations: Invocations

    @property
    def denied(self) -> set[str]:
        """The `deny:` faults, in lower case."""
        return {name.lower() for name in self.settings.faults}

    @contextmanager
    def changed(self, **settings: Any) -> Iterator[None]:
        """Other settings for the length of a `with` block."""
        before = self.settings
        self.settings = replace(before, **settings)
        self.propagation.seed(self.settings.seed)
        try:
            yield
        finally:
            self.settings = before

    def count(self, name: str) -> None:
        """Count one more of what `counts` tells."""
        with self.lock:
            self.counts[name] += 1

    def function(self, arn: str) -> FunctionRecord:
        """The record of a function, made on first sight."""
        with self.lock:
            return self.functions.setdefault(arn, FunctionRecord())

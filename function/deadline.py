"""The time that Lambda still gives this invocation, watched so that the function ends by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

# Enough to log, and to send one mail over a new connection on a seventh of a processor.
MARGIN_MS = 2000
_FRESH = 0.9


class OutOfTimeError(Exception):
    """The invocation is about to be stopped."""


@dataclass(frozen=True)
class Deadline:
    """`remaining_ms` is the Lambda context's get_remaining_time_in_millis."""

    remaining_ms: Callable[[], float]
    allowed_ms: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "allowed_ms", self.remaining_ms())

    @property
    def is_fresh(self) -> bool:
        """Whether nearly all of the time is left."""
        return self.remaining_ms() >= _FRESH * self.allowed_ms

    @property
    def margin_ms(self) -> float:
        """What is kept back; of a very short timeout, only a part."""
        return min(MARGIN_MS, self.allowed_ms / 3)

    def check(self, needed_ms: float = 0) -> None:
        """Raise OutOfTimeError when it is time to stop, or `needed_ms` from it."""
        if self.remaining_ms() < self.margin_ms + min(needed_ms, self.allowed_ms / 3):
            raise OutOfTimeError(
                f"Stopped after {self.allowed_ms / 1000:.0f} s, before Lambda would."
            )

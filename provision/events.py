"""What the engine says while it works, so that somebody can watch.

An Event is a fact, not a text: renderers turn it into a live tree or into nothing at all.
Events of different resources come from different threads; a listener guards its own state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["started", "waiting", "finished", "failed", "skipped"]


@dataclass(frozen=True)
class Event:
    """One step of one resource.

    `detail` is the action when started or finished ("create", "keep" ...), what is awaited or how
    far it is when waiting, the reason when skipped, and what happened when failed.
    """

    kind: Kind
    resource: str
    detail: str = ""
    seconds: float | None = None


Listener: TypeAlias = Callable[[Event], None]


def ignore(_event: Event) -> None:
    """Listen to nothing."""

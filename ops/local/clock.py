"""The time by which changes come into force: this machine's, and what a test added to it."""

from __future__ import annotations

import time

_ahead_s = 0.0


def monotonic() -> float:
    """Seconds that never go back."""
    return time.monotonic() + _ahead_s


def wall() -> float:
    """Unix time."""
    return time.time() + _ahead_s


def advance(seconds: float) -> None:
    """Let that much time have passed; threads that sleep are not woken."""
    global _ahead_s
    _ahead_s += seconds

"""A command's answer, before anybody shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from provision.errors import PipelineError

if TYPE_CHECKING:
    from provision.engine import Outcome


Status = Literal["ok", "failed", "partial"]


def graded(failed: int, total: int) -> tuple[int, Status]:
    """Return exit code and status of a command that did `total` things, `failed` of them not."""
    if not failed:
        return 0, "ok"
    return (1, "failed") if failed == total else (3, "partial")


def unfinished(outcome: Outcome) -> tuple[int, Status, Sequence[PipelineError]]:
    """Return exit code, status and errors of a walk with failures."""
    errors = tuple(outcome.failures.values())
    if outcome.changes:
        return 1, "partial", errors
    return max(error.exit_code for error in errors), "failed", errors


@dataclass(frozen=True)
class Result:
    """A command's answer: `text` for people, `data` for scripts, and how it ended."""

    data: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    exit_code: int = 0
    status: Status = "ok"
    errors: Sequence[PipelineError] = ()
    streamed: bool = False  # everything was printed on the way, as `logs` does

    @classmethod
    def failed(cls, error: PipelineError) -> Result:
        """Return the answer of a command that only has an error to tell."""
        return cls(exit_code=error.exit_code, status="failed", errors=(error,))

"""A command's answer, before anybody shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from provision.errors import PipelineError


@dataclass(frozen=True)
class Result:
    """A command's answer: `text` for people, `data` for scripts, and how it ended."""

    data: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    exit_code: int = 0
    status: Literal["ok", "failed", "partial"] = "ok"
    errors: Sequence[PipelineError] = ()
    streamed: bool = False  # everything was printed on the way, as `logs` does

    @classmethod
    def failed(cls, error: PipelineError) -> Result:
        """Return the answer of a command that only has an error to tell."""
        return cls(exit_code=error.exit_code, status="failed", errors=(error,))

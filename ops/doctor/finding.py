"""A Finding: one cause, with its evidence and the command that mends it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """One cause. `fix` is a command line; `up` holds the settings with which `up` mends it.

    An error stops images or mails; a warning will, or costs money. `up` is None when `up` does
    not mend it.
    """

    code: str
    severity: Severity
    what: str
    why: str
    fix: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    up: Mapping[str, str] | None = None

    def row(self) -> dict[str, Any]:
        """Return it as `--json` shows it."""
        return {
            "code": self.code,
            "severity": self.severity,
            "what": self.what,
            "why": self.why,
            "fix": self.fix,
            "evidence": dict(self.evidence),
        }

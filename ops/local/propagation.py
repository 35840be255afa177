"""How changes reach the parts of AWS that act on them: at once, unless time matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .calls import Call
    from .state import State


class Propagation:
    """What is in force now, as opposed to what was last written."""

    def effective_documents(self, account: str, role: str, documents: list[str]) -> list[str]:
        """The policies of a role that are enforced at this moment."""
        return documents

    def delay(self, state: State, call: Call) -> None:
        """Waits as long as AWS takes for this call."""

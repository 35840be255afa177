"""The table of behaviours: every way in which the local AWS differs from plain moto.

A row is a small function under a decorator that names its row in the behaviour catalogue and
the calls it bears on (`s3.CreateBucket`, or several, or `s3.*`). There are five kinds:

`refuses`   before the call: returns a `Refusal`, or None to let it pass
`answers`   instead of moto: returns the result, or None to let moto answer
`rewrites`  after moto: edits the result in place
`follows`   after a success: does something more; the answer stays as it is
`mends`     after moto's error: returns another `Refusal`, a result, or None to keep it

The gate applies them, in this order and in the order of registration; nobody else does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["refuses", "answers", "rewrites", "follows", "mends"]
Apply = Callable[..., Any]
Register = Callable[[Apply], Apply]


@dataclass(frozen=True)
class Row:
    """One behaviour: `apply(state, call, ...)` for the calls in `actions`."""

    kind: Kind
    catalogue: str
    actions: tuple[str, ...]
    apply: Apply


@dataclass
class Table:
    """Rows by kind and action."""

    rows: list[Row] = field(default_factory=list)
    _index: dict[tuple[Kind, str], list[Row]] = field(default_factory=dict)

    def add(self, *rows: Row) -> None:
        """Append rows; they apply from the next call on."""
        self.rows = [*self.rows, *rows]
        self._index = {}

    @contextmanager
    def added(self, *rows: Row) -> Iterator[None]:
        """Append rows for the length of a `with` block."""
        before = self.rows
        self.add(*rows)
        try:
            yield
        finally:
            self.rows = before
            self._index = {}

    def matching(self, kind: Kind, action: str) -> list[Row]:
        """The rows of this kind that bear on `action`, in order."""
        if (kind, action) not in self._index:
            named = {action, f"{action.partition('.')[0]}.*"}
            self._index[kind, action] = [
                row for row in self.rows if row.kind == kind and named.intersection(row.actions)
            ]
        return self._index[kind, action]


@dataclass(frozen=True)
class Sheet:
    """Where a module collects its rows: `rows = Sheet()` and `@rows.refuses(...)`."""

    rows: list[Row] = field(default_factory=list)

    def refuses(self, catalogue: str, *actions: str) -> Register:
        """`apply(state, call) -> Refusal | None`, before anything else happens."""
        return self._register("refuses", catalogue, actions)

    def answers(self, catalogue: str, *actions: str) -> Register:
        """`apply(state, call) -> dict | None`, instead of moto."""
        return self._register("answers", catalogue, actions)

    def rewrites(self, catalogue: str, *actions: str) -> Register:
        """`apply(state, call, result) -> None`, editing the result."""
        return self._register("rewrites", catalogue, actions)

    def follows(self, catalogue: str, *actions: str) -> Register:
        """`apply(state, call) -> None`, after a success."""
        return self._register("follows", catalogue, actions)

    def mends(self, catalogue: str, *actions: str) -> Register:
        """`apply(state, call, refusal) -> Refusal | dict | None`, after moto's error."""
        return self._register("mends", catalogue, actions)

    def _register(self, kind: Kind, catalogue: str, actions: tuple[str, ...]) -> Register:
        def register(apply: Apply) -> Apply:
            self.rows.append(Row(kind, catalogue, actions, apply))
            return apply

        return register

"""A Resource is one thing in AWS, and a Change is what it takes to make it right.

Each resource answers five questions with plain methods:

- `needs`: which resources must stand before this one can be made.
- `desired(known)`: the fields that are ours, as they should be; None when the resource should
  not exist at all. `known` holds what other resources turned out to be, because some facts
  cannot be derived: a layer's version ARN exists only once it is published. While planning, such
  a fact reads as KNOWN_AFTER_APPLY.
- `read()`: the same fields as AWS has them, in the same shape (sorted lists, parsed policies),
  plus facts others may need, such as "id". None when absent. ForeignResourceError when
  something that is not ours holds the name.
- `apply(actual, known)`: makes it so. It changes only fields that differ and may be run again
  after dying anywhere.
- `delete()`: takes it away; absent already is success.

There is no state file: comparing `desired` with `read` is all there is to planning, drift
detection, repair and the second run that does nothing. Everything else in a state is the
resource's own business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias

State: TypeAlias = Mapping[str, Any]
Known: TypeAlias = Mapping[str, State]
Action: TypeAlias = Literal["create", "update", "keep", "delete"]

KNOWN_AFTER_APPLY: Final = "(known after apply)"


class Resource(Protocol):
    """One thing in AWS; the module's docstring says what each member promises."""

    @property
    def name(self) -> str:
        """What people and `--json` call it: "input-bucket", "role" ..."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of the resources that must stand before this one."""

    def desired(self, known: Known) -> State | None:
        """Return the fields we own as they should be; None when it should be absent."""

    def read(self) -> State | None:
        """Return what AWS has; None when absent."""

    def apply(self, actual: State | None, known: Known) -> None:
        """Create it (`actual` is None) or mend the fields that differ."""

    def delete(self) -> None:
        """Remove it; absent already is success."""


@dataclass(frozen=True)
class Difference:
    """One field that is not as it should be; `actual` is None when there is nothing yet."""

    field: str
    actual: Any
    desired: Any


@dataclass(frozen=True)
class Change:
    """What a comparison found for one resource."""

    resource: str
    action: Action
    differences: tuple[Difference, ...] = ()
    id: str | None = None


def fact(known: Known, resource: str, field: str) -> Any:
    """Return what another resource turned out to be, or KNOWN_AFTER_APPLY."""
    return known.get(resource, {}).get(field, KNOWN_AFTER_APPLY)


def compare(name: str, desired: State | None, actual: State | None) -> Change:
    """Compare the fields we own; fields that only AWS has are not looked at."""
    if desired is None:
        action: Action = "keep" if actual is None else "delete"
        return Change(name, action, id=_id(actual))
    if actual is None:
        fields = tuple(Difference(field, None, value) for field, value in desired.items())
        return Change(name, "create", fields)
    differing = tuple(
        Difference(field, actual.get(field), value)
        for field, value in desired.items()
        if actual.get(field) != value
    )
    return Change(name, "update" if differing else "keep", differing, _id(actual))


def _id(actual: State | None) -> str | None:
    return None if actual is None else actual.get("id")

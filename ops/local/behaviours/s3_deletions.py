"""DeleteObjects: a key that cannot be deleted is told of in a 200 (S26)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.s3.models import s3_backends

from .. import authorization
from ..calls import Call, Refusal
from ..table import Sheet

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_MOST_KEYS = 1000
_INTERNAL = Refusal("InternalError", "We encountered an internal error. Please try again.", 500)
_FAILURES = 0.02  # how often one key fails where time matters


@rows.refuses("S26", "s3.DeleteObjects")
def too_many_keys(state: State, call: Call) -> Refusal | None:
    """Refuse more than a thousand keys at once."""
    if len(_objects(call)) <= _MOST_KEYS:
        return None
    text = "The XML you provided was not well-formed or did not validate against our published"
    return Refusal("MalformedXML", f"{text} schema")


@rows.answers("S26", "s3.DeleteObjects")
def some_fail(state: State, call: Call) -> dict[str, Any] | None:
    """Delete what may be deleted, and tell key by key of what may not or failed."""
    failures = _failures(state, call)
    bucket = s3_backends[call.account][call.partition].buckets.get(call.get("Bucket"))
    if not failures or bucket is None:
        return None
    backend = s3_backends[call.account][call.partition]
    result: dict[str, Any] = {"Deleted": [], "Errors": []}
    for index, entry in enumerate(_objects(call)):
        named = {name: entry[name] for name in ("Key", "VersionId") if entry.get(name)}
        if refusal := failures.get(index):
            told = {"Code": refusal.code, "Message": refusal.text}
            result["Errors"].append({**named, **told})
        else:
            backend.delete_object(bucket.name, entry["Key"], version_id=entry.get("VersionId"))
            result["Deleted"].append(named)
    if (call.get("Delete") or {}).get("Quiet"):
        del result["Deleted"]
    return result


def _failures(state: State, call: Call) -> dict[int, Refusal]:
    denied = authorization.denied_needs(state, call)
    entries = range(len(_objects(call)))
    failed = {i: _INTERNAL for i in entries if state.propagation.happens(state, _FAILURES)}
    return failed | denied


def _objects(call: Call) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = (call.get("Delete") or {}).get("Objects", [])
    return objects

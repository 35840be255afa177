"""Bucket notifications: kept and validated here, since moto accepts anything (S10 to S16)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from .. import s3_events
from ..calls import Call
from ..table import Sheet

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()


@rows.answers("S13", "s3.PutBucketNotificationConfiguration")
def put(state: State, call: Call) -> dict[str, Any]:
    """Replaces the whole configuration, in the form in which it is read back (S16)."""
    configuration = call.get("NotificationConfiguration") or {}
    kept: dict[str, Any] = {}
    if "EventBridgeConfiguration" in configuration:
        kept["EventBridgeConfiguration"] = {}
    for kind in s3_events.TARGETS:
        if configuration.get(kind):
            kept[kind] = [_normalised(entry) for entry in configuration[kind]]
    state.notifications[call.get("Bucket")] = kept
    return {}


@rows.answers("S16", "s3.GetBucketNotificationConfiguration")
def get(state: State, call: Call) -> dict[str, Any]:
    """Reads back what was put."""
    return state.notifications.get(call.get("Bucket"), {})


def _normalised(entry: dict[str, Any]) -> dict[str, Any]:
    kept = {"Id": entry.get("Id") or str(uuid.uuid4()), **entry}
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules")
    if rules is not None:
        named = [{"Name": r["Name"].capitalize(), "Value": r.get("Value", "")} for r in rules]
        kept["Filter"] = {"Key": {"FilterRules": named}}
    return kept

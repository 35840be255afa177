"""Reading log events: sorted, paged and filtered as AWS does, and as late (G3, G4)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from moto.logs.models import logs_backends

from .. import log_patterns
from ..calls import Call, Refusal
from ..table import Sheet

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_MAX_EVENTS = 10_000
_MAX_BYTES = 1 << 20
Event = dict[str, Any]
Position = tuple[int, int, str]


@rows.answers("G4", "logs.FilterLogEvents")
def filter_events(state: State, call: Call) -> dict[str, Any] | Refusal:
    """Answer a page; moto sorts by stream, and lets every JSON pattern match."""
    try:
        wanted = log_patterns.matcher(call.get("filterPattern", ""))
    except ValueError:
        return _invalid("Invalid filter pattern")
    try:
        after = _position(call.get("nextToken"))
    except ValueError:
        return _invalid("The specified nextToken is invalid.")
    found = [event for event in _events(state, call) if wanted(event["message"])]
    rest = [event for event in sorted(found, key=_key) if after is None or _key(event) > after]
    page = _page(rest, call.get("limit", _MAX_EVENTS))
    page = state.propagation.maybe_empty(state, page)
    result: dict[str, Any] = {"events": page, "searchedLogStreams": []}
    if len(page) < len(rest):
        result["nextToken"] = _token(_key(page[-1]) if page else after)
    return result


@rows.rewrites("G3", "logs.GetLogEvents")
def late_events(state: State, call: Call, result: dict[str, Any]) -> None:
    """Leave out what AWS would not show yet."""
    events = result.get("events", [])
    result["events"] = [e for e in events if state.propagation.event_is_visible(state, e)]


def _events(state: State, call: Call) -> list[Event]:
    name = call.get("logGroupName") or str(call.get("logGroupIdentifier")).split(":")[-1]
    group = logs_backends[call.account][call.region].groups[name]
    names, prefix = call.get("logStreamNames"), call.get("logStreamNamePrefix", "")
    start, end = call.get("startTime", 0), call.get("endTime", float("inf"))
    return [
        event.to_filter_dict() | {"logStreamName": stream_name}
        for stream_name, stream in list(group.streams.items())
        if stream_name.startswith(prefix) and (names is None or stream_name in names)
        for event in list(stream.events)
        if start <= event.timestamp <= end
        and state.propagation.event_is_visible(state, event.to_filter_dict())
    ]


def _key(event: Event) -> Position:
    return event["timestamp"], event["ingestionTime"], event["eventId"]


def _page(events: list[Event], limit: int) -> list[Event]:
    page: list[Event] = []
    size = 0
    for event in events[:limit]:
        size += len(event["message"].encode()) + 26
        if size > _MAX_BYTES and page:
            break
        page.append(event)
    return page


def _token(position: Position | None) -> str:
    text = "filter/" + "/".join(map(str, position or ()))
    return base64.urlsafe_b64encode(text.encode()).decode()


def _position(token: str | None) -> Position | None:
    """The place a token stands for; raises ValueError for one we never gave."""
    if not token:
        return None
    kind, *parts = base64.urlsafe_b64decode(token.encode()).decode().split("/")
    if kind != "filter":
        raise ValueError(token)
    if parts == [""]:
        return None
    timestamp, ingestion, identity = parts
    return int(timestamp), int(ingestion), identity


def _invalid(text: str) -> Refusal:
    return Refusal("InvalidParameterException", text)

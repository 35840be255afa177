"""Log groups and their events (G1 to G5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.logs.models import logs_backends

from ..calls import Call, Refusal
from ..table import Sheet

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_MAX_EVENTS = 10_000
_OF_A_GROUP = (
    "logs.CreateLogStream",
    "logs.DeleteLogGroup",
    "logs.DeleteRetentionPolicy",
    "logs.DescribeLogStreams",
    "logs.FilterLogEvents",
    "logs.GetLogEvents",
    "logs.PutLogEvents",
    "logs.PutRetentionPolicy",
)


@rows.refuses("G5", *_OF_A_GROUP)
def no_group(state: State, call: Call) -> Refusal | None:
    """Refuse a group that is absent; the status is 400."""
    group = call.get("logGroupName") or str(call.get("logGroupIdentifier", "")).split(":")[-1]
    if group in logs_backends[call.account][call.region].groups:
        return None
    return _not_found("The specified log group does not exist.")


@rows.refuses("G5", "logs.ListTagsForResource", "logs.TagResource", "logs.UntagResource")
def no_tagged_group(state: State, call: Call) -> Refusal | None:
    """Refuse to tell or change the tags of a group that is not there."""
    _, _, name = call.get("resourceArn", "").partition(":log-group:")
    if not name or name.removesuffix(":*") in logs_backends[call.account][call.region].groups:
        return None
    return _not_found("The specified log group does not exist.")


@rows.follows("G5", "logs.DeleteLogGroup")
def forget_tags(state: State, call: Call) -> None:
    """Let a group of the same name begin without tags."""
    arn = f"arn:{call.partition}:logs:{call.region}:{call.account}:log-group:"
    tagger = logs_backends[call.account][call.region].tagger
    tagger.delete_all_tags_for_resource(arn + call.get("logGroupName", ""))


@rows.refuses("G5", "logs.GetLogEvents", "logs.PutLogEvents", "logs.DeleteLogStream")
def no_stream(state: State, call: Call) -> Refusal | None:
    """Refuse a stream that is absent."""
    group = logs_backends[call.account][call.region].groups.get(call.get("logGroupName"))
    if group is None or call.get("logStreamName") in group.streams:
        return None
    return _not_found("The specified log stream does not exist.")


@rows.refuses("G1", "logs.CreateLogGroup")
def group_exists(state: State, call: Call) -> Refusal | None:
    """Refuse a name that is taken, by Lambda perhaps."""
    if call.get("logGroupName") not in logs_backends[call.account][call.region].groups:
        return None
    text = "The specified log group already exists"
    return Refusal("ResourceAlreadyExistsException", text)


@rows.refuses("G1", "logs.CreateLogStream")
def stream_exists(state: State, call: Call) -> Refusal | None:
    """Refuse a stream that exists."""
    group = logs_backends[call.account][call.region].groups[call.get("logGroupName")]
    if call.get("logStreamName") not in group.streams:
        return None
    text = "The specified log stream already exists"
    return Refusal("ResourceAlreadyExistsException", text)


@rows.refuses("G2", "logs.PutRetentionPolicy")
def retention(state: State, call: Call) -> Refusal | None:
    """Refuse days that are not in AWS's list."""
    days = call.get("retentionInDays")
    if days in _DAYS:
        return None
    allowed = ", ".join(map(str, _DAYS))
    return _invalid(
        f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy "
        f"constraint: Member must satisfy enum value set: [{allowed}]"
    )


@rows.refuses("G4", "logs.FilterLogEvents", "logs.GetLogEvents")
def limit(state: State, call: Call) -> Refusal | None:
    """Refuse to return more than ten thousand events."""
    wanted = call.get("limit", 0)
    if wanted <= _MAX_EVENTS:
        return None
    return _invalid(
        f"1 validation error detected: Value '{wanted}' at 'limit' failed to satisfy constraint: "
        f"Member must have value less than or equal to {_MAX_EVENTS}"
    )


@rows.refuses("G4", "logs.PutLogEvents")
def chronological(state: State, call: Call) -> Refusal | None:
    """Refuse events out of order."""
    times = [event["timestamp"] for event in call.get("logEvents", [])]
    if times == sorted(times):
        return None
    text = "Log events in a single PutLogEvents request must be in chronological order."
    return _invalid(text)


@rows.refuses("G8", "logs.DescribeLogGroups")
def prefix_and_pattern(state: State, call: Call) -> Refusal | None:
    """Refuse both at once."""
    if not (call.get("logGroupNamePrefix") and call.get("logGroupNamePattern")):
        return None
    text = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
    return _invalid(text)


@rows.rewrites("G8", "logs.DescribeLogGroups")
def arns(state: State, call: Call, result: dict[str, Any]) -> None:
    """Give both forms of the ARN, and the fields every group has."""
    for group in result.get("logGroups", []):
        bare = group["arn"].removesuffix(":*")
        group |= {"arn": f"{bare}:*", "logGroupArn": bare, "logGroupClass": "STANDARD"}
        if not call.get("logGroupNamePattern"):
            group["deletionProtectionEnabled"] = False


def _not_found(text: str) -> Refusal:
    return Refusal("ResourceNotFoundException", text)


def _invalid(text: str) -> Refusal:
    return Refusal("InvalidParameterException", text)

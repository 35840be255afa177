"""Bucket notifications: kept and validated here, since moto accepts anything (S10 to S19)."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from moto.s3.models import s3_backends
from moto.s3.notifications import S3NotificationEvent
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from provision import iam_policy

from .. import functions, s3_events
from ..calls import Call, Refusal
from ..s3_events import s3_may
from ..table import Sheet

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_ARGUMENT = {
    "LambdaFunctionConfigurations": "CloudFunction",
    "QueueConfigurations": "Queue",
    "TopicConfigurations": "Topic",
}
_UNVALIDATED = "Unable to validate the following destination configurations"
_SUFFIXES_OVERLAP = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the "
    "prefixes are overlapping for the same event type."
)
_NO_FILTER_OVERLAP = (
    "Configurations overlap. Configurations on the same bucket cannot share a common event type."
)
_MALFORMED = Refusal(
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
)
Entry = dict[str, Any]


@rows.refuses("S10", "s3.PutBucketNotificationConfiguration")
def malformed(state: State, call: Call) -> Refusal | None:
    """Refuse filters, events and ARNs that cannot be understood."""
    for kind, entry in _entries(call):
        for rule in _rules(entry):
            if not rule.get("Name") or "Value" not in rule:
                return _MALFORMED
            if rule["Name"].lower() not in ("prefix", "suffix"):
                text = "filter rule name must be either prefix or suffix"
                return _invalid(text, "FilterRule.Name", rule["Name"])
        target = entry.get(s3_events.TARGETS[kind], "")
        if len(target.split(":")) < 6:
            return _invalid("The ARN could not be parsed", _ARGUMENT[kind], target)
        for event in entry.get("Events", []):
            if event not in S3NotificationEvent.events():
                text = f"The event '{event}' is not supported for notifications"
                return _invalid(text, "Event", event)
    return None


@rows.refuses("S15", "s3.PutBucketNotificationConfiguration")
def overlapping(state: State, call: Call) -> Refusal | None:
    """Refuse two entries that could both match one event."""
    entries = [entry for _, entry in _entries(call)]
    identifiers = [entry["Id"] for entry in entries if entry.get("Id")]
    if len(set(identifiers)) < len(identifiers):
        text = "Same ID used for multiple configurations. IDs must be unique"
        return Refusal("InvalidArgument", text)
    for one, other in itertools.combinations(entries, 2):
        if not (_share_event(one, other) and _affixes_overlap(one, other)):
            continue
        filtered = any(s3_events.affixes(one) + s3_events.affixes(other))
        return Refusal("InvalidArgument", _SUFFIXES_OVERLAP if filtered else _NO_FILTER_OVERLAP)
    return None


@rows.refuses("S11", "s3.PutBucketNotificationConfiguration")
def unreachable(state: State, call: Call) -> Refusal | None:
    """Refuse targets S3 may not reach, all of them, foreign ones too (S10)."""
    if call.get("SkipDestinationValidation") or _bucket(call) is None:
        return None
    failures = [
        failure for kind, entry in _entries(call) if (failure := _failure(state, call, kind, entry))
    ]
    if not failures:
        return None
    extra: dict[str, str] = {}
    for number, (name, value) in enumerate(failures, start=1):
        extra |= {f"ArgumentName{number}": name, f"ArgumentValue{number}": value}
    return Refusal("InvalidArgument", _UNVALIDATED, extra=extra)


@rows.answers("S13", "s3.PutBucketNotificationConfiguration")
def put(state: State, call: Call) -> dict[str, Any] | None:
    """Replace the whole configuration, in the form in which it is read back (S16)."""
    if _bucket(call) is None:
        return None
    configuration = call.get("NotificationConfiguration") or {}
    kept: dict[str, Any] = {}
    if "EventBridgeConfiguration" in configuration:
        kept["EventBridgeConfiguration"] = {}
    for kind, entry in _entries(call):
        kept.setdefault(kind, []).append(_normalised(entry))
    state.propagation.notify(state, call.get("Bucket"), kept)
    _send_test_events(call, kept)
    return {}


@rows.answers("S16", "s3.GetBucketNotificationConfiguration")
def get(state: State, call: Call) -> dict[str, Any] | None:
    """Read back what was put."""
    if _bucket(call) is None:
        return None
    return state.notifications.get(call.get("Bucket"), {})


def _entries(call: Call) -> Iterator[tuple[str, Entry]]:
    configuration = call.get("NotificationConfiguration") or {}
    for kind in s3_events.TARGETS:
        for entry in configuration.get(kind) or []:
            yield kind, entry


def _rules(entry: Entry) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return rules


def _share_event(one: Entry, other: Entry) -> bool:
    pairs = itertools.product(one.get("Events", []), other.get("Events", []))
    return any(iam_policy.like(a, b) or iam_policy.like(b, a) for a, b in pairs)


def _affixes_overlap(one: Entry, other: Entry) -> bool:
    (prefix, suffix), (prefix2, suffix2) = s3_events.affixes(one), s3_events.affixes(other)
    prefixes = prefix.startswith(prefix2) or prefix2.startswith(prefix)
    return prefixes and (suffix.endswith(suffix2) or suffix2.endswith(suffix))


def _failure(state: State, call: Call, kind: str, entry: Entry) -> tuple[str, str] | None:
    target: str = entry[s3_events.TARGETS[kind]]
    bucket_arn = f"arn:{call.partition}:s3:::{call.get('Bucket')}"
    _, _, _, region, account, name, *_ = target.split(":")
    if kind == "LambdaFunctionConfigurations":
        arn = functions.arn_of(account, region, target)
        documents = [state.propagation.function_policy(state, arn)]
        failure = f"{target}, null", f"Not authorized to invoke function [{target}]"
        allowed = s3_may(call.account, documents, "lambda:InvokeFunction", arn, bucket_arn)
        return None if allowed else failure
    service = "queue" if kind == "QueueConfigurations" else "topic"
    found = _target(service, region, account, name)
    if found is None:
        return target, f"The destination {service} does not exist"
    action = "sqs:SendMessage" if service == "queue" else "SNS:Publish"
    if s3_may(call.account, [found.policy], action, target, bucket_arn):
        return None
    verb = f"Permissions on the destination {service} do not allow S3 to publish"
    return target, f"{verb} notifications from this bucket"


def _target(service: str, region: str, account: str, name: str) -> Any | None:
    if service == "queue":
        return sqs_backends[account][region].queues.get(name)
    topics = sns_backends[account][region].topics.values()
    return next((topic for topic in topics if topic.name == name), None)


def _normalised(entry: Entry) -> Entry:
    kept = {**entry, "Id": entry.get("Id") or str(uuid.uuid4())}
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules")
    if rules is not None:
        named = [{"Name": r["Name"].capitalize(), "Value": r.get("Value", "")} for r in rules]
        kept["Filter"] = {"Key": {"FilterRules": named}}
    return kept


def _send_test_events(call: Call, configuration: dict[str, Any]) -> None:
    """Tell topics and queues, but no function, that they are configured (S19)."""
    message = json.dumps(
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": call.get("Bucket")}
    )
    for entry in configuration.get("TopicConfigurations", []):
        arn = entry["TopicArn"]
        backend = sns_backends[arn.split(":")[4]][arn.split(":")[3]]
        if arn in backend.topics:
            backend.publish(message=message, arn=arn, subject="Amazon S3 Notification")
    for entry in configuration.get("QueueConfigurations", []):
        _, _, _, region, account, name = entry["QueueArn"].split(":")
        if name in sqs_backends[account][region].queues:
            sqs_backends[account][region].send_message(name, message)


def _invalid(text: str, name: str, value: str) -> Refusal:
    extra = {"ArgumentName": name, "ArgumentValue": value}
    return Refusal("InvalidArgument", text, extra=extra)


def _bucket(call: Call) -> Any | None:
    return s3_backends[call.account][call.partition].buckets.get(call.get("Bucket"))

"""What S3 tells about its objects: the event record and who gets it (S18 to S22)."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from provision import iam_policy

from . import faults, functions
from .authorization import identify
from .aws_times import EVENT_DELIVERY
from .calls import Call, current_call
from .invocations import AsyncEvent

if TYPE_CHECKING:
    from .state import State

_log = logging.getLogger(__name__)
TARGETS = {
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
    "QueueConfigurations": "QueueArn",
    "TopicConfigurations": "TopicArn",
}
_TWICE = 0.02  # how often an event is delivered a second time (S18, L24)
OWNER_ID = "A3LOCALOWNERID"
_lock = threading.Lock()
_last_sequence = 0


def publish(state: State, event_name: str, bucket: Any, key: Any) -> None:
    """Deliver an event to every configured target; never raises into the S3 call."""
    call = current_call()
    if call and call.operation == "CompleteMultipartUpload" and event_name.endswith(":Put"):
        return  # moto tells of the joined object twice
    if faults.EVENTS_UNDELIVERED in state.settings.faults:
        return
    configuration = state.propagation.notifications(state, bucket.name)
    for kind, entry in matching(configuration, event_name, key.name):
        event = {"Records": [record(event_name, bucket, key, entry["Id"])]}
        try:
            _deliver(state, kind, entry[TARGETS[kind]], json.dumps(event), bucket)
        except Exception:
            # Asynchronous in AWS: the upload has succeeded whatever becomes of the event.
            state.count("undelivered_events")
            _log.exception("an event of %s was not delivered", bucket.name)


def matching(
    configuration: dict[str, Any], event_name: str, key: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The entries that want this event, with the name of their list."""
    for kind in TARGETS:
        for entry in configuration.get(kind, []):
            wanted = any(iam_policy.like(pattern, event_name) for pattern in entry["Events"])
            prefix, suffix = affixes(entry)
            if wanted and key.startswith(prefix) and key.endswith(suffix):
                yield kind, entry


def affixes(entry: dict[str, Any]) -> tuple[str, str]:
    """The prefix and suffix an entry filters by; empty when it does not."""
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    values = {rule["Name"].lower(): rule.get("Value", "") for rule in rules}
    return values.get("prefix", ""), values.get("suffix", "")


def s3_may(
    account: str, documents: Sequence[Any], action: str, resource: str, bucket_arn: str
) -> bool:
    """Whether resource policies let S3 do something in the name of a bucket (S10)."""
    context = {"aws:sourcearn": [bucket_arn], "aws:sourceaccount": [account]}
    statements = [
        statement
        for document in documents
        if document
        for statement in iam_policy.statements(document)
        if iam_policy.names_principal(statement, "Service", "s3.amazonaws.com")
    ]
    return iam_policy.decide(statements, action, resource, context) == "allow"


def record(event_name: str, bucket: Any, key: Any, configuration_id: str) -> dict[str, Any]:
    """One event record with every field AWS sends (S21)."""
    now = datetime.now(UTC)
    call = current_call()
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region_name,
        "eventTime": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z",
        "eventName": event_name.removeprefix("s3:"),
        "userIdentity": {"principalId": _principal(call)},
        "requestParameters": {"sourceIPAddress": call.source_ip if call else "127.0.0.1"},
        "responseElements": {
            "x-amz-request-id": call.request_id if call else "local",
            "x-amz-id-2": "local",
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": OWNER_ID},
                "arn": bucket.arn,
            },
            "object": _object(event_name, bucket, key),
        },
    }


def encode_key(key: str) -> str:
    """A key as events carry it: a slash stays a slash, a space becomes `+` (S20)."""
    return quote_plus(key, safe="/")


def _object(event_name: str, bucket: Any, key: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"key": encode_key(key.name)}
    if event_name.startswith("s3:ObjectCreated:"):
        fields["size"] = key.size
    if not event_name.startswith("s3:ObjectRemoved:"):
        fields["eTag"] = key.etag.replace('"', "")
    if bucket.is_versioned and key.version_id:
        fields["versionId"] = str(key.version_id)
    fields["sequencer"] = _next_sequence()
    return fields


def _next_sequence() -> str:
    """Grows with every event; compared within one key only (S18)."""
    global _last_sequence
    with _lock:
        _last_sequence = max(time.time_ns(), _last_sequence + 1)
        return f"00{_last_sequence:016X}"


def _principal(call: Call | None) -> str:
    if call is None:
        return OWNER_ID
    caller = identify(call)
    return f"AWS:{caller.name or call.account}"


def _deliver(state: State, kind: str, target: str, message: str, bucket: Any) -> None:
    _, _, _, region, account, *rest = target.split(":")
    if kind == "TopicConfigurations":
        backend = sns_backends[account][region]
        backend.publish(message=message, arn=target, subject="Amazon S3 Notification")
    elif kind == "QueueConfigurations":
        sqs_backends[account][region].send_message(rest[0], message)
    else:
        arn = functions.arn_of(account, region, target)
        documents = [state.propagation.function_policy(state, arn)]
        if not s3_may(account, documents, "lambda:InvokeFunction", arn, bucket.arn):
            raise PermissionError(f"S3 may not invoke {target} any more")
        call = current_call()
        trace_id = call.trace_id if call else ""
        event = AsyncEvent(arn, message.encode(), trace_id=trace_id)
        state.invocations.later(event, state.propagation.draw(state, EVENT_DELIVERY))
        if state.propagation.happens(state, _TWICE):
            state.invocations.later(event, state.propagation.draw(state, EVENT_DELIVERY))

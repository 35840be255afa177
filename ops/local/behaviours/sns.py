"""Topics and messages (N6 to N9)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.sns.models import sns_backends

from ..actions import requested_tags
from ..calls import Call, Refusal
from ..table import Sheet

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_MAX_BYTES = 262_144
_MAX_SUBJECT = 100


def invalid(what: str) -> Refusal:
    """SNS's answer to every parameter it does not like."""
    return Refusal("InvalidParameter", f"Invalid parameter: {what}")


@rows.refuses("N6", "sns.CreateTopic")
def differs(state: State, call: Call) -> Refusal | None:
    """Refuse an existing topic with other attributes or tags; the same or fewer are fine."""
    arn = f"arn:{call.partition}:sns:{call.region}:{call.account}:{call.get('Name')}"
    topic = sns_backends[call.account][call.region].topics.get(arn)
    if topic is None:
        return None
    known: dict[str, Any] = state.topic_attributes.get(arn, {})
    if any(known.get(name) != value for name, value in call.get("Attributes", {}).items()):
        return invalid("Attributes Reason: Topic already exists with different attributes")
    tags = requested_tags(call).items()
    if any(topic._tags.get(name) != value for name, value in tags):
        return invalid("Tags Reason: Topic already exists with different tags")
    return None


@rows.refuses("N6", "sns.CreateTopic", "sns.TagResource")
def duplicate_tags(state: State, call: Call) -> Refusal | None:
    """Refuse a tag that is there twice."""
    keys = [tag["Key"] for tag in call.get("Tags", [])]
    return invalid("Duplicated keys are not allowed.") if len(set(keys)) < len(keys) else None


@rows.follows("N6", "sns.CreateTopic")
def remember_attributes(state: State, call: Call) -> None:
    """Keep what the topic was created with, to compare the next request with."""
    arn = f"arn:{call.partition}:sns:{call.region}:{call.account}:{call.get('Name')}"
    state.topic_attributes.setdefault(arn, dict(call.get("Attributes", {})))


@rows.follows("N6", "sns.SetTopicAttributes")
def change_attribute(state: State, call: Call) -> None:
    """Keep up with later changes."""
    known = state.topic_attributes.setdefault(call.get("TopicArn"), {})
    known[call.get("AttributeName")] = call.get("AttributeValue")


@rows.follows("N9", "sns.DeleteTopic")
def forget_attributes(state: State, call: Call) -> None:
    """Let a topic of the same name begin anew."""
    state.topic_attributes.pop(call.get("TopicArn"), None)


@rows.refuses("N4", "sns.*")
def malformed_arn(state: State, call: Call) -> Refusal | None:
    """Refuse what is no ARN, `PendingConfirmation` among it."""
    for name in ("TopicArn", "SubscriptionArn"):
        value = call.params.get(name)
        if value is None or call.operation.startswith("List"):
            continue
        if not value:
            return invalid(f"{name} Reason: no value for required parameter")
        count = len(value.split(":"))
        if count < 6:
            return invalid(f"{name} Reason: An ARN must have at least 6 elements, not {count}")
    return None


@rows.refuses("N7", "sns.Publish")
def message(state: State, call: Call) -> Refusal | None:
    """Refuse messages and subjects that SNS does not send."""
    text = call.get("Message", "")
    if not text:
        return invalid("Empty message")
    attributes = call.get("MessageAttributes", {})
    if len(text.encode()) + _size(attributes) > _MAX_BYTES:
        return invalid("Message too long")
    subject = call.params.get("Subject")
    if subject is not None and not _sendable(subject):
        return invalid("Subject")
    return _structure(text) if call.get("MessageStructure") == "json" else None


@rows.refuses("N7", "sns.Publish")
def other_region(state: State, call: Call) -> Refusal | None:
    """Refuse a topic of another region."""
    arn = str(call.get("TopicArn") or call.get("TargetArn") or "")
    parts = arn.split(":")
    return invalid("TopicArn") if len(parts) == 6 and parts[3] != call.region else None


@rows.follows("N7", "sns.Publish")
def forget_sent(state: State, call: Call) -> None:
    """Drop moto's own record of the message: it grows for ever."""
    arn = call.get("TopicArn") or call.get("TargetArn")
    if topic := sns_backends[call.account][call.region].topics.get(arn):
        topic.sent_notifications.clear()


def _sendable(subject: str) -> bool:
    return bool(subject) and len(subject) < _MAX_SUBJECT and subject.isprintable()


def _size(attributes: dict[str, Any]) -> int:
    return sum(
        len(name) + len(value["DataType"]) + len(str(value.get("StringValue", "")))
        for name, value in attributes.items()
    )


def _structure(text: str) -> Refusal | None:
    try:
        texts = json.loads(text)
    except ValueError:
        return invalid("Message Structure - JSON message body failed to parse")
    if isinstance(texts, dict) and isinstance(texts.get("default"), str):
        return None
    return invalid("Message Structure - No default entry in JSON message body")

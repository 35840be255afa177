"""Subscriptions: pending until confirmed, refused when they differ (N1 to N5, N10, N11)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from moto.sns.models import sns_backends

from .. import mail
from ..calls import Call, Refusal
from ..table import Sheet
from .sns import invalid

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
PENDING = "PendingConfirmation"
_ADDRESS = re.compile(r"[^@\s,;<>()\[\]\\]+@[^@\s,;<>()\[\]\\.]+(\.[^@\s,;<>()\[\]\\.]+)*")
_PROTOCOLS = {"email", "email-json", "http", "https", "sms", "sqs", "lambda", "application"}
_PROTOCOLS |= {"firehose"}


@rows.refuses("N1", "sns.Subscribe")
def protocol(state: State, call: Call) -> Refusal | None:
    """Refuse what is no protocol or no address."""
    protocol, endpoint = call.get("Protocol", ""), call.get("Endpoint", "")
    if protocol not in _PROTOCOLS:
        return invalid(f"Amazon SNS does not support this protocol string: {protocol}")
    if protocol in mail.PROTOCOLS and not _ADDRESS.fullmatch(endpoint):
        return invalid("Email address")
    return None


@rows.refuses("N5", "sns.Subscribe")
def differs(state: State, call: Call) -> Refusal | None:
    """Refuse an existing subscription with other attributes."""
    wanted = call.get("Attributes") or {}
    found = _find(call)
    if found is None or all(found.attributes.get(k) == v for k, v in wanted.items()):
        return None
    return invalid("Attributes Reason: Subscription already exists with different attributes")


@rows.rewrites("N1", "sns.Subscribe")
def ask(state: State, call: Call, result: dict[str, Any]) -> None:
    """Mail the address and leave it pending; every new request sends another mail (N5)."""
    subscription = _subscriptions(call)[result["SubscriptionArn"]]
    if subscription.protocol not in mail.PROTOCOLS:
        subscription.confirmed = True
    if subscription.confirmed:
        return
    state.mailbox.ask(subscription)
    if not call.get("ReturnSubscriptionArn"):
        result["SubscriptionArn"] = "pending confirmation"


@rows.rewrites("N2", "sns.ListSubscriptions", "sns.ListSubscriptionsByTopic")
def list_pending(state: State, call: Call, result: dict[str, Any]) -> None:
    """Hide the ARN of a pending subscription, as lists do."""
    known = _subscriptions(call)
    for entry in result.get("Subscriptions", []):
        if _pending(known.get(entry["SubscriptionArn"])):
            entry["SubscriptionArn"] = PENDING


@rows.rewrites("N2", "sns.GetSubscriptionAttributes")
def show_pending(state: State, call: Call, result: dict[str, Any]) -> None:
    """Say whether the address has confirmed."""
    pending = _pending(_subscriptions(call).get(call.get("SubscriptionArn")))
    attributes = result["Attributes"]
    attributes[PENDING] = "true" if pending else "false"
    attributes["ConfirmationWasAuthenticated"] = "false" if pending else "true"
    attributes.setdefault("RawMessageDelivery", "false")


@rows.rewrites("N12", "sns.GetTopicAttributes")
def count(state: State, call: Call, result: dict[str, Any]) -> None:
    """Count pending and confirmed subscriptions."""
    own = [s for s in _subscriptions(call).values() if s.topic.arn == call.get("TopicArn")]
    pending = sum(map(_pending, own))
    result["Attributes"]["SubscriptionsPending"] = str(pending)
    result["Attributes"]["SubscriptionsConfirmed"] = str(len(own) - pending)


@rows.answers("N10", "sns.ConfirmSubscription")
def confirm(state: State, call: Call) -> dict[str, Any] | Refusal | None:
    """Take the token of any confirmation mail."""
    if call.get("TopicArn") not in sns_backends[call.account][call.region].topics:
        return None
    subscription = state.mailbox.confirm(call.get("Token", ""))
    return invalid("Token") if subscription is None else {"SubscriptionArn": subscription.arn}


@rows.refuses("N11", "sns.Unsubscribe")
def unsubscribe(state: State, call: Call) -> Refusal | None:
    """Refuse an ARN that is no subscription's."""
    arn = call.params.get("SubscriptionArn", "")
    if not re.fullmatch(r"[0-9a-f-]{36}", arn.rpartition(":")[2]):
        return invalid("SubscriptionId")
    return None


def _subscriptions(call: Call) -> dict[str, Any]:
    known: dict[str, Any] = sns_backends[call.account][call.region].subscriptions
    return known


def _find(call: Call) -> Any | None:
    wanted = call.get("TopicArn"), call.get("Protocol"), call.get("Endpoint")
    known = _subscriptions(call).values()
    return next((s for s in known if (s.topic.arn, s.protocol, s.endpoint) == wanted), None)


def _pending(subscription: Any) -> bool:
    return (
        subscription is not None
        and subscription.protocol in mail.PROTOCOLS
        and not subscription.confirmed
    )

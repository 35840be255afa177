"""Topics and e-mail subscriptions (N1 to N9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.sns.models import sns_backends

from .. import mail
from ..calls import Call, Refusal
from ..table import Sheet

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
PENDING = "PendingConfirmation"


@rows.rewrites("N1", "sns.Subscribe")
def subscribe(state: State, call: Call, result: dict[str, Any]) -> None:
    """An address gets a mail and stays pending; every new request sends another (N5)."""
    if call.get("Protocol") not in mail.PROTOCOLS:
        return
    subscription = _subscriptions(call)[result["SubscriptionArn"]]
    if subscription.confirmed:
        return
    state.mailbox.ask(subscription)
    if not call.get("ReturnSubscriptionArn"):
        result["SubscriptionArn"] = "pending confirmation"


@rows.rewrites("N2", "sns.ListSubscriptions", "sns.ListSubscriptionsByTopic")
def list_pending(state: State, call: Call, result: dict[str, Any]) -> None:
    """A pending subscription has no ARN in lists."""
    known = _subscriptions(call)
    for entry in result.get("Subscriptions", []):
        if _pending(known.get(entry["SubscriptionArn"])):
            entry["SubscriptionArn"] = PENDING


@rows.rewrites("N2", "sns.GetSubscriptionAttributes")
def show_pending(state: State, call: Call, result: dict[str, Any]) -> None:
    """Says whether the address has confirmed."""
    pending = _pending(_subscriptions(call).get(call.get("SubscriptionArn")))
    result["Attributes"]["PendingConfirmation"] = "true" if pending else "false"


@rows.answers("N10", "sns.ConfirmSubscription")
def confirm(state: State, call: Call) -> dict[str, Any] | Refusal | None:
    """Takes the token of any confirmation mail."""
    if call.get("TopicArn") not in sns_backends[call.account][call.region].topics:
        return None
    subscription = state.mailbox.confirm(call.get("Token", ""))
    if subscription is None:
        return Refusal("InvalidParameter", "Invalid parameter: Token")
    return {"SubscriptionArn": subscription.arn}


def _subscriptions(call: Call) -> dict[str, Any]:
    known: dict[str, Any] = sns_backends[call.account][call.region].subscriptions
    return known


def _pending(subscription: Any) -> bool:
    return (
        subscription is not None
        and subscription.protocol in mail.PROTOCOLS
        and not subscription.confirmed
    )

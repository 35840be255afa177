"""E-mail subscriptions and the inbox: pending until confirmed, then delivered (N1 to N5)."""

from __future__ import annotations

import json
import secrets
import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

_KEPT_MESSAGES = 10_000
PROTOCOLS = ("email", "email-json")


@dataclass(frozen=True)
class Message:
    """One mail in the inbox; `time` is ISO 8601 in UTC."""

    to: str
    subject: str
    body: str
    kind: Literal["confirmation", "notification"]
    attributes: dict[str, Any] = field(default_factory=dict)
    time: str = field(default_factory=lambda: datetime.now(UTC).isoformat())


class Mailbox:
    """Every mail the local AWS sent, and the tokens that confirm subscriptions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: deque[Message] = deque(maxlen=_KEPT_MESSAGES)
        self._pending: dict[str, Any] = {}  # token -> moto's Subscription

    def messages(self) -> list[dict[str, Any]]:
        """All mails, oldest first."""
        with self._lock:
            return [asdict(message) for message in self._messages]

    def ask(self, subscription: Any) -> None:
        """Send a confirmation mail; every one has a token of its own (N5)."""
        token = secrets.token_hex(120)
        body = (
            f"You have chosen to subscribe to the topic: {subscription.topic.arn}\n\n"
            f"To confirm this subscription, run: pipeline-ctl local confirm "
            f"{subscription.endpoint}\n(If this was in error no action is necessary)"
        )
        attributes = {"TopicArn": subscription.topic.arn, "Token": token}
        with self._lock:
            self._pending[token] = subscription
            self._messages.append(
                Message(
                    subscription.endpoint,
                    "AWS Notification - Subscription Confirmation",
                    body,
                    "confirmation",
                    attributes,
                )
            )

    def confirm(self, token: str) -> Any | None:
        """Confirm the subscription behind a token and returns it; None for a wrong token."""
        with self._lock:
            subscription = self._pending.get(token)
        if subscription is None or not _exists(subscription):
            return None
        subscription.confirmed = True
        return subscription

    def confirm_address(self, address: str | None) -> list[str]:
        """Confirm everything pending of an address, or of all; returns the addresses."""
        with self._lock:
            chosen = {
                id(s): s
                for s in self._pending.values()
                if _exists(s) and not s.confirmed and address in (None, s.endpoint)
            }
        for subscription in chosen.values():
            subscription.confirmed = True
        return sorted(s.endpoint for s in chosen.values())

    def deliver(
        self, subscription: Any, message: str, subject: str | None, attributes: dict[str, Any]
    ) -> None:
        """Put a notification into the inbox of a confirmed subscription."""
        if not subscription.confirmed:
            return
        body = message
        if subscription.protocol == "email-json":
            body = json.dumps({"Type": "Notification", "Message": message, "Subject": subject})
        title = subject or "AWS Notification Message"
        told = {"TopicArn": subscription.topic.arn, **attributes}
        with self._lock:
            self._messages.append(Message(subscription.endpoint, title, body, "notification", told))


def _exists(subscription: Any) -> bool:
    return subscription.arn in subscription.topic.sns_backend.subscriptions

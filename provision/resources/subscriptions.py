"""The e-mail subscriptions of the topic.

The truth is what AWS lists: `up` only adds addresses it is given and removes those it is told
to. A pending subscription cannot be removed; it disappears by itself after two days (N3, N4).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from provision.aws import Aws
from provision.aws_errors import found
from provision.errors import ForeignResourceError, UsageError
from provision.names import Names
from provision.resource import Known, State
from provision.resources.topic import Topic

_EMAIL = re.compile(r"[^@\s,;<>\"()]+@[^@\s,;<>\"()]+\.[^@\s.,;<>\"()]+")
_PENDING = "PendingConfirmation"  # instead of an ARN (N2)
MAILS_A_SECOND = 10  # an address that gets more is disabled (N8)
_DELETED = "Deleted"  # listed for up to three days (N2, N11)


@dataclass(frozen=True)
class Subscription:
    """One address; `arn` is None while pending."""

    email: str
    arn: str | None

    @property
    def status(self) -> Literal["pending", "confirmed"]:
        return "confirmed" if self.arn else "pending"


class Subscriptions:
    """All e-mail subscriptions of the topic as one resource."""

    name = "subscriptions"
    needs: tuple[str, ...] = ("topic",)

    def __init__(
        self, aws: Aws, names: Names, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        self._aws = aws
        self._topic = Topic(aws, names)
        self._topic_arn = names.topic_arn
        self._add = sorted(checked_email(email) for email in add)
        self._remove = sorted(checked_email(email) for email in remove)

    def desired(self, known: Known) -> State:
        return {"subscribed": self._add, "unsubscribed": self._remove}

    def read(self) -> State | None:
        """Return those of our own topic; None for another's, whose subscribers are not ours."""
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(list_subscriptions, self._aws, self._topic_arn)
            try:
                self._topic.read()
            except ForeignResourceError:
                return None
        listed = reading.result()
        if listed is None:
            return None
        present = {s.email.lower() for s in listed}
        confirmed = {s.email.lower() for s in listed if s.arn}
        return {
            "subscribed": [email for email in self._add if email.lower() in present],
            "unsubscribed": [email for email in self._remove if email.lower() not in confirmed],
            "listed": listed,
        }

    def apply(self, actual: State | None, known: Known) -> None:
        listed = list_subscriptions(self._aws, self._topic_arn) or []
        present = {s.email.lower() for s in listed}
        unwanted = {email.lower() for email in self._remove}
        for email in self._add:
            if email.lower() not in present:
                subscribe(self._aws, self._topic_arn, email)
        for subscription in listed:
            if subscription.arn and subscription.email.lower() in unwanted:
                self._aws.sns.unsubscribe(SubscriptionArn=subscription.arn)

    def delete(self) -> None:
        """Unsubscribe the confirmed ones; they would outlive the topic (N9)."""
        for subscription in list_subscriptions(self._aws, self._topic_arn) or []:
            if subscription.arn:
                self._aws.sns.unsubscribe(SubscriptionArn=subscription.arn)


def subscribe(aws: Aws, topic_arn: str, email: str) -> None:
    """Subscribe an address, or send its pending confirmation mail once more (N5)."""
    aws.sns.subscribe(
        TopicArn=topic_arn, Protocol="email", Endpoint=email, ReturnSubscriptionArn=True
    )


def list_subscriptions(aws: Aws, topic_arn: str) -> list[Subscription] | None:
    """List a topic's e-mail subscriptions by address; None when there is no topic."""
    pages = aws.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic_arn)
    listed = found(
        lambda: [s for page in pages for s in page["Subscriptions"]],
        "NotFound",
        "NotFoundException",
    )
    if listed is None:
        return None
    subscriptions = (
        Subscription(
            email=s["Endpoint"],
            arn=None if s["SubscriptionArn"] == _PENDING else s["SubscriptionArn"],
        )
        for s in listed
        if s["Protocol"] == "email" and s["SubscriptionArn"] != _DELETED
    )
    return sorted(subscriptions, key=lambda s: s.email)


def checked_email(email: str) -> str:
    """Return the address; UsageError when it cannot be one."""
    if not _EMAIL.fullmatch(email) or len(email) > 254:
        raise UsageError(
            f"'{email}' is no e-mail address.",
            why="An address reads like me@example.com.",
            fix="Correct the address.",
        )
    return email

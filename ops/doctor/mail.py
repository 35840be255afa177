"""Why no mail comes: the topic, its policy, its subscriptions, and SNS's limit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from ops.doctor.facts import Facts
from ops.doctor.finding import Finding
from provision import iam_policy
from provision.resources.subscriptions import MAILS_A_SECOND

_PENDING: Final = "PendingConfirmation"
_DELETED: Final = "Deleted"
_SENT: Final = {"all": ("processed", "refused"), "failures": ("refused",), "none": ()}


def topic_missing(facts: Facts) -> Iterator[Finding]:
    """Find that there is nothing to publish to."""
    if facts.missing("topic"):
        known = "".join(f" --email {address}" for address in facts.pipeline.add_emails)
        yield Finding(
            "topic-missing",
            "error",
            f"The topic {facts.pipeline.names.topic} is gone.",
            "The function cannot publish, so it fails after it has written the results. The "
            "subscriptions went with it: add --email for each, and confirm again.",
            facts.ctl(f"up{known}"),
            {"topic": facts.pipeline.names.topic_arn},
            up={},
        )


def topic_policy_denies(facts: Facts) -> Iterator[Finding]:
    """Find a statement in the topic's policy that forbids the function to publish."""
    names = facts.pipeline.names
    statements = iam_policy.statements(facts.topic.get("Policy", "{}"))
    denying = [s for s in statements if _denies_publishing(s, names.topic_arn, names.role_arn)]
    if denying:
        kept = [statement for statement in statements if statement not in denying]
        document = json.dumps({"Version": "2012-10-17", "Statement": kept or [_default(facts)]})
        yield Finding(
            "topic-policy-denies",
            "error",
            f"The policy of the topic {names.topic} forbids the function to publish.",
            f"Its statement {denying[0].get('Sid', '')!r} denies sns:Publish, and a deny beats "
            "every allow.",
            facts.aws(
                f"sns set-topic-attributes --topic-arn {names.topic_arn} "
                f"--attribute-name Policy --attribute-value '{document}'"
            ),
            {"statements": denying},
        )


def subscription_pending(facts: Facts) -> Iterator[Finding]:
    """Find addresses that have not confirmed."""
    for subscription in facts.subscriptions:
        if subscription["SubscriptionArn"] == _PENDING:
            address = subscription["Endpoint"]
            yield Finding(
                "subscription-pending",
                "warning",
                f"{address} has not confirmed its subscription.",
                "AWS sent it a mail with a link, valid for two days; until somebody opens it, no "
                "mail comes. The command sends it once more.",
                _confirm(facts, address),
                {"email": address},
            )


def _confirm(facts: Facts, address: str) -> str:
    if facts.pipeline.aws.local:
        return f"pipeline-ctl local confirm {address}"
    return facts.ctl("up --resend")


def subscription_gone(facts: Facts) -> Iterator[Finding]:
    """Find wanted addresses, or all of them, that expired or unsubscribed (N3, N10)."""
    if facts.pipeline.settings.notify == "none" or not facts.topic:
        return
    present = {s["Endpoint"].lower() for s in facts.subscriptions if _stands(s)}
    wanted = facts.pipeline.add_emails
    gone = [address for address in wanted if address.lower() not in present]
    if gone or not present:
        address = gone[0] if gone else "you@example.com"
        what = f"{', '.join(gone)} is not subscribed." if gone else "Nobody is subscribed."
        yield Finding(
            "subscription-gone",
            "warning",
            f"{what} No mail will come.",
            "A confirmation link expires after two days, and anybody who gets a mail can "
            "unsubscribe with its link. `pipeline-ctl up --notify none` if nobody wants mail.",
            facts.ctl(f"up --email {address}"),
            {"subscribed": sorted(present), "wanted": list(wanted)},
            up={} if gone else None,
        )


def mail_rate(facts: Facts) -> Iterator[Finding]:
    """Find more mails a second than SNS sends to one address."""
    mailed = _SENT[facts.pipeline.settings.notify]
    seconds = Counter(
        event.time_ms // 1_000
        for request in facts.requests
        for event in request.images
        if event.word in mailed
    )
    second, most = max(seconds.items(), key=lambda item: item[1], default=(0, 0))
    if most > MAILS_A_SECOND:
        fewer = "failures" if facts.pipeline.settings.notify == "all" else "none"
        yield Finding(
            "mail-rate",
            "warning",
            f"{most} mails were sent within a second.",
            f"SNS sends {MAILS_A_SECOND} a second to an address and disables a subscription "
            "that gets more.",
            facts.ctl(f"up --notify {fewer}"),
            {"mails": most, "second": second},
        )


def _stands(subscription: Any) -> bool:
    return bool(subscription["SubscriptionArn"] != _DELETED)


def _denies_publishing(statement: iam_policy.Statement, topic: str, role: str) -> bool:
    meant = iam_policy.names_principal(statement, "AWS", role)
    context = {"aws:principalarn": [role], "aws:securetransport": ["true"]}
    return meant and iam_policy.effect(statement, "sns:Publish", topic, context) == "deny"


def _default(facts: Facts) -> dict[str, Any]:
    """Return what a new topic's policy says: everybody in the account may, if IAM lets them."""
    names = facts.pipeline.names
    return {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["SNS:Publish", "SNS:Subscribe", "SNS:GetTopicAttributes"],
        "Resource": names.topic_arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": names.account}},
    }

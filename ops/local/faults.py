"""Faults that never pass, by name: the twins of those that do.

A client that only tries again and again is found out by them. `local start --fault NAME`
switches one on; a role with the wrong trust policy needs no switch, it is simply refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from .errors import LocalError

DENY = "deny:"
ACCOUNT_CONCURRENCY = "account-concurrency-10"
BUCKET_NAMES_TAKEN = "bucket-names-taken"
DEAD_TARGET = "dead-notification-target"
EVENTS_UNDELIVERED = "events-undelivered"
STAYS_PENDING = "function-stays-pending"
MEANINGS = {
    f"{DENY}ACTION": "every caller lacks an IAM action, e.g. deny:iam:CreateRole",
    ACCOUNT_CONCURRENCY: "a new account: ten concurrent executions, none to reserve (L26)",
    BUCKET_NAMES_TAKEN: "every bucket name in the global namespace is somebody else's (S3)",
    DEAD_TARGET: "new buckets already notify a function that is gone (S11)",
    EVENTS_UNDELIVERED: "S3 never delivers an event (S17)",
    STAYS_PENDING: "a new function never becomes Active (L1)",
}


class UnknownFaultError(LocalError):
    """Nobody knows a fault of this name."""

    code = "local-unknown-fault"
    exit_code = 2


def check(names: Iterable[str]) -> None:
    """Raise UnknownFaultError for a name that is none of `MEANINGS`."""
    for name in names:
        if name not in MEANINGS and not name.startswith(DENY):
            known = "\n".join(f"  {known}: {meaning}" for known, meaning in MEANINGS.items())
            raise UnknownFaultError(f"There is no fault {name!r}.", fix=f"Faults:\n{known}")

"""What starts the function: the bucket's notification and the permission to invoke."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ops.doctor.facts import Facts
from ops.doctor.finding import Finding
from provision.names import UPLOADS_PREFIX
from provision.resources.notification import KINDS, overlaps


def notification_missing(facts: Facts) -> Iterator[Finding]:
    """Find that nobody tells the function of uploads."""
    if facts.missing("notification"):
        bucket = facts.pipeline.input_bucket
        yield Finding(
            "notification-missing",
            "error",
            f"The bucket {bucket} does not tell the function of uploads.",
            "Our entry in its notification configuration is gone; whoever puts a configuration "
            "replaces all of it.",
            facts.ctl("up"),
            {"bucket": bucket, "id": facts.pipeline.names.statement_id},
            up={},
        )


def notification_altered(facts: Facts) -> Iterator[Finding]:
    """Find an entry of ours that covers other uploads, or that somebody else gets."""
    fields = facts.differences("notification")
    target = fields.get("function")
    if fields and not (target and target.actual in facts.dead_targets):
        yield Finding(
            "notification-altered",
            "error",
            f"The notification of {facts.pipeline.input_bucket} was altered.",
            "Uploads may start nothing, or something else: "
            + "; ".join(f"{d.field} is {d.actual}, not {d.desired}" for d in fields.values())
            + ".",
            facts.ctl("up"),
            {d.field: {"actual": d.actual, "desired": d.desired} for d in fields.values()},
            up={},
        )


def notification_dead_target(facts: Facts) -> Iterator[Finding]:
    """Find entries, ours or another's, that point at a function that does not exist."""
    for entry in facts.notifications.get("LambdaFunctionConfigurations", []):
        arn, ours = entry["LambdaFunctionArn"], entry.get("Id") == facts.pipeline.names.statement_id
        if arn not in facts.dead_targets:
            continue
        yield Finding(
            "notification-dead-target",
            "error" if ours else "warning",
            f"A notification of {facts.pipeline.input_bucket} points at a dead function.",
            f"The entry '{entry.get('Id')}' names {arn}, which does not exist. S3 refuses every "
            "change of the configuration while it stands.",
            facts.ctl("up") if ours else _without(facts, entry),
            {"id": entry.get("Id"), "function": arn},
            up={} if ours else None,
        )


def notification_overlap(facts: Facts) -> Iterator[Finding]:
    """Find another's entry that takes our uploads."""
    for kind in KINDS:
        for entry in facts.notifications.get(kind, []):
            if entry.get("Id") == facts.pipeline.names.statement_id or not overlaps(entry):
                continue
            yield Finding(
                "notification-overlap",
                "error",
                f"The bucket {facts.pipeline.input_bucket} sends uploads elsewhere.",
                f"The entry '{entry.get('Id')}' covers {UPLOADS_PREFIX} as well, and S3 allows "
                "one target for each event.",
                f"{_without(facts, entry)} && {facts.ctl('up')}",
                {"id": entry.get("Id"), "kind": kind, "entry": dict(entry)},
            )


def permission_missing(facts: Facts) -> Iterator[Finding]:
    """Find that S3 may not start the function."""
    if facts.missing("permission"):
        yield Finding(
            "permission-missing",
            "error",
            "S3 may not invoke the function.",
            "The statement that allows it is gone from the function's policy; S3 drops the "
            "uploads' events without a word.",
            facts.ctl("up"),
            {"statement": facts.pipeline.names.statement_id},
            up={},
        )


def permission_altered(facts: Facts) -> Iterator[Finding]:
    """Find that another account, bucket or service may start the function, but not ours."""
    fields = facts.differences("permission")
    if fields:
        yield Finding(
            "permission-altered",
            "error",
            "The permission to invoke the function is not for this bucket and account.",
            "; ".join(f"{d.field} is {d.actual}, not {d.desired}" for d in fields.values()) + ".",
            facts.ctl("up"),
            {d.field: {"actual": d.actual, "desired": d.desired} for d in fields.values()},
            up={},
        )


def _without(facts: Facts, entry: Mapping[str, Any]) -> str:
    """Return the command that puts the bucket's configuration without one entry."""
    kept = {
        kind: [e for e in facts.notifications.get(kind, []) if e.get("Id") != entry.get("Id")]
        for kind in KINDS
    }
    configuration = json.dumps({kind: entries for kind, entries in kept.items() if entries})
    return facts.aws(
        f"s3api put-bucket-notification-configuration --bucket {facts.pipeline.input_bucket} "
        f"--skip-destination-validation --notification-configuration '{configuration}'"
    )

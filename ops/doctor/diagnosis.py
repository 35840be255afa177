"""All checks, and what remains of their findings: causes, without what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from ops.doctor import account, drift, function, invocations, mail, role, storage, trigger
from ops.doctor.facts import Facts
from ops.doctor.finding import Finding

Check: TypeAlias = Callable[[Facts], Iterator[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    account.endpoint_elsewhere,
    account.clock_skew,
    account.foreign,
    account.unreadable,
    storage.input_bucket_missing,
    storage.output_bucket_missing,
    storage.loop,
    trigger.notification_missing,
    trigger.notification_altered,
    trigger.notification_dead_target,
    trigger.notification_overlap,
    trigger.permission_missing,
    trigger.permission_altered,
    function.function_missing,
    function.function_failed,
    function.function_not_active,
    function.handler_wrong,
    function.runtime_wrong,
    function.layer_missing,
    function.layer_mismatch,
    function.environment_wrong,
    function.code_altered,
    function.concurrency_zero,
    function.throttled,
    role.role_missing,
    role.role_trust,
    role.role_recreated,
    role.role_permission_missing,
    invocations.keys_not_decoded,
    invocations.timeouts,
    invocations.memory_killed,
    invocations.access_denied,
    invocations.import_error,
    invocations.events_dropped,
    invocations.function_fails,
    mail.topic_missing,
    mail.topic_policy_denies,
    mail.subscription_gone,
    mail.subscription_pending,
    mail.mail_rate,
    storage.log_group_missing,
    storage.log_retention,
    function.layer_outdated,
    function.runtime_deprecated,
    drift.missing,
    drift.drift,
)

# What one finding makes superfluous: its consequences, or another view of the same thing.
_EXPLAINS: Final = {
    "input-bucket-missing": {"notification-missing"},
    "foreign-resource": {"on-failure-missing"},
    "function-missing": {"permission-missing", "on-failure-missing"},
    "role-missing": {"role-recreated"},
    "topic-missing": {"drift-on-failure-destination"},
    "loop": {"environment-wrong", "notification-altered"},
    "notification-overlap": {"notification-missing"},
    "keys-not-decoded": {"code-altered"},
    "timeouts": {"drift-function-timeout-s"},
    "memory-killed": {"drift-function-memory-mb"},
    "concurrency-zero": {"throttled"},
    "layer-mismatch": {"layer-missing", "drift-function-old-layer-versions"},
    "layer-outdated": {"drift-function-old-layer-versions"},
    "access-denied": {"events-dropped", "function-fails"},
    "import-error": {"events-dropped", "function-fails"},
    "events-dropped": {"function-fails"},
}
# What goes wrong at run time, told only when no error above it explains it.
_SYMPTOMS: Final = {"access-denied", "import-error", "events-dropped", "function-fails"}

_ESSENTIAL: Final = ("function", "role", "input-bucket", "output-bucket")


def diagnose(facts: Facts) -> list[Finding]:
    """Return the causes, errors first."""
    if all(facts.missing(name) for name in _ESSENTIAL):
        return [_no_pipeline(facts)]
    findings = [finding for check in CHECKS for finding in check(facts)]
    explained = {code for finding in findings for code in _EXPLAINS.get(finding.code, ())}
    if any(f.severity == "error" and f.code not in _SYMPTOMS for f in findings):
        explained |= _SYMPTOMS
    kept = [finding for finding in findings if finding.code not in explained]
    return sorted(kept, key=lambda finding: finding.severity != "error")


def _no_pipeline(facts: Facts) -> Finding:
    names = facts.pipeline.names
    return Finding(
        "no-pipeline",
        "error",
        f"There is no pipeline {names.pipeline} here.",
        f"Account {names.account}, region {names.region} has none of its resources.",
        facts.ctl("up"),
        {"account": names.account, "region": names.region},
        up={},
    )

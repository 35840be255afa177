"""The function itself: whether it is there, runs, and is made of the right parts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from ops.doctor.facts import Facts
from ops.doctor.finding import Finding
from provision.resource import Difference

# When AWS deprecates a runtime (L30).
_DEPRECATED: Final = {
    "python3.12": date(2028, 10, 31),
    "python3.13": date(2029, 6, 30),
    "python3.14": date(2029, 6, 30),
}
_SOON_DAYS: Final = 180
_BUSY: Final = ("Active", "Deleting", "")


def function_missing(facts: Facts) -> Iterator[Finding]:
    """Find that there is nothing to run."""
    if facts.missing("function"):
        function = facts.pipeline.names.function
        told = any(
            entry["LambdaFunctionArn"] == facts.pipeline.names.function_arn
            for entry in facts.notifications.get("LambdaFunctionConfigurations", [])
        )
        yield Finding(
            "function-missing",
            "error",
            f"The function {function} is gone.",
            "The bucket's notification points at nothing, and uploads start nothing."
            if told
            else "Uploads start nothing.",
            facts.ctl("up"),
            {"function": facts.pipeline.names.function_arn, "notification_points_at_it": told},
            up={},
        )


def function_failed(facts: Facts) -> Iterator[Finding]:
    """Find a function that Lambda could not make, which must go, or could not change."""
    delete = facts.aws(f"lambda delete-function --function-name {_name(facts)}")
    again = facts.aws(
        f"lambda update-function-configuration --function-name {_name(facts)} "
        f"--role {facts.function.get('Role')}"
    )
    fixes = {"State": f"{delete} && {facts.ctl('up')}", "LastUpdateStatus": again}
    for field, fix in fixes.items():
        if facts.function.get(field) == "Failed":
            yield Finding(
                "function-failed",
                "error",
                f"Lambda could not activate the function: {field} is Failed.",
                str(facts.function.get(f"{field}Reason", "Lambda gives no reason.")),
                fix,
                {"field": field, "code": facts.function.get(f"{field}ReasonCode")},
            )


def function_not_active(facts: Facts) -> Iterator[Finding]:
    """Find a function that is being made, or that slept for weeks."""
    state = facts.function.get("State", "")
    if state not in (*_BUSY, "Failed"):
        yield Finding(
            "function-not-active",
            "warning",
            f"The function is {state}.",
            str(facts.function.get("StateReason", "Lambda starts it with the next event.")),
            facts.aws(f"lambda wait function-active-v2 --function-name {_name(facts)}"),
            {"state": state, "code": facts.function.get("StateReasonCode")},
        )


def handler_wrong(facts: Facts) -> Iterator[Finding]:
    """Find another entry point."""
    handler = facts.differences("function").get("handler")
    if handler:
        why = "Lambda finds no such module or function in the code and fails every event."
        yield _altered(facts, "handler-wrong", handler, why)


def runtime_wrong(facts: Facts) -> Iterator[Finding]:
    """Find another Python than the layer is for."""
    runtime = facts.differences("function").get("runtime")
    if runtime:
        why = "The layer's Pillow is compiled for one Python; another cannot import it."
        yield _altered(facts, "runtime-wrong", runtime, why)


def runtime_deprecated(facts: Facts) -> Iterator[Finding]:
    """Find a runtime that AWS gives up within months."""
    runtime = str(facts.function.get("Runtime", ""))
    ends = _DEPRECATED.get(runtime)
    if ends and (ends - facts.now.date()).days <= _SOON_DAYS:
        newest = max(_DEPRECATED, key=lambda name: int(name.rpartition(".")[2]))
        yield Finding(
            "runtime-deprecated",
            "warning",
            f"AWS deprecates {runtime} on {ends}.",
            "From then on it gets no security fixes, and weeks later it cannot be updated.",
            facts.ctl(f"up --runtime {newest}"),
            {"runtime": runtime, "deprecated": str(ends)},
            up={"runtime": newest},
        )


def layer_missing(facts: Facts) -> Iterator[Finding]:
    """Find a function without our Pillow, or a layer whose versions were deleted (L14)."""
    layers = facts.differences("function").get("layers")
    used = layers.actual if layers else []
    ours = f":layer:{facts.pipeline.names.layer}:"
    without = layers is not None and not any(ours in arn for arn in used)
    if without or facts.missing("layer"):
        yield Finding(
            "layer-missing",
            "error" if without else "warning",
            "The function has no Pillow layer."
            if without
            else f"The versions of the layer {facts.pipeline.names.layer} were deleted.",
            "Without it the function cannot import PIL."
            if without
            else "The function goes on with its copy, but cannot be changed any more.",
            facts.ctl("up"),
            {"layers": used},
            up={},
        )


def layer_mismatch(facts: Facts) -> Iterator[Finding]:
    """Find a layer for another Python or processor."""
    fields = facts.differences("layer")
    wrong = [fields[name] for name in ("runtimes", "architectures") if name in fields]
    if wrong:
        yield Finding(
            "layer-mismatch",
            "error",
            "The Pillow layer is for another Python or processor.",
            "; ".join(f"{d.field} is {d.actual}, not {d.desired}" for d in wrong)
            + ". Its compiled part (_imaging) cannot be imported.",
            facts.ctl("up"),
            {d.field: {"actual": d.actual, "desired": d.desired} for d in wrong},
            up={},
        )


def layer_outdated(facts: Facts) -> Iterator[Finding]:
    """Find other content in the layer than this version of the program would put there."""
    fields = facts.differences("layer")
    if set(fields) == {"sha256"}:
        why = "Somebody published another one, or an older pipeline-ctl did."
        yield _altered(facts, "layer-outdated", fields["sha256"], why, "warning")


def environment_wrong(facts: Facts) -> Iterator[Finding]:
    """Find environment variables that were changed, removed or added."""
    environment = facts.differences("function").get("environment")
    if environment:
        actual, desired = environment.actual, environment.desired
        names = sorted(n for n in {*actual, *desired} if actual.get(n) != desired.get(n))
        yield Finding(
            "environment-wrong",
            "error",
            f"The function's environment was changed: {', '.join(names)}.",
            "It says where results go, whom to tell and which sizes to make.",
            facts.ctl("up"),
            {n: {"actual": actual.get(n), "desired": desired.get(n)} for n in names},
            up={},
        )


def code_altered(facts: Facts) -> Iterator[Finding]:
    """Find other code than this version of the program carries."""
    code = facts.differences("function").get("code")
    if code:
        why = "Somebody uploaded another zip, or an older pipeline-ctl did."
        yield _altered(facts, "code-altered", code, why)


def concurrency_zero(facts: Facts) -> Iterator[Finding]:
    """Find a function that may not run at all."""
    if facts.reserved_concurrency == 0:
        yield Finding(
            "concurrency-zero",
            "error",
            "The function's reserved concurrency is 0.",
            "That stops it: Lambda keeps events for up to six hours and then drops them.",
            facts.aws(f"lambda delete-function-concurrency --function-name {_name(facts)}"),
            {"reserved_concurrency": 0},
        )


def throttled(facts: Facts) -> Iterator[Finding]:
    """Find events that wait because too many run at once."""
    throttles, reserved = facts.metrics.get("Throttles", 0), facts.reserved_concurrency
    if not throttles:
        return
    reserves = f"lambda delete-function-concurrency --function-name {_name(facts)}"
    quota = (
        "service-quotas request-service-quota-increase --service-code lambda "
        "--quota-code L-B99A9384 --desired-value 1000"
    )
    limit = "the account's concurrency" if reserved is None else f"its reserved {reserved}"
    yield Finding(
        "throttled",
        "warning",
        f"Lambda throttled the function {throttles:.0f} times in the last quarter of an hour.",
        f"More events came at once than {limit} allows. They wait, and come late.",
        facts.aws(quota if reserved is None else reserves),
        {"throttles": throttles, "reserved_concurrency": reserved},
    )


def _altered(
    facts: Facts, code: str, difference: Difference, why: str, severity: str = "error"
) -> Finding:
    return Finding(
        code,
        "error" if severity == "error" else "warning",
        f"The function's {difference.field} is {difference.actual}, not {difference.desired}."
        if "sha256" not in difference.field
        else f"The {code.partition('-')[0]} is not what this pipeline-ctl deploys.",
        why,
        facts.ctl("up"),
        {"actual": difference.actual, "desired": difference.desired},
        up={},
    )


def _name(facts: Facts) -> str:
    return facts.pipeline.names.function

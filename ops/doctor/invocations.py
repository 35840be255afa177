"""What the log says of invocations that failed: timeouts, memory, keys, denials, the rest.

Only what happened since the function was last changed counts: older failures may be mended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from ops.doctor.facts import Facts
from ops.doctor.finding import Finding
from ops.doctor.role import allows
from ops.log_groups import Request

_ATTEMPTS: Final = 3  # the first and two retries (L22)
_LONGEST_TIMEOUT_S: Final = 900
_MOST_MEMORY_MB: Final = 10_240
_NO_KEY: Final = re.compile(r"NoSuchKey|perform: s3:ListBucket")  # without ListBucket a 403 (S23)
_DENIED: Final = re.compile(r"not authorized to perform: (\S+?) on resource: \"?([^\s\"]+)")
_IMPORT: Final = ("Runtime.ImportModuleError", "Runtime.HandlerNotFound")


def timeouts(facts: Facts) -> Iterator[Finding]:
    """Find invocations that Lambda stopped."""
    stopped = [r for r in _failed(facts) if _timed_out(r)]
    if stopped:
        seconds = facts.function.get("Timeout", facts.pipeline.settings.timeout)
        settings = {} if facts.differs("function", "timeout_s") else _more(facts)
        flags = "".join(f" --{name} {value}" for name, value in settings.items())
        yield Finding(
            "timeouts",
            "error",
            f"{_count(stopped)} ran into the timeout of {seconds} s.",
            "The image is large or the memory small: Lambda gives processor time by memory.",
            facts.ctl(f"up{flags}"),
            _evidence(stopped),
            up=settings,
        )


def memory_killed(facts: Facts) -> Iterator[Finding]:
    """Find invocations that used all their memory."""
    killed = [r for r in _failed(facts) if _out_of_memory(r)]
    if killed:
        most = facts.function.get("MemorySize", facts.pipeline.settings.memory)
        more = {"memory": str(min(_MOST_MEMORY_MB, facts.pipeline.settings.memory * 2))}
        settings = {} if facts.differs("function", "memory_mb") else more
        flags = "".join(f" --{name} {value}" for name, value in settings.items())
        yield Finding(
            "memory-killed",
            "error",
            f"{_count(killed)} ran out of memory ({most} MB).",
            "Lambda kills what grows beyond its memory; large images need more.",
            facts.ctl(f"up{flags}"),
            _evidence(killed),
            up=settings,
        )


def keys_not_decoded(facts: Facts) -> Iterator[Finding]:
    """Find a function that looks for keys as the event spells them (S20)."""
    lost = [r for r in _failed(facts) if _NO_KEY.search(text_of(r))]
    if lost and facts.differs("function", "code"):
        yield Finding(
            "keys-not-decoded",
            "error",
            "The function does not decode the keys of its events.",
            "S3 form-encodes keys: a space is '+', a comma '%2C'. The deployed code is not ours, "
            "asks for the encoded name, and S3 has no such object. Decode once with "
            "urllib.parse.unquote_plus, or put our code back.",
            facts.ctl("up"),
            {**_evidence(lost), "error": _first_line(lost[-1])},
            up={},
        )


def access_denied(facts: Facts) -> Iterator[Finding]:
    """Find what was denied at run time though the role allows it, or that it never did."""
    for action, resource in sorted(_denials(facts)):
        yield Finding(
            "access-denied",
            "error",
            f"The function was denied {action}.",
            f"On {resource}: another policy denies it (of the bucket, the topic, a key, the "
            "organisation), or the role is not the one that this pipeline made.",
            facts.aws(f"iam get-role --role-name {facts.pipeline.names.role}"),
            {"action": action, "resource": resource},
        )


def import_error(facts: Facts) -> Iterator[Finding]:
    """Find code that cannot even be loaded."""
    latest = _last_success_ms(facts)  # code that ran since can be loaded
    broken = [
        request
        for request in _failed(facts)
        if request.events[-1].time_ms > latest and any(word in text_of(request) for word in _IMPORT)
    ]
    if broken:
        yield Finding(
            "import-error",
            "error",
            "Lambda cannot load the function's code.",
            _first_line(broken[-1]),
            facts.ctl("up"),
            _evidence(broken),
            up={},
        )


def events_dropped(facts: Facts) -> Iterator[Finding]:
    """Find uploads that failed in every attempt: Lambda gave them up."""
    given_up = [r for r in _failed(facts) if len(r.reports) >= _ATTEMPTS]
    counted = int(facts.metrics.get("AsyncEventsDropped", 0))
    if given_up or counted:
        number = max(len(given_up), counted)
        yield Finding(
            "events-dropped",
            "error",
            f"Lambda gave up {number} upload{'s' * (number > 1)} after all retries.",
            _first_line(given_up[-1]) if given_up else "They were too old or failed three times.",
            facts.ctl("reprocess --missing"),
            {**_evidence(given_up), "async_events_dropped": counted},
        )


def function_fails(facts: Facts) -> Iterator[Finding]:
    """Find errors that nothing above explains."""
    failed = [
        request
        for request in _failed(facts)
        if len(request.reports) < _ATTEMPTS and not any(w in text_of(request) for w in _IMPORT)
    ]
    if failed:
        yield Finding(
            "function-fails",
            "error",
            f"{_count(failed)} failed.",
            _first_line(failed[-1]),
            facts.ctl(f"logs --request {failed[-1].request_id}"),
            _evidence(failed),
        )


def text_of(request: Request) -> str:
    """Return all that a request's error lines say."""
    lines = [
        " ".join(str(part) for part in (e.message, *e.fields.values()))
        for e in request.events
        if e.is_error
    ]
    return "\n".join(lines)


def _failed(facts: Facts) -> list[Request]:
    """Return the requests that failed since the function was last changed, by time."""
    changed_ms = _changed_ms(facts)
    return [
        request
        for request in facts.requests
        if request.failed and request.events[-1].time_ms >= changed_ms
    ]


def _changed_ms(facts: Facts) -> float:
    changed = facts.function.get("LastModified")
    return datetime.fromisoformat(changed).timestamp() * 1_000 if changed else 0.0


def _timed_out(request: Request) -> bool:
    return "Task timed out" in text_of(request) or any(
        report.get("status") == "timeout" for report in request.reports
    )


def _out_of_memory(request: Request) -> bool:
    full = any(
        report.get("maxMemoryUsedMB", 0) >= report.get("memorySizeMB", 1)
        for report in request.reports
    )
    text = text_of(request)
    return "MemoryError" in text or "Runtime.OutOfMemory" in text or (full and "Exit" in text)


def _denials(facts: Facts) -> set[tuple[str, str]]:
    """Return the denied actions that a later success or today's policy does not make history."""
    latest = _last_success_ms(facts)
    return {
        (action, resource)
        for request in facts.requests
        if request.failed and request.events[-1].time_ms > latest
        for action, resource in _DENIED.findall(text_of(request))
        if action != "s3:ListBucket"
        and ("explicit deny" in text_of(request) or not allows(facts, action, resource))
    }


def _last_success_ms(facts: Facts) -> int:
    successes = [r.events[-1].time_ms for r in facts.requests if r.complete and not r.failed]
    return max(successes, default=0)


def _more(facts: Facts) -> dict[str, str]:
    settings = facts.pipeline.settings
    return {
        "timeout": str(min(_LONGEST_TIMEOUT_S, settings.timeout * 2)),
        "memory": str(min(_MOST_MEMORY_MB, settings.memory * 2)),
    }


def _count(requests: Sequence[Request]) -> str:
    return f"{len(requests)} invocation{'s' * (len(requests) > 1)}"


def _evidence(requests: Sequence[Request]) -> dict[str, Any]:
    if not requests:
        return {}
    last = requests[-1]
    return {
        "invocations": len(requests),
        "last_request_id": last.request_id,
        "last_time": last.events[-1].time,
        "keys": sorted({e.fields["key"] for r in requests for e in r.images}),
    }


def _first_line(request: Request) -> str:
    """Return the error in a line, as its type and text if it has them."""
    for event in request.events:
        if "errorMessage" in event.fields:
            return f"{event.fields.get('errorType', 'Error')}: {event.fields['errorMessage']}"
    errors = [e for e in request.events if e.is_error]
    return str(errors[0].fields.get("errorType") or errors[0].message.partition("\n")[0])

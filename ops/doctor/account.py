"""What stands between us and AWS: endpoints, clocks, permissions, names that others hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from ops.doctor.facts import Facts
from ops.doctor.finding import Finding
from provision.errors import AccessError, ForeignResourceError

_OF_AWS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws")
# Why credentials do not work: code, words of AWS's or boto3's texts, and the remedy.
_LOCKED_OUT: Final = (
    (
        "clock-skew",
        ("Skewed", "Signature expired", "not yet current", "InvalidSignature"),
        "sudo timedatectl set-ntp true",
    ),
    ("credentials-expired", ("SSO session", "Token has expired"), "aws sso login"),
    ("credentials-expired", ("expired", "Expired"), "aws login"),
    ("credentials-missing", ("No usable AWS credentials",), "aws configure"),
    ("credentials-invalid", ("",), "aws configure"),
)
_SKEW_S: Final = 240  # AWS refuses signatures that are five minutes old, S3 after fifteen


def endpoint_elsewhere(facts: Facts) -> Iterator[Finding]:
    """Find variables, of LocalStack perhaps, that send calls somewhere unexpected."""
    if facts.environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return
    connection = facts.pipeline.aws
    expected = (connection.endpoint_url or "").rstrip("/") if connection.local else None
    for name, value in sorted(facts.environment.items()):
        if not name.startswith("AWS_ENDPOINT_URL") or not value or value.rstrip("/") == expected:
            continue
        if (urlsplit(value).hostname or "").endswith(_OF_AWS):
            continue
        yield Finding(
            "endpoint-elsewhere",
            "warning",
            f"{name} sends calls to {value}.",
            "AWS's own clients and SDKs read it, so they may look at another place than you think.",
            f"unset {name}",
            {"variable": name, "value": value},
        )


def clock_skew(facts: Facts) -> Iterator[Finding]:
    """Find a clock that will make AWS refuse signatures."""
    if abs(facts.clock_ahead_s) < _SKEW_S:
        return
    word = "ahead of" if facts.clock_ahead_s > 0 else "behind"
    yield Finding(
        "clock-skew",
        "error",
        f"This machine's clock is {abs(facts.clock_ahead_s):.0f} s {word} AWS's.",
        "AWS refuses requests signed more than five minutes off.",
        "sudo timedatectl set-ntp true",
        {"seconds_ahead": round(facts.clock_ahead_s)},
    )


def foreign(facts: Facts) -> Iterator[Finding]:
    """Find names of ours that something else holds."""
    for name, error in facts.unreadable.items():
        if isinstance(error, ForeignResourceError):
            yield Finding(
                "foreign-resource",
                "error",
                error.what,
                f"{error.why} It is never changed.",
                f"pipeline-ctl up --name {facts.pipeline.names.pipeline}-2",
                {"resource": name},
            )


def unreadable(facts: Facts) -> Iterator[Finding]:
    """Find what could not be looked at, which may hide causes."""
    for name, error in facts.unreadable.items():
        if isinstance(error, ForeignResourceError):
            continue
        denied = isinstance(error, AccessError)
        yield Finding(
            "unreadable",
            "warning",
            error.what,
            error.why,
            facts.ctl("policy") if denied else facts.ctl("doctor --debug"),
            {"resource": name, "code": error.code},
        )


def locked_out(error: AccessError) -> Finding:
    """Tell why AWS does not even say who we are."""
    code, fix = next(
        (code, fix) for code, words, fix in _LOCKED_OUT if any(word in error.why for word in words)
    )
    return Finding(code, "error", error.what, error.why, fix, {"code": error.code})

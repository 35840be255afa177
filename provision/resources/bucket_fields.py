"""What we own of a bucket, field by field: how each is read and how it is put right.

Every call names the owner, so that a bucket of a stranger with our name answers 403 (S29).
Policy statements and lifecycle rules of others in a bucket of ours are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from provision.aws_errors import found

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TLS_SID: Final = "PipelineCtlTlsOnly"
EXPIRE_RULE_ID: Final = "pipeline-ctl-unfinished-uploads"
EXPIRE_DAYS: Final = 7
_EXPIRE_RULE_KEYS: Final = {"ID", "Status", "Filter", "Prefix", "AbortIncompleteMultipartUpload"}

# What a new bucket has without being asked (S9).
AS_CREATED: Final[Mapping[str, Any]] = {
    "public_access": "blocked",
    "encryption": "AES256",
    "ownership": "BucketOwnerEnforced",
    "tls_only": False,
    "unfinished_uploads_expire_days": None,
}


@dataclass(frozen=True)
class BucketCalls:
    """A client and the parameters that every call to one bucket carries."""

    s3: S3Client
    bucket: str
    arn: str
    owner: str

    @property
    def named(self) -> dict[str, Any]:
        return {"Bucket": self.bucket, "ExpectedBucketOwner": self.owner}


@dataclass(frozen=True)
class Field:
    """One field of a bucket's state: reading it, and writing the wanted value."""

    read: Callable[[BucketCalls], Any]
    write: Callable[[BucketCalls, Any], object]


def _public_access(calls: BucketCalls) -> str:
    answer = found(
        lambda: calls.s3.get_public_access_block(**calls.named),
        "NoSuchPublicAccessBlockConfiguration",
    )
    flags = answer["PublicAccessBlockConfiguration"] if answer else {}
    return "blocked" if flags and all(flags.values()) else "open"


def _block_public_access(calls: BucketCalls, _wanted: str) -> None:
    flags = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    calls.s3.put_public_access_block(
        **calls.named,
        PublicAccessBlockConfiguration=dict.fromkeys(flags, True),  # type: ignore[arg-type]
    )


def _encryption(calls: BucketCalls) -> str:
    answer = found(
        lambda: calls.s3.get_bucket_encryption(**calls.named),
        "ServerSideEncryptionConfigurationNotFoundError",
    )
    configuration: Any = answer["ServerSideEncryptionConfiguration"] if answer else {}
    rules = configuration.get("Rules", [])  # no rules, once the configuration was deleted
    defaults = (rule.get("ApplyServerSideEncryptionByDefault") for rule in rules)
    return next((str(default["SSEAlgorithm"]) for default in defaults if default), "none")


def _encrypt(calls: BucketCalls, wanted: str) -> None:
    rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": wanted}}
    calls.s3.put_bucket_encryption(
        **calls.named, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )


def _ownership(calls: BucketCalls) -> str:
    answer = found(
        lambda: calls.s3.get_bucket_ownership_controls(**calls.named),
        "OwnershipControlsNotFoundError",
    )
    rules = answer["OwnershipControls"]["Rules"] if answer else []
    return next((str(rule["ObjectOwnership"]) for rule in rules), "none")


def _own(calls: BucketCalls, wanted: Any) -> None:
    calls.s3.put_bucket_ownership_controls(
        **calls.named, OwnershipControls={"Rules": [{"ObjectOwnership": wanted}]}
    )


def _policy_statements(calls: BucketCalls) -> list[dict[str, Any]]:
    answer = found(lambda: calls.s3.get_bucket_policy(**calls.named), "NoSuchBucketPolicy")
    return list(json.loads(answer["Policy"])["Statement"]) if answer else []


def _tls_statement(calls: BucketCalls) -> dict[str, Any]:
    return {
        "Sid": TLS_SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [calls.arn, f"{calls.arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _tls_only(calls: BucketCalls) -> bool:
    return _tls_statement(calls) in _policy_statements(calls)


def _demand_tls(calls: BucketCalls, wanted: bool) -> None:
    statements = [s for s in _policy_statements(calls) if s.get("Sid") != TLS_SID]
    if wanted:
        statements.append(_tls_statement(calls))
    if not statements:
        calls.s3.delete_bucket_policy(**calls.named)
        return
    policy = {"Version": "2012-10-17", "Statement": statements}
    calls.s3.put_bucket_policy(**calls.named, Policy=json.dumps(policy))


def _lifecycle_rules(calls: BucketCalls) -> list[Any]:
    answer = found(
        lambda: calls.s3.get_bucket_lifecycle_configuration(**calls.named),
        "NoSuchLifecycleConfiguration",
    )
    return list(answer["Rules"]) if answer else []


def _expire_days(calls: BucketCalls) -> int | None:
    ours = (rule for rule in _lifecycle_rules(calls) if rule.get("ID") == EXPIRE_RULE_ID)
    enabled: dict[str, Any] = next((rule for rule in ours if rule["Status"] == "Enabled"), {})
    if set(enabled) - _EXPIRE_RULE_KEYS or not _takes_all(enabled):
        return None
    days: int | None = enabled.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
    return days


def _takes_all(rule: Mapping[str, Any]) -> bool:
    """Whether a rule is for all objects; S3 may say so in three ways (S9)."""
    chosen = rule.get("Filter", {})
    return not rule.get("Prefix") and not any(chosen.values())


def _expire(calls: BucketCalls, wanted: int) -> None:
    others = [rule for rule in _lifecycle_rules(calls) if rule.get("ID") != EXPIRE_RULE_ID]
    ours: Any = {
        "ID": EXPIRE_RULE_ID,
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": wanted},
    }
    calls.s3.put_bucket_lifecycle_configuration(
        **calls.named, LifecycleConfiguration={"Rules": [*others, ours]}
    )


FIELDS: Final[Mapping[str, Field]] = {
    "public_access": Field(_public_access, _block_public_access),
    "encryption": Field(_encryption, _encrypt),
    "ownership": Field(_ownership, _own),
    "tls_only": Field(_tls_only, _demand_tls),
    "unfinished_uploads_expire_days": Field(_expire_days, _expire),
}

"""Buckets: names, owners, tags, what a new bucket has (S1 to S9, S25 to S29)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from moto.s3.models import PublicAccessBlock, s3_backends

from ..actions import requested_tags
from ..calls import Call, Refusal
from ..table import Sheet

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_NAME = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")
_TAG_TEXT = re.compile(r"[\w\s+\-=._:/@]*")
_NAMING_THE_BUCKET = {
    "BucketAlreadyOwnedByYou",
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchTagSet",
    "OwnershipControlsNotFoundError",
}
_ENFORCED = "BucketOwnerEnforced"
_MALFORMED = Refusal(
    "MalformedXML",
    "The XML you provided was not well-formed or did not validate against our published schema",
)


@rows.refuses("S6", "s3.CreateBucket")
def invalid_name(state: State, call: Call) -> Refusal | None:
    """Refuse names that AWS does not take; moto takes any."""
    name = call.get("Bucket", "")
    if (
        _NAME.fullmatch(name)
        and not name.startswith(_RESERVED_PREFIXES)
        and not name.endswith(_RESERVED_SUFFIXES)
        and _namespace_fits(call, name)
    ):
        return None
    text = "The specified bucket is not valid."
    return Refusal("InvalidBucketName", text, extra={"BucketName": name})


@rows.refuses("S2", "s3.CreateBucket")
def exists_with_tags(state: State, call: Call) -> Refusal | None:
    """In us-east-1 creating again succeeds, but not with tags, be they the same."""
    if not requested_tags(call) or _bucket(call) is None:
        return None
    text = "Your previous request to create the named bucket succeeded and you already own it."
    return Refusal("BucketAlreadyOwnedByYou", text, 409, {"BucketName": call.get("Bucket")})


@rows.refuses("S8", "s3.CreateBucket")
def invalid_tags(state: State, call: Call) -> Refusal | None:
    """Refuse tags as recorded: duplicates are an internal error in AWS."""
    tags = (call.get("CreateBucketConfiguration") or {}).get("Tags") or []
    if any("Key" not in tag or "Value" not in tag for tag in tags):
        return _MALFORMED
    if len({tag["Key"] for tag in tags}) < len(tags):
        text = "We encountered an internal error. Please try again."
        return Refusal("InternalError", text, 500)
    for tag in tags:
        if refusal := _invalid_tag(tag["Key"], tag["Value"]):
            return refusal
    return None


@rows.refuses("S9", "s3.CreateBucket", "s3.PutObject", "s3.CopyObject", "s3.PutObjectAcl")
def access_control_list(state: State, call: Call) -> Refusal | None:
    """Refuse ACLs, which new buckets do not allow."""
    acl = call.get("ACL")
    if acl in (None, "private", "bucket-owner-full-control"):
        return None
    if call.operation == "CreateBucket":
        text = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        owned = call.get("ObjectOwnership", _ENFORCED) == _ENFORCED
        return Refusal("InvalidBucketAclWithObjectOwnership", text) if owned else None
    bucket = _bucket(call)
    if bucket is None or bucket.ownership_rule != _ENFORCED:
        return None
    return Refusal("AccessControlListNotSupported", "The bucket does not allow ACLs")


@rows.refuses("S29", "s3.*")
def foreign_owner(state: State, call: Call) -> Refusal | None:
    """Refuse a call whose ExpectedBucketOwner is somebody else."""
    for name in ("ExpectedBucketOwner", "ExpectedSourceBucketOwner"):
        owner = call.get(name)
        if owner is None or owner == call.account:
            continue
        if not re.fullmatch(r"\d{12}", owner):
            text = "The value of the expected bucket owner parameter must be an AWS Account ID..."
            return Refusal("InvalidBucketOwnerAWSAccountID", f"{text} [{owner}]")
        if _bucket(call) is not None:
            return Refusal("AccessDenied", "Access Denied", 403)
    return None


@rows.refuses("S28", "s3.*")
def other_region(state: State, call: Call) -> Refusal | None:
    """Refuse a call signed for another region than the bucket's; SDKs then use the right one."""
    bucket = _bucket(call)
    if bucket is None or call.operation == "CreateBucket" or not call.access_key:
        return None
    if bucket.region_name == call.region:
        return None
    text = (
        f"The authorization header is malformed; the region '{call.region}' is wrong; expecting "
        f"'{bucket.region_name}'"
    )
    return Refusal("AuthorizationHeaderMalformed", text, extra={"Region": bucket.region_name})


@rows.follows("S9", "s3.CreateBucket")
def defaults(state: State, call: Call) -> None:
    """Give a new bucket what AWS gives it: private, owned, encrypted."""
    bucket = _bucket(call)
    if bucket is None or call.get("Bucket") in state.buckets:
        return
    state.buckets.add(call.get("Bucket"))
    bucket.public_access_block = PublicAccessBlock("true", "true", "true", "true")
    bucket.ownership_rule = call.get("ObjectOwnership", _ENFORCED)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    bucket.encryption = {"Rule": rule | {"BucketKeyEnabled": False}}


@rows.rewrites("S7", "s3.CreateBucket", "s3.HeadBucket")
def name_arn(state: State, call: Call, result: dict[str, Any]) -> None:
    """Tell the bucket's ARN, which moto tells of some."""
    result["BucketArn"] = f"arn:{call.partition}:s3:::{call.get('Bucket')}"
    if call.operation == "HeadBucket":
        result["AccessPointAlias"] = False


@rows.follows("S8", "s3.CreateBucket")
def tag(state: State, call: Call) -> None:
    """Keep the tags of the creating call; moto ignores them."""
    if tags := requested_tags(call):
        _backend(call).put_bucket_tagging(call.get("Bucket"), tags)


@rows.follows("S9", "s3.DeleteBucket")
def forget(state: State, call: Call) -> None:
    """Let a bucket of the same name begin anew."""
    state.buckets.discard(call.get("Bucket"))
    state.notifications.pop(call.get("Bucket"), None)


@rows.mends("S9", "s3.GetBucketEncryption")
def no_encryption(state: State, call: Call, refusal: Refusal) -> dict[str, Any] | None:
    """Answer without a configuration once it was deleted; moto answers 404."""
    missing = refusal.code == "ServerSideEncryptionConfigurationNotFoundError"
    return {} if missing else None


@rows.mends("S1", "s3.CreateBucket")
def location(state: State, call: Call, refusal: Refusal) -> Refusal | None:
    """Repeat the location that was refused."""
    if refusal.code != "InvalidLocationConstraint":
        return None
    wanted = (call.get("CreateBucketConfiguration") or {}).get("LocationConstraint")
    return replace(refusal, extra={"LocationConstraint": wanted})


@rows.mends("S25", "s3.DeleteBucket")
def not_empty(state: State, call: Call, refusal: Refusal) -> Refusal | None:
    """Say, of a versioned bucket, that versions are left."""
    if refusal.code != "BucketNotEmpty":
        return None
    text = "The bucket you tried to delete is not empty"
    bucket = _bucket(call)
    if bucket is not None and bucket.versioning_status is not None:
        text += ". You must delete all versions in the bucket."
    return Refusal("BucketNotEmpty", text, 409, {"BucketName": call.get("Bucket")})


@rows.mends("S5", "s3.*")
def name_bucket(state: State, call: Call, refusal: Refusal) -> Refusal | None:
    """Name the bucket in the errors in which AWS does."""
    if refusal.code not in _NAMING_THE_BUCKET or not call.get("Bucket"):
        return None
    return replace(refusal, extra={**refusal.extra, "BucketName": call.get("Bucket")})


def _namespace_fits(call: Call, name: str) -> bool:
    """Say whether the name fits its namespace (S7): the suffix names account and region."""
    if call.get("BucketNamespace", "global") == "account-regional":
        return name.endswith(f"-{call.account}-{call.region}-an")
    return not name.endswith("-an")


def _invalid_tag(key: str, value: str) -> Refusal | None:
    if key.lower().startswith("aws:"):
        text = (
            'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system '
            'tags. Remove "aws:" from your tag keys and try again.'
        )
        return Refusal("InvalidTag", text)
    if not _TAG_TEXT.fullmatch(key):
        return Refusal(
            "InvalidTag", "The TagKey you have provided is invalid", extra={"TagKey": key}
        )
    if not _TAG_TEXT.fullmatch(value):
        extra = {"TagKey": key, "TagValue": value}
        return Refusal("InvalidTag", "The TagValue you have provided is invalid", extra=extra)
    return None


def _backend(call: Call) -> Any:
    return s3_backends[call.account][call.partition]


def _bucket(call: Call) -> Any | None:
    return _backend(call).buckets.get(call.get("Bucket"))

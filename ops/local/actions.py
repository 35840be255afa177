"""Which IAM actions a call needs, on which resources, and under which condition keys.

Follows the service authorization reference where a call's action has another name than the
call, or needs a second one (tags in the creating call, a role that is passed on).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from .calls import Call

Need = tuple[str, str]  # action, resource ARN

_S3_ACTIONS = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
}
# Creating with tags needs the permission to tag as well (section 6 of the catalogue).
_TAGGING = {
    "iam.CreateRole": "iam:TagRole",
    "lambda.CreateFunction": "lambda:TagResource",
    "logs.CreateLogGroup": "logs:TagResource",
    "s3.CreateBucket": "s3:TagResource",
    "sns.CreateTopic": "sns:TagResource",
}
_LAMBDA_ACTIONS = {"Invoke": "InvokeFunction", "InvokeAsync": "InvokeFunction"}


def needs(call: Call) -> list[Need]:
    """The actions that must all be allowed; empty for what everybody may do."""
    if call.service == "sts":
        return []
    return [*_own_need(call), *_further_needs(call)]


def context(call: Call, principal_arn: str) -> dict[str, list[str]]:
    """The condition keys of a call, lower-case, with their values."""
    keys = {
        "aws:securetransport": ["true"],  # the local AWS counts as TLS
        "aws:sourceip": [call.source_ip],
        "aws:requestedregion": [call.region],
        "aws:principalaccount": [call.account],
        "aws:principalarn": [principal_arn],
        "aws:resourceaccount": [call.account],
    }
    tags = requested_tags(call)
    keys |= {f"aws:requesttag/{name.lower()}": [value] for name, value in tags.items()}
    if tags:
        keys["aws:tagkeys"] = list(tags)
    for name, key in (("Prefix", "s3:prefix"), ("BucketNamespace", "s3:x-amz-bucket-namespace")):
        if call.get(name) is not None:
            keys[key] = [str(call.get(name))]
    if call.operation == "CreateFunction":
        keys["iam:passedtoservice"] = ["lambda.amazonaws.com"]
    if call.action == "sns.Subscribe":
        keys["sns:protocol"] = [str(call.get("Protocol", ""))]
        keys["sns:endpoint"] = [str(call.get("Endpoint", ""))]
    return keys


def requested_tags(call: Call) -> dict[str, str]:
    """The tags in a creating or tagging call, whatever it calls them."""
    tags: Any = call.get("Tags") or call.get("tags") or {}
    configuration = call.get("CreateBucketConfiguration") or {}
    tags = tags or configuration.get("Tags") or {}
    if isinstance(tags, dict):
        tags = tags.get("Tag", tags.get("TagSet", tags))
    if isinstance(tags, dict):
        return {str(k): str(v) for k, v in tags.items()}
    return {str(tag["Key"]): str(tag.get("Value", "")) for tag in tags}


def _own_need(call: Call) -> Iterator[Need]:
    if call.service == "s3":
        yield from _s3_needs(call)
    elif call.service == "lambda":
        name = _LAMBDA_ACTIONS.get(call.operation, call.operation)
        yield f"lambda:{name}", _lambda_resource(call)
    elif call.service == "sns":
        yield f"SNS:{call.operation}", _sns_resource(call)
    elif call.service == "logs":
        yield f"logs:{call.operation}", _logs_resource(call)
    elif call.service == "iam":
        yield f"iam:{call.operation}", _iam_resource(call)
    elif call.service == "resourcegroupstaggingapi":
        yield f"tag:{call.operation}", "*"
    else:
        yield f"{call.service}:{call.operation}", "*"


def _further_needs(call: Call) -> Iterator[Need]:
    if call.action in _TAGGING and requested_tags(call):
        yield _TAGGING[call.action], _own_resource(call)
    if call.service != "lambda":
        return
    if call.get("Role") and call.operation in ("CreateFunction", "UpdateFunctionConfiguration"):
        yield "iam:PassRole", str(call.get("Role"))
    if call.operation in ("CreateFunction", "UpdateFunctionConfiguration"):
        for layer in call.get("Layers", []):
            yield "lambda:GetLayerVersion", layer


def _own_resource(call: Call) -> str:
    return next(_own_need(call))[1]


def _s3_needs(call: Call) -> Iterator[Need]:
    bucket = call.get("Bucket")
    arn = f"arn:{call.partition}:s3:::{bucket}" if bucket else "*"
    action = f"s3:{_S3_ACTIONS.get(call.operation, call.operation)}"
    if call.operation == "DeleteObjects":
        for entry in (call.get("Delete") or {}).get("Objects", []):
            version = "Version" if entry.get("VersionId") else ""
            yield f"s3:DeleteObject{version}", f"{arn}/{entry['Key']}"
        return
    key = call.get("Key")
    if call.get("VersionId") and call.operation in ("GetObject", "HeadObject", "DeleteObject"):
        action += "Version"
    yield action, f"{arn}/{key}" if key else arn
    if call.get("CopySource"):
        source = unquote(str(call.get("CopySource"))).lstrip("/").partition("?")[0]
        yield "s3:GetObject", f"arn:{call.partition}:s3:::{source}"


def _lambda_resource(call: Call) -> str:
    own = f"arn:{call.partition}:lambda:{call.region}:{call.account}"
    if call.get("Resource"):
        return str(call.get("Resource"))
    if layer := call.get("LayerName"):
        version = call.get("VersionNumber")
        arn = layer if layer.startswith("arn:") else f"{own}:layer:{layer}"
        return f"{arn}:{version}" if version else arn
    name = call.get("FunctionName")
    if not name:
        return "*"
    return str(name) if name.startswith("arn:") else f"{own}:function:{name}"


def _sns_resource(call: Call) -> str:
    if call.operation == "CreateTopic":
        return f"arn:{call.partition}:sns:{call.region}:{call.account}:{call.get('Name')}"
    if subscription := call.get("SubscriptionArn"):
        return str(subscription).rpartition(":")[0]
    return str(call.get("TopicArn") or call.get("TargetArn") or call.get("ResourceArn") or "*")


def _logs_resource(call: Call) -> str:
    if arn := call.get("resourceArn"):
        return str(arn)
    group = call.get("logGroupName", "")
    if not group and call.get("logGroupIdentifier"):
        group = str(call.get("logGroupIdentifier")).rpartition(":log-group:")[2]
    return log_stream_arn(
        call.partition, call.region, call.account, group, call.get("logStreamName", "")
    )


def log_stream_arn(partition: str, region: str, account: str, group: str, stream: str) -> str:
    """The resource AWS names in a refusal, also where only the group is meant."""
    return f"arn:{partition}:logs:{region}:{account}:log-group:{group}:log-stream:{stream}"


def _iam_resource(call: Call) -> str:
    for parameter, kind in (("RoleName", "role"), ("UserName", "user")):
        if name := call.get(parameter):
            path = call.get("Path", "/")
            return f"arn:{call.partition}:iam::{call.account}:{kind}{path}{name}"
    return str(call.get("PolicyArn") or "*")

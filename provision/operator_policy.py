"""The IAM policy that somebody who operates this pipeline needs, and no more. Pure.

Grouped by what it is for; each action is needed by some command. Actions that cannot be
narrowed to a resource stand together under "*": lists, account settings and metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from provision.names import UPLOADS_PREFIX, Names

_FUNCTION: Final = (
    "lambda:AddPermission",
    "lambda:CreateFunction",
    "lambda:DeleteFunction",
    "lambda:DeleteFunctionEventInvokeConfig",
    "lambda:GetFunction",
    "lambda:GetFunctionConcurrency",
    "lambda:GetFunctionConfiguration",
    "lambda:GetFunctionEventInvokeConfig",
    "lambda:GetPolicy",
    "lambda:InvokeFunction",
    "lambda:ListTags",
    "lambda:PutFunctionEventInvokeConfig",
    "lambda:RemovePermission",
    "lambda:TagResource",
    "lambda:UntagResource",
    "lambda:UpdateFunctionCode",
    "lambda:UpdateFunctionConfiguration",
)
_LAYER: Final = (
    "lambda:DeleteLayerVersion",
    "lambda:GetLayerVersion",
    "lambda:ListLayerVersions",
    "lambda:PublishLayerVersion",
)
_ROLE: Final = (
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:GetRole",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:PutRolePolicy",
    "iam:TagRole",
    "iam:UpdateAssumeRolePolicy",
)
_BUCKET: Final = (
    "s3:CreateBucket",
    "s3:DeleteBucket",
    "s3:GetBucketNotification",
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketTagging",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "s3:PutBucketNotification",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
    "s3:TagResource",
)
_OBJECTS: Final = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:GetObject",
)
_TOPIC: Final = (
    "sns:CreateTopic",
    "sns:DeleteTopic",
    "sns:GetTopicAttributes",
    "sns:ListSubscriptionsByTopic",
    "sns:ListTagsForResource",
    "sns:Publish",
    "sns:Subscribe",
    "sns:TagResource",
    "sns:Unsubscribe",
)
_ACCOUNT: Final = (
    "cloudwatch:GetMetricData",
    "lambda:GetAccountSettings",
    "lambda:ListFunctions",
    "logs:DescribeLogGroups",
)
_LOG_GROUP: Final = (
    "logs:CreateLogGroup",
    "logs:DeleteLogGroup",
    "logs:FilterLogEvents",
    "logs:ListTagsForResource",
    "logs:PutRetentionPolicy",
    "logs:TagResource",
    "logs:UntagResource",
)


def operator_policy(names: Names, bucket_names: Sequence[str]) -> dict[str, Any]:
    """Return the policy document for one pipeline and all buckets that it uses or used."""
    buckets = [names.bucket_arn(bucket) for bucket in dict.fromkeys(bucket_names)]
    layer = names.layer_arn
    passed: Mapping[str, Any] = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    statements: Sequence[tuple[str, Sequence[str], Sequence[str], Mapping[str, Any]]] = (
        ("Function", _FUNCTION, [names.function_arn], {}),
        ("Layer", _LAYER, [layer, f"{layer}:*"], {}),
        ("Role", _ROLE, [names.role_arn], {}),
        ("GiveTheRoleToLambda", ["iam:PassRole"], [names.role_arn], passed),
        ("Buckets", _BUCKET, buckets, {}),
        ("Objects", _OBJECTS, [f"{bucket}/*" for bucket in buckets], {}),
        ("Uploads", ["s3:PutObject"], [f"{buckets[0]}/{UPLOADS_PREFIX}*"], {}),
        ("Topic", _TOPIC, [names.topic_arn], {}),
        ("LogGroup", _LOG_GROUP, [names.log_group_arn, f"{names.log_group_arn}:*"], {}),
        ("Account", _ACCOUNT, ["*"], {}),
    )
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": sid,
                "Effect": "Allow",
                "Action": list(actions),
                "Resource": list(resources),
                **({"Condition": dict(condition)} if condition else {}),
            }
            for sid, actions, resources, condition in statements
        ],
    }

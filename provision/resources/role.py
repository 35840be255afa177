"""The IAM role of the function: exactly what it needs, on exactly this pipeline's ARNs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from provision.aws import Aws
from provision.aws_errors import error_code, found
from provision.errors import ForeignResourceError
from provision.names import PIPELINE_TAG, UPLOADS_PREFIX, Names
from provision.resource import Known, State

POLICY_NAME: Final = "pipeline"
TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
_CONFLICT_S: Final = 120.0


class Role:
    """The role with its trust and its one inline policy."""

    name = "role"
    needs: tuple[str, ...] = ()

    def __init__(
        self, aws: Aws, names: Names, input_bucket: str, output_bucket: str, folders: Sequence[str]
    ) -> None:
        self._aws = aws
        self._names = names
        self._policy = permissions(names, input_bucket, output_bucket, folders)

    def desired(self, known: Known) -> State:
        return {
            "trust": _canonical(TRUST),
            "policy": _canonical(self._policy),
            "other_policies": [],
        }

    def read(self) -> State | None:
        with ThreadPoolExecutor(3) as pool:
            policy = pool.submit(self._read_policy)
            inline, attached = pool.submit(self._other_inline), pool.submit(self._attached)
            answer = found(
                lambda: self._aws.iam.get_role(RoleName=self._names.role), "NoSuchEntity"
            )
        if answer is None:
            return None
        role = answer["Role"]
        tags = {tag["Key"]: tag["Value"] for tag in role.get("Tags", [])}
        if tags.get(PIPELINE_TAG) != self._names.pipeline:
            raise ForeignResourceError(
                f"The IAM role {self._names.role} exists and was not made by this pipeline.",
                why=f"It lacks the tag {PIPELINE_TAG}={self._names.pipeline}.",
                fix="Choose another --name.",
            )
        return {
            "id": role["Arn"],  # with a path it cannot be derived (I14)
            "role_id": role["RoleId"],
            "trust": _canonical(role["AssumeRolePolicyDocument"]),
            "policy": policy.result(),
            "other_policies": [*inline.result(), *attached.result()],
        }

    def apply(self, actual: State | None, known: Known) -> None:
        iam, role = self._aws.iam, self._names.role
        if actual is None:
            iam.create_role(
                RoleName=role,
                AssumeRolePolicyDocument=json.dumps(TRUST),
                Description=self._names.description,
                Tags=[{"Key": PIPELINE_TAG, "Value": self._names.pipeline}],
            )
        elif actual["trust"] != _canonical(TRUST):
            iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(TRUST))
        if actual is None or actual["policy"] != _canonical(self._policy):
            iam.put_role_policy(
                RoleName=role, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(self._policy)
            )
        for policy in actual["other_policies"] if actual else []:
            self._remove(policy)

    def delete(self) -> None:
        """Remove everything that hangs on the role, also what others attached, then the role."""
        self._strip()
        self._aws.persist(
            self.name,
            lambda: found(
                lambda: self._aws.iam.delete_role(RoleName=self._names.role), "NoSuchEntity"
            ),
            transient=lambda error: error_code(error) == "DeleteConflict",  # for seconds (I10)
            why="IAM to notice that the role's policies are gone",
            deadline_s=_CONFLICT_S,
        )

    def _strip(self) -> None:
        for policy in (POLICY_NAME, *self._other_inline(), *self._attached()):
            self._remove(policy)

    def _remove(self, policy: str) -> None:
        """Delete an inline policy, known by its name, or detach a managed one, by its ARN."""
        iam, role = self._aws.iam, self._names.role
        if policy.startswith("arn:"):
            found(lambda: iam.detach_role_policy(RoleName=role, PolicyArn=policy), "NoSuchEntity")
        else:
            found(lambda: iam.delete_role_policy(RoleName=role, PolicyName=policy), "NoSuchEntity")

    def _other_inline(self) -> list[str]:
        answer = found(
            lambda: self._aws.iam.list_role_policies(RoleName=self._names.role), "NoSuchEntity"
        )
        return sorted(n for n in answer["PolicyNames"] if n != POLICY_NAME) if answer else []

    def _attached(self) -> list[str]:
        answer = found(
            lambda: self._aws.iam.list_attached_role_policies(RoleName=self._names.role),
            "NoSuchEntity",
        )
        return sorted(p["PolicyArn"] for p in answer["AttachedPolicies"]) if answer else []

    def _read_policy(self) -> Any:
        answer = found(
            lambda: self._aws.iam.get_role_policy(
                RoleName=self._names.role, PolicyName=POLICY_NAME
            ),
            "NoSuchEntity",
        )
        return _canonical(answer["PolicyDocument"]) if answer else None


def disarm(aws: Aws, names: Names) -> None:
    """Take away what the function may do; a role that is not ours is left alone."""
    answer = found(lambda: aws.iam.get_role(RoleName=names.role), "NoSuchEntity")
    tags = answer["Role"].get("Tags", []) if answer else []
    if {"Key": PIPELINE_TAG, "Value": names.pipeline} in tags:
        found(
            lambda: aws.iam.delete_role_policy(RoleName=names.role, PolicyName=POLICY_NAME),
            "NoSuchEntity",
        )


def permissions(
    names: Names, input_bucket: str, output_bucket: str, folders: Sequence[str]
) -> dict[str, Any]:
    """Return the function's policy: read uploads, write the folders, publish, write its log."""
    output = names.bucket_arn(output_bucket)
    log_group = names.log_group_arn
    statements = {
        "ReadUploads": ("s3:GetObject", f"{names.bucket_arn(input_bucket)}/{UPLOADS_PREFIX}*"),
        "WriteOutputs": ("s3:PutObject", [f"{output}/{folder}/*" for folder in sorted(folders)]),
        "Notify": ("sns:Publish", names.topic_arn),
        "CreateLogGroup": ("logs:CreateLogGroup", f"{log_group}:*"),
        "WriteLogs": (["logs:CreateLogStream", "logs:PutLogEvents"], f"{log_group}:*"),
    }
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource}
            for sid, (action, resource) in statements.items()
        ],
    }


def _canonical(document: Any) -> Any:
    """Return a policy in one shape, whichever of AWS's equal spellings it came in (I16)."""
    parsed = json.loads(document) if isinstance(document, str) else document
    statements = parsed["Statement"]
    listed = statements if isinstance(statements, list) else [statements]
    return {**parsed, "Statement": sorted((_sorted_lists(s) for s in listed), key=json.dumps)}


def _sorted_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted_lists(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return value[0] if len(value) == 1 else sorted(value)
    return value

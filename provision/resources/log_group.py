"""The function's CloudWatch log group, with retention.

Lambda makes this group again, without tags, when a late invocation writes after it was deleted
(G7); an untagged one is therefore ours unless a foreign function has our name.

It is made first and deleted last, so it carries the recorded settings as well: a run that died
before the function was made, or after it was deleted, can still be gone on with.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from provision.aws import Aws
from provision.aws_errors import found
from provision.errors import ForeignResourceError
from provision.names import PIPELINE_TAG, Names
from provision.resource import Known, State
from provision.spec import TAG_PREFIX

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import LogGroupTypeDef


class LogGroup:
    """The log group `/aws/lambda/<function>`."""

    name = "log-group"
    needs: tuple[str, ...] = ()

    def __init__(
        self, aws: Aws, names: Names, retention_days: int, tags: Mapping[str, str]
    ) -> None:
        self._aws = aws
        self._names = names
        self._retention_days = retention_days
        self._tags = dict(tags)

    def desired(self, known: Known) -> State:
        return {"retention_days": self._retention_days, "tags": self._tags}

    def read(self) -> State | None:
        with ThreadPoolExecutor(1) as pool:
            reading = pool.submit(found, self._read_tags, "ResourceNotFoundException")
            group = self._described()
        tags = reading.result() if group else None
        if group is None or tags is None:
            return None
        # An account's own policy overrides ours and cannot be put right here (G2).
        overridden = "retentionPolicyName" in group
        retention = self._retention_days if overridden else group.get("retentionInDays")
        return {"id": self._names.log_group, "retention_days": retention, "tags": tags}

    def apply(self, actual: State | None, known: Known) -> None:
        logs, group = self._aws.logs, self._names.log_group
        if actual is None:
            logs.create_log_group(logGroupName=group, tags=self._tags)
        elif actual["tags"] != self._tags:
            self._retag(actual["tags"])
        if actual is None or actual["retention_days"] != self._retention_days:
            logs.put_retention_policy(logGroupName=group, retentionInDays=self._retention_days)

    def delete(self) -> None:
        found(
            lambda: self._aws.logs.delete_log_group(logGroupName=self._names.log_group),
            "ResourceNotFoundException",
        )

    def _retag(self, present: Mapping[str, str]) -> None:
        arn = self._names.log_group_arn
        self._aws.logs.tag_resource(resourceArn=arn, tags=self._tags)
        if gone := sorted(set(present) - set(self._tags)):
            self._aws.logs.untag_resource(resourceArn=arn, tagKeys=gone)

    def _described(self) -> LogGroupTypeDef | None:
        pages = self._aws.logs.get_paginator("describe_log_groups").paginate(
            logGroupNamePrefix=self._names.log_group
        )
        groups = (g for page in pages for g in page["logGroups"])
        return next((g for g in groups if g["logGroupName"] == self._names.log_group), None)

    def _read_tags(self) -> dict[str, str]:
        """Return our tags; raise when the group is somebody else's."""
        tags = self._aws.logs.list_tags_for_resource(resourceArn=self._names.log_group_arn)["tags"]
        untagged = all(key.startswith(TAG_PREFIX) for key in tags) and PIPELINE_TAG not in tags
        ours = tags.get(PIPELINE_TAG) == self._names.pipeline
        if ours or (untagged and not self._foreign_function()):
            return {key: value for key, value in tags.items() if key.startswith(TAG_PREFIX)}
        raise ForeignResourceError(
            f"The log group {self._names.log_group} belongs to something else.",
            why=f"It lacks the tag {PIPELINE_TAG}={self._names.pipeline}.",
            fix="Choose another --name.",
        )

    def _foreign_function(self) -> bool:
        answer = found(
            lambda: self._aws.lambda_.get_function(FunctionName=self._names.function),
            "ResourceNotFoundException",
        )
        return answer is not None and answer.get("Tags", {}).get(PIPELINE_TAG) is None

"""The SNS topic that the function publishes to."""

from __future__ import annotations

from provision.aws import Aws
from provision.aws_errors import found
from provision.errors import ForeignResourceError
from provision.names import PIPELINE_TAG, Names
from provision.resource import Known, State


class Topic:
    """The topic; its subscriptions are a resource of their own."""

    name = "topic"
    needs: tuple[str, ...] = ()

    def __init__(self, aws: Aws, names: Names) -> None:
        self._aws = aws
        self._names = names
        self._arn = names.topic_arn

    def desired(self, known: Known) -> State:
        return {"name": self._names.topic}

    def read(self) -> State | None:
        answer = found(
            lambda: self._aws.sns.list_tags_for_resource(ResourceArn=self._arn),
            "NotFound",
            "ResourceNotFound",
            "ResourceNotFoundException",
        )
        if answer is None:
            return None
        tags = {tag["Key"]: tag["Value"] for tag in answer["Tags"]}
        if tags.get(PIPELINE_TAG) != self._names.pipeline:
            raise ForeignResourceError(
                f"The SNS topic {self._names.topic} exists and was not made by this pipeline.",
                why=f"It lacks the tag {PIPELINE_TAG}={self._names.pipeline}.",
                fix="Choose another --name.",
            )
        return {"id": self._arn, "name": self._names.topic}

    def apply(self, actual: State | None, known: Known) -> None:
        self._aws.sns.create_topic(
            Name=self._names.topic, Tags=[{"Key": PIPELINE_TAG, "Value": self._names.pipeline}]
        )

    def delete(self) -> None:
        self._aws.sns.delete_topic(TopicArn=self._arn)  # succeeds for an absent one (N9)

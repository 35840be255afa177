"""The one list of resources that every command works with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from provision import package
from provision.aws import Aws
from provision.aws_errors import explained, found
from provision.errors import NewerPipelineError
from provision.names import LEFT_TAG, PIPELINE_TAG, VERSION_TAG, Names
from provision.pillow_layer import Target
from provision.resource import Resource
from provision.resources.bucket import Bucket
from provision.resources.function import Function
from provision.resources.layer import Layer
from provision.resources.log_group import LogGroup
from provision.resources.notification import Notification
from provision.resources.on_failure import OnFailure
from provision.resources.permission import Permission
from provision.resources.role import Role
from provision.resources.subscriptions import Subscriptions
from provision.resources.topic import Topic
from provision.spec import Settings, from_tags, to_tags


@dataclass(frozen=True)
class Pipeline:
    """One pipeline: where it is, how it is set, and whom it mails."""

    aws: Aws
    names: Names
    settings: Settings
    defaults: Settings = field(default_factory=Settings)
    add_emails: Sequence[str] = ()
    remove_emails: Sequence[str] = ()
    delete_data: bool = False
    former: Settings | None = None  # what an earlier `up` recorded
    left: tuple[str, ...] = ()  # buckets that an earlier `up` used
    function_dir: Path = package.FUNCTION_DIR

    @property
    def input_bucket(self) -> str:
        return self.settings.input_bucket or self.names.bucket("input")

    @property
    def output_bucket(self) -> str:
        return self.settings.output_bucket or self.names.bucket("output")

    def resources(self) -> list[Resource]:
        """Return all resources; nothing is read or built yet."""
        aws, names, settings = self.aws, self.names, self.settings
        target = Target(settings.runtime, settings.arch, this_machine=aws.local)
        buckets = self.buckets()
        return [
            Role(aws, names, self.input_bucket, self.output_bucket, list(settings.folders)),
            Layer(aws, names, target, package.build_layer),
            *buckets,
            Topic(aws, names),
            Subscriptions(aws, names, self.add_emails, self.remove_emails),
            LogGroup(aws, names, settings.retention, self._tags()),
            self.function(),
            Permission(aws, names, self.input_bucket),
            OnFailure(aws, names, wanted=settings.notify != "none"),
            Notification(aws, names, self.input_bucket),
        ]

    def function(self) -> Function:
        """Return the function, which is what a pipeline's settings are recorded on."""
        return Function(
            self.aws,
            self.names,
            self.settings,
            package.build_function(self.settings.runtime, self.function_dir),
            output_bucket=self.output_bucket,
            tags=self._tags(),
        )

    def _tags(self) -> dict[str, str]:
        left = {LEFT_TAG: " ".join(self.left)} if self.left else {}
        return {
            PIPELINE_TAG: self.names.pipeline,
            VERSION_TAG: program_version(),
            **left,
            **to_tags(self.settings, self.defaults),
        }

    def buckets(self) -> list[Bucket]:
        """Return the input and the output bucket, which may be the same one."""
        aws, names, data = self.aws, self.names, self.delete_data
        chosen_in, chosen_out = self.settings.input_bucket, self.settings.output_bucket
        return [
            Bucket(aws, names, "input", chosen=chosen_in, delete_data=data),
            Bucket(aws, names, "output", chosen=chosen_out, delete_data=data),
        ]


def program_version() -> str:
    """Return this program's version."""
    return version("pipeline-ctl")


def recorded_settings(aws: Aws, pipeline: str) -> dict[str, str] | None:
    """Return the settings that an earlier `up` recorded; None without a pipeline of ours.

    Under "left_buckets" are the names of buckets that it used earlier, parted by spaces.

    Raises NewerPipelineError when a newer program recorded them.
    """
    tags = explained(lambda: _recorded_tags(aws, pipeline), "read", "the recorded settings")
    if tags.get(PIPELINE_TAG) != pipeline:
        return None
    made_by = tags.get(VERSION_TAG, "0")
    if _comparable(made_by) > _comparable(program_version()):
        raise NewerPipelineError(
            f"The pipeline {pipeline} was made by pipeline-ctl {made_by}.",
            why=f"This is the older {program_version()}, which does not know all of it.",
            fix="Upgrade pipeline-ctl.",
        )
    left = {"left_buckets": tags[LEFT_TAG]} if LEFT_TAG in tags else {}
    return {**from_tags(tags), **left}


def _recorded_tags(aws: Aws, pipeline: str) -> Mapping[str, str]:
    """Return the tags of the function, or of the log group, which is made before it."""
    with ThreadPoolExecutor(1) as pool:
        identified = pool.submit(lambda: aws.caller)
        function = found(
            lambda: aws.lambda_.get_function(FunctionName=pipeline), "ResourceNotFoundException"
        )
        caller = identified.result()
    if function is not None:
        return function.get("Tags", {})
    names = Names(pipeline, caller.account, aws.region, caller.partition)
    group = found(
        lambda: aws.logs.list_tags_for_resource(resourceArn=names.log_group_arn),
        "ResourceNotFoundException",
    )
    return group["tags"] if group else {}


def _comparable(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())

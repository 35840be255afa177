"""Our entry in the input bucket's notification configuration, merged with everybody else's.

S3 knows no single entry: each put replaces the whole configuration (S13). So the others are
read, kept and written back with ours; ours is known by its exact Id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from provision.aws import Aws
from provision.aws_errors import error_code, error_text, found
from provision.errors import ForeignResourceError, PipelineError
from provision.names import UPLOADS_PREFIX, Names
from provision.resource import Known, State
from provision.resources.function import wait_until_active

EVENTS: Final = ("s3:ObjectCreated:*",)
KINDS: Final = (
    "LambdaFunctionConfigurations",
    "QueueConfigurations",
    "TopicConfigurations",
)
_PERMISSION_S: Final = 120.0


class Notification:
    """The entry that sends uploads to the function."""

    name = "notification"
    needs: tuple[str, ...] = ("function", "permission", "input-bucket")

    def __init__(self, aws: Aws, names: Names, input_bucket: str) -> None:
        self._aws = aws
        self._names = names
        self._bucket = input_bucket
        self._id = names.statement_id

    def desired(self, known: Known) -> State:
        return {
            "function": self._names.function_arn,
            "events": sorted(EVENTS),
            "prefix": UPLOADS_PREFIX,
            "suffix": "",
        }

    def read(self) -> State | None:
        configuration = self._configuration()
        entries = configuration.get("LambdaFunctionConfigurations", [])
        ours = next((entry for entry in entries if entry.get("Id") == self._id), None)
        if ours is None:
            return None
        return {
            "id": self._id,
            "function": ours["LambdaFunctionArn"],
            "events": sorted(ours["Events"]),
            "prefix": filter_value(ours, "prefix"),
            "suffix": filter_value(ours, "suffix"),
        }

    def apply(self, actual: State | None, known: Known) -> None:
        ours = {
            "Id": self._id,
            "LambdaFunctionArn": self._names.function_arn,
            "Events": list(EVENTS),
            "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": UPLOADS_PREFIX}]}},
        }
        self._put([ours])
        wait_until_active(self._aws, self._names)  # only now: S3 does not ask for it (S12)

    def delete(self) -> None:
        configuration = self._configuration()
        entries = configuration.get("LambdaFunctionConfigurations", [])
        if any(entry.get("Id") == self._id for entry in entries):
            # Entries of others that point at dead targets must not keep ours alive (S11).
            self._put([], skip_validation=True)

    def ensure_free(self) -> None:
        """Raise ForeignResourceError when somebody else is told of the uploads."""
        self._refuse_overlap(self._configuration())

    def _configuration(self) -> dict[str, Any]:
        answer = found(
            lambda: self._aws.s3.get_bucket_notification_configuration(
                Bucket=self._bucket, ExpectedBucketOwner=self._names.account
            ),
            "NoSuchBucket",
        )
        return {key: value for key, value in (answer or {}).items() if key != "ResponseMetadata"}

    def _put(self, ours: list[Any], *, skip_validation: bool = False) -> None:
        """Put `ours` in place of our entry; what others have there is read anew before each try."""

        def put() -> None:
            configuration = self._configuration()
            if ours:
                self._refuse_overlap(configuration)
            self._aws.s3.put_bucket_notification_configuration(
                Bucket=self._bucket,
                ExpectedBucketOwner=self._names.account,
                NotificationConfiguration=_replaced(configuration, self._id, ours),  # type: ignore[arg-type]
                SkipDestinationValidation=skip_validation,
            )

        try:
            self._aws.persist(
                self.name,
                put,
                transient=self._passes,
                why="S3 to see that it may invoke the function",
                deadline_s=_PERMISSION_S,
            )
        except ClientError as error:
            raise self._explained(error) from error

    def _passes(self, error: ClientError) -> bool:
        """Whether S3 names only our function, whose permission takes seconds to be seen (S10).

        Or somebody else is changing the bucket at this moment (S4).
        """
        if error_code(error) == "OperationAborted":
            return True
        refused = _refused_targets(error)
        return bool(refused) and all(self._names.function_arn in target for target in refused)

    def _explained(self, error: ClientError) -> Exception:
        refused = [t for t in _refused_targets(error) if self._names.function_arn not in t]
        if not refused:
            return error
        return PipelineError(
            f"S3 refuses the notifications of {self._bucket}.",
            why=f"Another entry, not ours, points at something dead or closed: {refused[0]}.",
            fix="Remove that entry in the bucket's properties, then run `pipeline-ctl up` again.",
        )

    def _refuse_overlap(self, configuration: dict[str, Any]) -> None:
        """Name the entry in our way; S3 only says that there is one (S15)."""
        for entry in (e for kind in KINDS for e in configuration.get(kind, [])):
            if entry.get("Id") != self._id and overlaps(entry):
                raise ForeignResourceError(
                    f"The bucket {self._bucket} already sends uploads elsewhere.",
                    why=f"Its notification '{entry.get('Id')}' covers {UPLOADS_PREFIX} as well, "
                    "and S3 allows one target for each event.",
                    fix="Remove or narrow that notification, or use another --input-bucket.",
                )


def _replaced(configuration: dict[str, Any], entry_id: str, ours: list[Any]) -> dict[str, Any]:
    entries = configuration.get("LambdaFunctionConfigurations", [])
    others = [entry for entry in entries if entry.get("Id") != entry_id]
    return {**configuration, "LambdaFunctionConfigurations": [*others, *ours]}


def filter_value(entry: Mapping[str, Any], name: str) -> str:
    """Return a filter rule's value; S3 returns the names capitalised (S16)."""
    rules = entry.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return next((str(r["Value"]) for r in rules if r["Name"].lower() == name), "")


def overlaps(entry: Mapping[str, Any]) -> bool:
    """Whether an entry shares an event and a key with ours; ours takes any suffix."""
    created = any(event.startswith("s3:ObjectCreated:") for event in entry.get("Events", []))
    prefix = filter_value(entry, "prefix")
    return created and (prefix.startswith(UPLOADS_PREFIX) or UPLOADS_PREFIX.startswith(prefix))


def _refused_targets(error: ClientError) -> list[str]:
    if error_code(error) != "InvalidArgument" or "Unable to validate" not in error_text(error):
        return []
    fields = error.response.get("Error", {})
    return [str(v) for key, v in sorted(fields.items()) if key.startswith("ArgumentName")]

"""Where Lambda reports an upload that failed after its last try: the same topic."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from botocore.exceptions import ClientError

from provision.aws import Aws
from provision.aws_errors import error_code, error_text, found
from provision.names import PIPELINE_TAG, Names
from provision.resource import Known, State

_PERMISSION_S: Final = 120.0


class OnFailure:
    """The on-failure destination of asynchronous invocations; absent with `notify` = none."""

    name = "on-failure"
    needs: tuple[str, ...] = ("function", "role", "topic")

    def __init__(self, aws: Aws, names: Names, *, wanted: bool) -> None:
        self._aws = aws
        self._names = names
        self._wanted = wanted

    def desired(self, known: Known) -> State | None:
        return {"destination": self._names.topic_arn} if self._wanted else None

    def read(self) -> State | None:
        with ThreadPoolExecutor(1) as pool:
            is_ours = pool.submit(self._is_our_function)
            answer = found(
                lambda: self._aws.lambda_.get_function_event_invoke_config(
                    FunctionName=self._names.function
                ),
                "ResourceNotFoundException",
            )
        if answer is None or not is_ours.result():
            return None
        on_failure = answer.get("DestinationConfig", {}).get("OnFailure", {})  # {} if unset (L21)
        return {"id": on_failure.get("Destination"), "destination": on_failure.get("Destination")}

    def apply(self, actual: State | None, known: Known) -> None:
        self._aws.persist(
            self.name,
            lambda: self._aws.lambda_.put_function_event_invoke_config(
                FunctionName=self._names.function,
                DestinationConfig={"OnFailure": {"Destination": self._names.topic_arn}},
            ),
            transient=_too_early,
            why="the role's new permission to publish to reach Lambda",
            deadline_s=_PERMISSION_S,
        )

    def _is_our_function(self) -> bool:
        answer = found(
            lambda: self._aws.lambda_.list_tags(Resource=self._names.function_arn),
            "ResourceNotFoundException",
        )
        return answer is not None and answer["Tags"].get(PIPELINE_TAG) == self._names.pipeline

    def delete(self) -> None:
        found(
            lambda: self._aws.lambda_.delete_function_event_invoke_config(
                FunctionName=self._names.function
            ),
            "ResourceNotFoundException",
        )


def _too_early(error: ClientError) -> bool:
    """Whether IAM's news have not reached Lambda yet (I5), or the function is being made."""
    text = error_text(error)
    return (
        "does not have permissions" in text
        or ("destination ARN" in text and "is invalid" in text)
        or error_code(error) == "ResourceConflictException"
    )

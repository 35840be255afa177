"""Where Lambda reports an upload that failed after its last try: the same topic."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from botocore.exceptions import ClientError

from provision.aws import Aws
from provision.aws_errors import error_code, error_text, found
from provision.names import PIPELINE_TAG, Names
from provision.resource import Known, State

_PERMISSION_S: Final = 120.0
_USUAL: Final = {"retries": 2, "event_age_s": 21_600}  # Lambda's, when nothing is said (L21)


class OnFailure:
    """The on-failure destination of asynchronous invocations; absent with `notify` = none."""

    name = "on-failure"
    needs: tuple[str, ...] = ("function", "role", "topic")

    def __init__(self, aws: Aws, names: Names, *, wanted: bool) -> None:
        self._aws = aws
        self._names = names
        self._wanted = wanted

    def desired(self, known: Known) -> State | None:
        if not self._wanted:
            return None
        return {"destination": self._names.topic_arn, "on_success": None, **_USUAL}

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
        destinations: Mapping[str, Any] = answer.get("DestinationConfig", {})  # {} if unset (L21)
        destination = destinations.get("OnFailure", {}).get("Destination")
        given = {"retries": "MaximumRetryAttempts", "event_age_s": "MaximumEventAgeInSeconds"}
        return {
            "id": destination,
            "destination": destination,
            "on_success": destinations.get("OnSuccess", {}).get("Destination"),
            **_USUAL,
            **{field: answer[key] for field, key in given.items() if answer.get(key) is not None},  # type: ignore[literal-required]
        }

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

"""The statement in the function's policy that lets S3 invoke it, for our bucket and account only.

A bucket's ARN names no account, so without SourceAccount a bucket of the same name made later
by a stranger could invoke the function (L20).
"""

from __future__ import annotations

import json
from typing import Any, Final

from botocore.exceptions import ClientError

from provision.aws import Aws
from provision.aws_errors import error_code, error_text, found
from provision.names import Names
from provision.resource import Known, State

_ACTION: Final = "lambda:InvokeFunction"
_PRINCIPAL: Final = "s3.amazonaws.com"
_CONDITIONS: Final = {"aws:sourcearn", "aws:sourceaccount"}
_READY_S: Final = 120.0


class Permission:
    """Our statement; it is the function's only one that is ours."""

    name = "permission"
    needs: tuple[str, ...] = ("function",)

    def __init__(self, aws: Aws, names: Names, input_bucket: str) -> None:
        self._aws = aws
        self._names = names
        self._source_arn = names.bucket_arn(input_bucket)

    def desired(self, known: Known) -> State:
        return {
            "principal": _PRINCIPAL,
            "action": _ACTION,
            "source_arn": self._source_arn,
            "source_account": self._names.account,
            "other_conditions": [],
        }

    def read(self) -> State | None:
        answer = found(
            lambda: self._aws.lambda_.get_policy(FunctionName=self._names.function),
            "ResourceNotFoundException",
        )
        statements = json.loads(answer["Policy"])["Statement"] if answer else []
        ours = next((s for s in statements if s.get("Sid") == self._names.statement_id), None)
        if ours is None:
            return None
        return {
            "id": self._names.statement_id,
            "principal": _service(ours["Principal"]),
            "action": ours["Action"] if ours["Effect"] == "Allow" else None,
            "source_arn": _condition(ours, "AWS:SourceArn"),
            "source_account": _condition(ours, "AWS:SourceAccount"),
            "other_conditions": _other_conditions(ours),
        }

    def apply(self, actual: State | None, known: Known) -> None:
        if actual is not None:  # a statement cannot be changed (L16)
            self.delete()
        self._aws.persist(
            self.name,
            lambda: self._aws.lambda_.add_permission(
                FunctionName=self._names.function,
                StatementId=self._names.statement_id,
                Action=_ACTION,
                Principal=_PRINCIPAL,
                SourceArn=self._source_arn,
                SourceAccount=self._names.account,
            ),
            transient=_too_early,
            why="Lambda to know its new function",
            deadline_s=_READY_S,
        )

    def delete(self) -> None:
        found(
            lambda: self._aws.lambda_.remove_permission(
                FunctionName=self._names.function, StatementId=self._names.statement_id
            ),
            "ResourceNotFoundException",
        )


def _too_early(error: ClientError) -> bool:
    """Whether the function is too new (L18); a statement that exists already is not (L16)."""
    code = error_code(error)
    conflict = code == "ResourceConflictException" and "already exists" not in error_text(error)
    return conflict or code == "ResourceNotFoundException"


def _service(principal: Any) -> Any:
    return principal.get("Service") if isinstance(principal, dict) else principal


def _other_conditions(statement: dict[str, Any]) -> list[str]:
    keys = {key for values in statement.get("Condition", {}).values() for key in values}
    return sorted(key for key in keys if key.lower() not in _CONDITIONS)


def _condition(statement: dict[str, Any], key: str) -> Any:
    """Return the value of a condition key, whichever operator holds it."""
    for values in statement.get("Condition", {}).values():
        for name, value in values.items():
            if name.lower() == key.lower():
                return value
    return None

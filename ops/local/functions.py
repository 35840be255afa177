"""Finds deployed functions in moto and says what a worker has to know about them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from moto.awslambda.models import lambda_backends
from moto.iam.models import iam_backends

from .runtime.deployment import Archive, Deployment, Logging

if TYPE_CHECKING:
    from .state import State

_ARN = re.compile(
    r"(?:arn:[\w-]+:lambda:(?P<region>[\w-]+):(?P<account>\d{12}):)?"
    r"(?:(?P<other>\d{12}):)?(?:function:)?(?P<name>[\w-]+)(?::(?P<qualifier>[\w$-]+))?"
)


def arn_of(account: str, region: str, name_or_arn: str) -> str:
    """The unqualified ARN for a name, partial ARN or ARN."""
    match = _ARN.fullmatch(name_or_arn)
    if match is None:
        return name_or_arn
    where = match["region"] or region, match["account"] or match["other"] or account
    return f"arn:aws:lambda:{where[0]}:{where[1]}:function:{match['name']}"


def find(arn: str) -> Any | None:
    """Moto's LambdaFunction with this unqualified ARN; None when there is none."""
    parts = arn.split(":")
    if len(parts) < 7 or parts[2] != "lambda":
        return None
    functions = lambda_backends[parts[4]][parts[3]]._lambdas._functions
    entry = functions.get(parts[6])
    return entry["latest"] if entry else None


def get(arn: str) -> Any:
    """Find a function that must exist; raises LookupError."""
    function = find(arn)
    if function is None:
        raise LookupError(arn)
    return function


def find_role(role_arn: str) -> Any | None:
    """The role with this ARN; None when there is none."""
    known = iam_backends[role_arn.split(":")[4]]["aws"].get_roles()
    return next((role for role in known if role.arn == role_arn), None)


def role_id(role_arn: str) -> str | None:
    """The unique id of a role: another one of the same name has another (I12)."""
    role = find_role(role_arn)
    return None if role is None else str(role.id)


def role_is_granted(state: State, arn: str) -> bool:
    """Whether a function's role is the one its configuration was last sent with (I12)."""
    granted = state.function(arn).role_id
    return granted is None or granted == role_id(get(arn).role)


def remember_layers(state: State, arn: str) -> None:
    """Keep the bytes of a function's layers: a deleted version goes on working (L14)."""
    function = find(arn)
    if function is None:
        return
    backend = lambda_backends[function.account_id][function.region]
    known = state.function(arn).layers
    wanted = [layer["Arn"] for layer in function.layers]
    versions = {name: backend.layers_versions_by_arn(name) for name in wanted}
    state.function(arn).layers = {
        name: version.code_bytes if version else known[name]
        for name, version in versions.items()
        if version or name in known
    }


def deployment(state: State, arn: str) -> Deployment | None:
    """A function as it is deployed now; None when it does not exist."""
    function = find(arn)
    if function is None:
        return None
    record = state.function(arn)
    return Deployment(
        key=f"{arn}#{record.generation}#{id(function)}",
        name=function.function_name,
        arn=arn,
        account=function.account_id,
        region=function.region,
        runtime=function.run_time,
        handler=function.handler,
        role_arn=function.role,
        memory_mb=int(function.memory_size),
        timeout_s=int(function.timeout),
        environment=dict(function.environment_vars or {}),
        code=Archive(function.code_sha_256, function.code_bytes),
        layers=tuple(Archive(name, content) for name, content in record.layers.items()),
        logging=logging_of(record.logging, function.function_name),
        reserved_concurrency=function.reserved_concurrency,
    )


def logging_of(config: dict[str, Any], name: str) -> Logging:
    """A function's logging with Lambda's defaults (L32)."""
    group = config.get("LogGroup") or f"/aws/lambda/{name}"
    if config.get("LogFormat", "Text") != "JSON":
        return Logging(group)
    levels = config.get("ApplicationLogLevel", "INFO"), config.get("SystemLogLevel", "INFO")
    return Logging(group, "JSON", *levels)

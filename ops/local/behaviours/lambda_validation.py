"""What Lambda checks before it creates or updates a function (L7 to L15, L29, L37)."""

from __future__ import annotations

import base64
import io
import json
import re
import zipfile
from typing import TYPE_CHECKING

from moto.awslambda.models import lambda_backends

from .. import functions
from ..calls import Call, Refusal
from ..table import Sheet
from .lambda_refusals import arn, conflict, invalid_parameter, missing_function, violation

if TYPE_CHECKING:
    from ..state import State

rows = Sheet()
_WRITES = ("lambda.CreateFunction", "lambda.UpdateFunctionConfiguration")
_UPLOADS = ("lambda.CreateFunction", "lambda.UpdateFunctionCode")
_MAX_ZIPPED = 52_428_800
_MAX_UNZIPPED = 262_144_000
_MAX_REQUEST = 70_167_211
_MAX_ENVIRONMENT = 4096
_RUNTIMES = (
    "nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, "
    "java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, "
    "java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2"
)
_DEPRECATED = {"python2.7", "python3.6", "python3.7", "nodejs12.x", "nodejs14.x", "provided"}
_LAYER_ARN = re.compile(
    r"arn:aws[\w-]*:lambda:(?P<region>[\w-]+):\d{12}:layer:(?P<name>[\w-]+):\d+"
)


@rows.refuses("L15", "lambda.CreateFunction")
def name(state: State, call: Call) -> Refusal | None:
    """Refuse names that only fit an ARN."""
    bare = call.get("FunctionName", "")
    if bare.startswith("arn:") or len(bare) <= 64:
        return None
    constraint = "Member must have length less than or equal to 64"
    return violation(bare, "functionName", constraint)


@rows.refuses("L37", *_WRITES)
def limits(state: State, call: Call) -> Refusal | None:
    """Refuse a memory or timeout beyond an event function's, whatever the model says."""
    for field, least, most in (("MemorySize", 128, 10_240), ("Timeout", 1, 900)):
        value = call.get(field)
        if value is None or least <= value <= most:
            continue
        bound = (
            f"greater than or equal to {least}"
            if value < least
            else f"less than or equal to {most}"
        )
        return violation(value, field[0].lower() + field[1:], f"Member must have value {bound}")
    return None


@rows.refuses("L29", *_WRITES)
def runtime(state: State, call: Call) -> Refusal | None:
    """Refuse runtimes that were withdrawn or never existed."""
    runtime = call.get("Runtime")
    if runtime is None or runtime in _RUNTIMES.split(", "):
        return None
    if runtime in _DEPRECATED:
        return invalid_parameter(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating "
            "AWS Lambda functions. We recommend you use a supported runtime while creating or "
            "updating functions."
        )
    return invalid_parameter(
        f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
        f"value set: [{_RUNTIMES}] or be a valid ARN"
    )


@rows.refuses("L12", *_WRITES)
def environment(state: State, call: Call) -> Refusal | None:
    """Refuse more than 4 KB of environment."""
    variables = (call.get("Environment") or {}).get("Variables", {})
    measured = json.dumps(variables, separators=(",", ":"))
    if len(measured.encode()) <= _MAX_ENVIRONMENT:
        return None
    return invalid_parameter(
        "Lambda was unable to configure your environment variables because the environment "
        f"variables you have provided exceeded the 4KB limit. String measured: {measured}"
    )


@rows.refuses("L11", *_UPLOADS)
def code(state: State, call: Call) -> Refusal | None:
    """Refuse zips that are broken or too large."""
    content = uploaded_zip(call)
    if content is None:
        return None
    if len(content) * 4 / 3 > _MAX_REQUEST:
        text = (
            f"Request must be smaller than {_MAX_REQUEST} bytes for the {call.operation} operation"
        )
        return Refusal("RequestEntityTooLargeException", text, 413)
    if len(content) >= _MAX_ZIPPED:
        text = f"Zipped size must be smaller than {_MAX_ZIPPED} bytes"
        return Refusal("RequestEntityTooLargeException", text, 413)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unzipped = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile:
        text = "Could not unzip uploaded file. Please check your file, then try to upload again."
        return invalid_parameter(text)
    if unzipped + _layers_size(call) >= _MAX_UNZIPPED:
        return invalid_parameter(f"Unzipped size must be smaller than {_MAX_UNZIPPED} bytes")
    return None


@rows.refuses("L13", *_WRITES)
def layers(state: State, call: Call) -> Refusal | None:
    """Refuse layers that are absent, too many, elsewhere, or twice the same."""
    wanted = call.get("Layers", [])
    if len(wanted) > 5:
        return invalid_parameter("Cannot reference more than 5 layers.")
    seen: dict[str, str] = {}
    for version in wanted:
        match = _LAYER_ARN.fullmatch(version)
        if match is None:
            return violation(f"[{', '.join(wanted)}]", "layers", _LAYER_CONSTRAINT)
        if match["region"] != call.region:
            return invalid_parameter(
                "Layers are not in the same region as the function. Layers are expected to be in "
                f"region {call.region}."
            )
        if lambda_backends[call.account][call.region].layers_versions_by_arn(version) is None:
            return invalid_parameter(f"Layer version {version} does not exist.")
        if match["name"] in seen:
            return _same_layer_twice(seen[match["name"]], version)
        seen[match["name"]] = version
    return None


@rows.refuses("L7", "lambda.CreateFunction")
def exists(state: State, call: Call) -> Refusal | None:
    """Refuse a name that is taken."""
    if functions.find(arn(call)) is None:
        return None
    return conflict(f"Function already exist: {call.get('FunctionName')}")


@rows.refuses("L28", "lambda.UpdateFunctionCode", "lambda.UpdateFunctionConfiguration")
def absent(state: State, call: Call) -> Refusal | None:
    """Refuse to update what does not exist."""
    return missing_function(call)


@rows.refuses("L9", "lambda.UpdateFunctionCode", "lambda.UpdateFunctionConfiguration")
def revision(state: State, call: Call) -> Refusal | None:
    """Refuse an update made for another revision."""
    wanted = call.get("RevisionId")
    if wanted is None or wanted == state.function(arn(call)).revision_id:
        return None
    return Refusal(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the "
        "GetFunction/GetAlias API to retrieve the latest Revision Id",
        412,
    )


@rows.refuses("L11", "lambda.CreateFunction", "lambda.TagResource")
def tags(state: State, call: Call) -> Refusal | None:
    """Refuse more than fifty tags."""
    tags: dict[str, str] = dict(call.get("Tags", {}))
    function = functions.find(
        functions.arn_of(call.account, call.region, call.get("Resource", "-"))
    )
    if function is not None:
        tags = {**function.tags, **tags}
    return (
        invalid_parameter("Number of tags exceeds resource tag limit.") if len(tags) > 50 else None
    )


def uploaded_zip(call: Call) -> bytes | None:
    """The zip in a call; None when the code comes from S3."""
    content = (call.get("Code") or call.params).get("ZipFile")
    if isinstance(content, str):
        return base64.b64decode(content)
    return bytes(content) if content is not None else None


_LAYER_CONSTRAINT = (
    "Member must satisfy constraint: [Member must have length less than or equal to 2048, Member "
    "must have length greater than or equal to 1, Member must satisfy regular expression pattern: "
    "(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:\\d{12}:"
    "layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+), Member "
    "must not be null]"
)


def _same_layer_twice(first: str, second: str) -> Refusal:
    return invalid_parameter(
        "Two different versions of the same layer are not allowed to be referenced in the same "
        f"function. {first} and {second} are versions of the same layer."
    )


def _layers_size(call: Call) -> int:
    backend = lambda_backends[call.account][call.region]
    names = call.get("Layers")
    if names is None:
        function = functions.find(arn(call))
        names = [layer["Arn"] for layer in function.layers] if function else []
    versions = [backend.layers_versions_by_arn(layer) for layer in names]
    total = 0
    for version in filter(None, versions):
        with zipfile.ZipFile(io.BytesIO(version.code_bytes)) as archive:
            total += sum(entry.file_size for entry in archive.infolist())
    return total

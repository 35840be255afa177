"""HTTP in, HTTP out: turns requests into calls, and results and refusals into answers.

Uses moto's routers, parsers and serialisers, which follow botocore's service models, so that
every protocol (S3's XML, query, JSON, REST JSON) is handled alike. Decides nothing.
"""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from moto.iam.models import get_account_id_from
from werkzeug.exceptions import NotFound

from .calls import Call, Refusal

# The services whose calls are decoded; calls to others go straight to moto.
SERVICES = {
    "cloudwatch": "cloudwatch",
    "iam": "iam",
    "lambda": "lambda",
    "logs": "logs",
    "monitoring": "cloudwatch",
    "s3": "s3",
    "sns": "sns",
    "sqs": "sqs",
    "sts": "sts",
    "tagging": "resourcegroupstaggingapi",
}
# Their bodies are objects of up to 5 GB: never read them here.
_STREAMED = {("s3", "PutObject"), ("s3", "UploadPart"), ("s3", "PostObject")}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, `body` as WSGI wants it."""

    status: int
    headers: list[tuple[str, str]]
    body: Iterable[bytes]


@dataclass(frozen=True)
class Signature:
    """Who signed a request, for which service and region; empty when nobody did."""

    access_key: str = ""
    region: str = "us-east-1"
    service: str = "s3"


def signature(environ: dict[str, Any]) -> Signature:
    """Reads the credential scope of a signed or presigned request."""
    scope = ""
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    if "Credential=" in authorization:
        scope = authorization.partition("Credential=")[2].partition(",")[0]
    elif "X-Amz-Credential=" in environ.get("QUERY_STRING", ""):
        scope = parse_qs(environ["QUERY_STRING"])["X-Amz-Credential"][0]
    parts = scope.strip().split("/")
    if len(parts) != 5:
        return Signature()
    return Signature(access_key=parts[0], region=parts[2], service=parts[3])


def decode(environ: dict[str, Any]) -> Call | None:
    """The call in a WSGI request; None when it is none of the decoded services.

    The body is read and put back, so that moto can read it again.
    """
    signed = signature(environ)
    service = SERVICES.get(signed.service.lower())
    if service is None:
        return None
    operation, uri_params = _route(service, environ)
    if operation is None:
        return None
    protocol = _protocol(operation, environ)
    return Call(
        service=service,
        operation=operation.name,
        params=_params(service, operation, protocol, uri_params, environ),
        region="us-east-1" if signed.region == "aws-global" else signed.region,
        account=get_account_id_from(signed.access_key),
        access_key=signed.access_key,
        source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
        request_id=str(uuid.uuid4()),
        protocol=protocol,
        trace_id=environ.get("HTTP_X_AMZN_TRACE_ID", ""),
    )


def _route(service: str, environ: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    if _is_query(environ):
        _keep_body(environ)
    try:
        operation, uri_params = get_service_router(service).match(Request(environ))
    except (NotFound, NotImplementedError):
        return None, {}
    finally:
        _rewind(environ)
    return operation, uri_params


def _protocol(operation: Any, environ: dict[str, Any]) -> str:
    content_type = environ.get("CONTENT_TYPE", "")
    return determine_request_protocol(operation.service_model, content_type)


def _params(
    service: str,
    operation: Any,
    protocol: str,
    uri_params: dict[str, Any],
    environ: dict[str, Any],
) -> dict[str, Any]:
    body = b""
    if (service, operation.name) not in _STREAMED:
        body = _keep_body(environ)
    request = Request(environ)
    parsed = PROTOCOL_PARSERS[protocol](operation).parse(
        {
            "body": body,
            "headers": request.headers,
            "method": request.method,
            "url_params": uri_params,
            "url_path": request.path,
            "values": request.values,
        }
    )
    _rewind(environ)
    return parsed or {}


def _is_query(environ: dict[str, Any]) -> bool:
    content_type = str(environ.get("CONTENT_TYPE", ""))
    return content_type.startswith("application/x-www-form-urlencoded")


def _keep_body(environ: dict[str, Any]) -> bytes:
    stream = environ["wsgi.input"]
    if not isinstance(stream, io.BytesIO):
        length = environ.get("CONTENT_LENGTH")
        if environ.get("wsgi.input_terminated"):
            body = stream.read()
        else:
            body = stream.read(int(length)) if length else b""
        environ["wsgi.input"] = stream = io.BytesIO(body)
    return bytes(stream.getvalue())


def _rewind(environ: dict[str, Any]) -> None:
    if isinstance(environ["wsgi.input"], io.BytesIO):
        environ["wsgi.input"].seek(0)


@cache
def _model(service: str, operation: str) -> Any:
    return get_service_model(service).operation_model(operation)


def encode_result(call: Call, result: dict[str, Any]) -> Answer:
    """The HTTP answer that carries `result`, a botocore-shaped dict."""
    model = _model(call.service, call.operation)
    serializer = get_serializer_class(call.service, call.protocol)
    response = serializer(model, SerializationContext(call.request_id)).serialize(result)
    body = response["body"]
    data = body.encode() if isinstance(body, str) else body
    headers = [(name, str(value)) for name, value in response["headers"].items()]
    status = _modelled_status(model, result) or int(response["status_code"])
    return _answer(call, status, headers, data)


def _modelled_status(model: Any, result: dict[str, Any]) -> int | None:
    """The status that is a field of the result, as Lambda's Invoke has it."""
    members = model.output_shape.members if model.output_shape else {}
    for name, shape in members.items():
        if shape.serialization.get("location") == "statusCode":
            return result.get(name)
    return None


def decode_result(call: Call, answer: Answer) -> dict[str, Any]:
    """What a client would read from `answer`: the result without its metadata."""
    model = _model(call.service, call.operation)
    parser = create_parser(call.protocol)
    parsed: dict[str, Any] = parser.parse(
        {
            "body": b"".join(answer.body),
            "headers": HeadersDict(answer.headers),
            "status_code": answer.status,
        },
        model.output_shape,
    )
    parsed.pop("ResponseMetadata", None)
    return parsed


def decode_refusal(call: Call, answer: Answer) -> Refusal:
    """The error that moto answered with."""
    parsed = create_parser(call.protocol).parse(
        {
            "body": b"".join(answer.body),
            "headers": HeadersDict(answer.headers),
            "status_code": answer.status,
        },
        _model(call.service, call.operation).output_shape,
    )
    error = dict(parsed.get("Error", {}))
    code, text = str(error.pop("Code", "")), str(error.pop("Message", ""))
    extra = {name: value for name, value in error.items() if name not in ("Type", "message")}
    return Refusal(code, text, answer.status, extra)


def encode_refusal(call: Call, refusal: Refusal) -> Answer:
    """The HTTP answer that carries an error in the call's protocol."""
    write = _ERROR_WRITERS[call.protocol]
    content_type, headers, body = write(call, refusal)
    headers = [("Content-Type", content_type), *headers]
    if call.service == "s3" and call.operation.startswith("Head"):
        body = ""  # S3 answers a failed HEAD with nothing but the status (S23)
    return _answer(call, refusal.status, headers, body.encode())


def _answer(call: Call, status: int, headers: list[tuple[str, str]], data: bytes) -> Answer:
    identity = "x-amz-request-id" if call.service == "s3" else "x-amzn-RequestId"
    kept = [(k, v) for k, v in headers if k.lower() not in ("content-length", identity.lower())]
    kept += [(identity, call.request_id), ("Content-Length", str(len(data)))]
    return Answer(status, kept, [data])


def _s3_error(call: Call, refusal: Refusal) -> tuple[str, list[tuple[str, str]], str]:
    fields = {"Code": refusal.code, "Message": refusal.text, **refusal.extra}
    fields |= {"RequestId": call.request_id, "HostId": "local"}
    inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in fields.items())
    return "application/xml", [], f'<?xml version="1.0" encoding="UTF-8"?><Error>{inner}</Error>'


def _query_error(call: Call, refusal: Refusal) -> tuple[str, list[tuple[str, str]], str]:
    fields = f"<Code>{refusal.code}</Code><Message>{escape(refusal.text)}</Message>"
    body = (
        f"<ErrorResponse><Error><Type>Sender</Type>{fields}</Error>"
        f"<RequestId>{call.request_id}</RequestId></ErrorResponse>"
    )
    return "text/xml", [], body


def _json_error(call: Call, refusal: Refusal) -> tuple[str, list[tuple[str, str]], str]:
    body = {"__type": refusal.code, "message": refusal.text, **refusal.extra}
    return "application/x-amz-json-1.1", [], json.dumps(body)


def _rest_json_error(call: Call, refusal: Refusal) -> tuple[str, list[tuple[str, str]], str]:
    """Lambda spells the text as its model does, and tells the type of modelled errors only."""
    service = _model(call.service, call.operation).service_model
    shape = service.shape_for_error_code(refusal.code)
    spelling = "Message" if shape is not None and "Message" in shape.members else "message"
    body: dict[str, Any] = {spelling: refusal.text, **refusal.extra}
    if shape is not None and "Type" in shape.members:
        body.setdefault("Type", "User")
    return "application/json", [("x-amzn-ErrorType", refusal.code)], json.dumps(body)


_ERROR_WRITERS = {
    "rest-xml": _s3_error,
    "query": _query_error,
    "json": _json_error,
    "rest-json": _rest_json_error,
}

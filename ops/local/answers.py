"""HTTP answers: from results and refusals, and from moto's answers back to them.

Follows botocore's service models, so that every protocol (S3's XML, query, JSON, REST JSON)
is handled alike. Decides nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model

from .calls import Call, Refusal


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, `body` as WSGI wants it."""

    status: int
    headers: list[tuple[str, str]]
    body: Iterable[bytes]


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
    # SDKs learn the right region from this header, also of a HEAD without a body (S28).
    headers = [("x-amz-bucket-region", refusal.extra["Region"])] if "Region" in fields else []
    return (
        "application/xml",
        headers,
        f'<?xml version="1.0" encoding="UTF-8"?><Error>{inner}</Error>',
    )


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

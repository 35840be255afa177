"""HTTP requests, decoded into calls.

Uses moto's routers and parsers, which follow botocore's service models, so that every protocol
is handled alike. Decides nothing.
"""

from __future__ import annotations

import io
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.iam.models import get_account_id_from
from werkzeug.exceptions import NotFound

from .calls import Call

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
class Signature:
    """Who signed a request, for which service and region; empty when nobody did."""

    access_key: str = ""
    region: str = "us-east-1"
    service: str = "s3"


def signature(environ: dict[str, Any]) -> Signature:
    """Read the credential scope of a signed or presigned request."""
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

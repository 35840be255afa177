"""Stands in for awslambdaric's C extension of the same name, on any Python and platform.

Runs inside the function's process, first on its path. Speaks the Runtime API over one
kept connection.
"""

from __future__ import annotations

import http.client
import os
from typing import Any

_API = "/2018-06-01/runtime/invocation"
_DEADLINE = "Lambda-Runtime-Deadline-Ms"
_connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def initialize_client(user_agent: str) -> None:
    """Nothing to set up: the connection opens with the first request."""


def next() -> tuple[bytes, dict[str, Any]]:  # noqa: A001 - the extension's name
    """Wait for the next invocation: its event and the Lambda-Runtime headers.

    As with the extension, the deadline is a number: the context subtracts the clock from it.
    """
    _connection.request("GET", f"{_API}/next")
    response = _connection.getresponse()
    headers: dict[str, Any] = dict(response.headers)
    headers[_DEADLINE] = int(headers[_DEADLINE])
    return response.read(), headers


def post_invocation_result(
    request_id: str, body: bytes, content_type: str, invocation_id: str | None = None
) -> None:
    """Hand back what the handler returned."""
    _post(f"{request_id}/response", body, {"Content-Type": content_type})


def post_error(
    request_id: str, body: str, xray_fault: str, invocation_id: str | None = None
) -> None:
    """Hand back the exception that the handler raised, as JSON."""
    _post(f"{request_id}/error", body.encode(), {"Content-Type": "application/json"})


def _post(path: str, body: bytes, headers: dict[str, str]) -> None:
    _connection.request("POST", f"{_API}/{path}", body, headers)
    _connection.getresponse().read()

"""One AWS call as the local AWS sees it, and how a row of the table refuses it.

A `Call` is what any client asked for, whatever the protocol it used: service, operation,
botocore-shaped parameters, region, account and caller. It knows nothing of HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Refusal:
    """An error answer: AWS's code, text and HTTP status, and fields beside them."""

    code: str
    text: str
    status: int = 400
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """One request, decoded."""

    service: str
    operation: str
    params: dict[str, Any]
    region: str
    account: str
    access_key: str
    source_ip: str
    request_id: str
    protocol: str
    trace_id: str = ""
    partition: str = "aws"

    @property
    def action(self) -> str:
        """The name rows use: `s3.CreateBucket`."""
        return f"{self.service}.{self.operation}"

    def get(self, name: str, default: Any = None) -> Any:
        """One parameter, or `default` when the client left it out."""
        value = self.params.get(name)
        return default if value is None else value


_current: ContextVar[Call | None] = ContextVar("current_call", default=None)


@contextmanager
def being_answered(call: Call) -> Iterator[None]:
    """Make `call` the one that `current_call` returns in this thread."""
    token = _current.set(call)
    try:
        yield
    finally:
        _current.reset(token)


def current_call() -> Call | None:
    """The call this thread is answering; None outside of one."""
    return _current.get()

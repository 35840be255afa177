"""The local AWS's own endpoints under `/_pipeline/`: what it is, its mail, its state."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from provision import interpreter

from .state import ACCOUNT, REGION

if TYPE_CHECKING:
    from .state import State

PREFIX = "/_pipeline/"
_VERSION = 1
_COUNTS = (
    "invocations",
    "errors",
    "retries",
    "throttles",
    "given_up",
    "dropped",
    "recursions_stopped",
    "undelivered_events",
    "undelivered_records",
)

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Control:
    """Answers what is its own and passes everything else on."""

    def __init__(self, application: Application, state: State) -> None:
        self._application = application
        self._state = state
        self._routes: dict[tuple[str, str], Callable[[dict[str, Any]], dict[str, Any]]] = {
            ("GET", "info"): self._info,
            ("GET", "inbox"): self._inbox,
            ("GET", "status"): self._status,
            ("POST", "confirm"): self._confirm,
        }

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX):
            return self._application(environ, start_response)
        route = self._routes.get((environ["REQUEST_METHOD"], path.removeprefix(PREFIX)))
        if route is None:
            start_response("404 Not Found", [("Content-Type", "application/json")])
            return [b'{"error": "no such endpoint"}']
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(route(_body(environ)), default=str).encode()]

    def _info(self, _: dict[str, Any]) -> dict[str, Any]:
        return {
            "local": True,
            "version": _VERSION,
            "account": ACCOUNT,
            "region": REGION,
            "runtime": interpreter.default_runtime(),
            "architecture": interpreter.architecture(),
            "behave": self._state.settings.behave,
            "time_scale": self._state.settings.time_scale,
        }

    def _inbox(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"messages": self._state.mailbox.messages()}

    def _confirm(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"confirmed": self._state.mailbox.confirm_address(body.get("email"))}

    def _status(self, _: dict[str, Any]) -> dict[str, Any]:
        pool = self._state.invocations.pool
        counts = self._state.counts
        return {
            "queued": self._state.invocations.queued,
            "workers": {"limit": pool.slots, "busy": len(pool.busy), "idle": len(pool.idle)},
            "counts": {name: counts[name] for name in _COUNTS},
        }


def _body(environ: dict[str, Any]) -> dict[str, Any]:
    data = environ["wsgi.input"].read()
    parsed: dict[str, Any] = json.loads(data) if data else {}
    return parsed

"""The one place where rows apply: a WSGI application in front of moto's.

A decoded call is delayed, authorised, refused, answered and rewritten, in that order. What
cannot be decoded goes to moto as it is.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from . import answers, authorization, decoding
from .answers import Answer
from .calls import Call, Refusal, being_answered
from .state import State

_log = logging.getLogger(__name__)
Start = Callable[..., Any]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]


class Gate:
    """Wraps moto's application with the table of behaviours."""

    def __init__(self, moto: Application, state: State) -> None:
        self._moto = moto
        self._state = state

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        call = decoding.decode(environ)
        if call is None:
            return self._moto(environ, start_response)
        with being_answered(call), self._state.propagation.under_way(call):
            answer = self._answer(call, environ)
        start_response(_status_line(answer.status), answer.headers)
        return answer.body

    def _answer(self, call: Call, environ: dict[str, Any]) -> Answer:
        self._state.propagation.delay(self._state, call)
        refusal = authorization.refuse(self._state, call) or self._refusal(call)
        if refusal is not None:
            _drain(environ)
            return answers.encode_refusal(call, refusal)
        result = self._own_result(call)
        if isinstance(result, Refusal):
            return answers.encode_refusal(call, result)
        if result is not None:
            return self._finished(call, answers.encode_result(call, result))
        answer = self._ask_moto(call, environ)
        if answer.status >= 400:
            return self._mended(call, answer)
        return self._finished(call, answer)

    def _refusal(self, call: Call) -> Refusal | None:
        for row in self._state.table.matching("refuses", call.action):
            refusal: Refusal | None = row.apply(self._state, call)
            if refusal is not None:
                return refusal
        return None

    def _own_result(self, call: Call) -> dict[str, Any] | Refusal | None:
        for row in self._state.table.matching("answers", call.action):
            result: dict[str, Any] | Refusal | None = row.apply(self._state, call)
            if result is not None:
                return result
        return None

    def _finished(self, call: Call, answer: Answer) -> Answer:
        for row in self._state.table.matching("follows", call.action):
            row.apply(self._state, call)
        rows = self._state.table.matching("rewrites", call.action)
        if not rows:
            return answer
        result = answers.decode_result(call, answer)
        for row in rows:
            row.apply(self._state, call, result)
        return answers.encode_result(call, result)

    def _mended(self, call: Call, answer: Answer) -> Answer:
        refusal = answers.decode_refusal(call, answer)
        for row in self._state.table.matching("mends", call.action):
            mended: dict[str, Any] | Refusal | None = row.apply(self._state, call, refusal)
            if isinstance(mended, Refusal):
                return answers.encode_refusal(call, mended)
            if mended is not None:
                return answers.encode_result(call, mended)
        return answers.encode_refusal(call, refusal)

    def _ask_moto(self, call: Call, environ: dict[str, Any]) -> Answer:
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            started[:] = [int(status.split(" ", 1)[0]), headers]

        try:
            body = self._moto(_routable(environ), start_response)
            return Answer(started[0], started[1], body)
        except Exception:
            # moto lets its own mistakes through; AWS would call them an internal error.
            _log.exception("moto failed to answer %s", call.action)
            refusal = Refusal("InternalError", "We encountered an internal error.", 500)
            return answers.encode_refusal(call, refusal)


def _routable(environ: dict[str, Any]) -> dict[str, Any]:
    """Return what moto's routes match: they stop at a line's end, which keys may hold.

    The key itself is taken from the address as it came.
    """
    path = environ.get("PATH_INFO", "").replace("\n", "%0A").replace("\r", "%0D")
    return {**environ, "PATH_INFO": path}


def _drain(environ: dict[str, Any]) -> None:
    """Read what a refused client still sends, so that the connection can be kept."""
    stream = environ["wsgi.input"]
    if not isinstance(stream, io.BytesIO):
        stream.read(int(environ.get("CONTENT_LENGTH") or 0))


def _status_line(status: int) -> str:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Status"
    return f"{status} {phrase}"

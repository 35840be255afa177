"""Serves a WSGI application on 127.0.0.1 with kept connections.

werkzeug's own development server closes every connection and waits 10 ms before it does;
SDKs make hundreds of calls over one connection.
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

_log = logging.getLogger(__name__)
_BODILESS = {"204", "304"}
_DRAIN_CHUNK = 1 << 20

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class HttpServer:
    """A server thread; `port` 0 takes a free one."""

    def __init__(self, application: Application, port: int = 0) -> None:
        self._server = _Server("127.0.0.1", port, application, _Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="http-server", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.port}"

    def close(self) -> None:
        """Stop listening; answers already begun are finished by their own threads."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadedWSGIServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256  # a burst of uploads connects at once


class _Body(io.RawIOBase):
    """A request body that ends where Content-Length says."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream = stream
        self._left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(min(len(buffer), self._left))
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)


class _Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def run_wsgi(self) -> None:
        """Answer one request and leaves the connection ready for the next."""
        environ = self.make_environ()
        if not environ.get("wsgi.input_terminated"):
            length = int(environ.get("CONTENT_LENGTH") or 0)
            environ["wsgi.input"] = io.BufferedReader(_Body(self.rfile, length))
        body = environ["wsgi.input"]
        head: list[Any] = ["500 Internal Server Error", []]

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
            head[:] = [status, headers]

        try:
            data = b"".join(self.server.app(environ, start_response))
        except Exception:
            _log.exception("%s %s failed", self.command, self.path)
            head, data = ["500 Internal Server Error", []], b""
        while body.read(_DRAIN_CHUNK):
            continue  # what nobody read would be taken for the next request
        self._send(head[0], head[1], data)

    def handle_expect_100(self) -> bool:
        """Asks for the body at once; unflushed, SDKs wait a second before they send it."""
        self.send_response_only(100)
        self.end_headers()
        self.wfile.flush()
        return True

    def _send(self, status: str, headers: list[tuple[str, str]], data: bytes) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        named = {name.lower() for name, _ in headers}
        for name, value in headers:
            self.send_header(name, value)
        if "content-length" not in named and code not in _BODILESS:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD" and code not in _BODILESS:
            self.wfile.write(data)
        self.wfile.flush()

    def log_request(self, *args: Any) -> None:
        """Say nothing of single requests."""

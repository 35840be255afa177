"""The Runtime API of one worker: hands out invocations, takes in what became of them.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, SimpleQueue
from typing import Literal

_PREFIX = "/2018-06-01/runtime/"


@dataclass(frozen=True)
class Event:
    """One invocation as the runtime gets it; `deadline_ms` is Unix time."""

    request_id: str
    payload: bytes
    function_arn: str
    deadline_ms: int
    trace_id: str


@dataclass(frozen=True)
class Message:
    """What the runtime said: it asks for work, answers, or failed."""

    kind: Literal["ready", "response", "error", "init-error"]
    payload: bytes = b""


class RuntimeApi:
    """Listens on a port of its own until closed."""

    def __init__(self) -> None:
        self.events: SimpleQueue[Event | None] = SimpleQueue()
        self.messages: SimpleQueue[Message] = SimpleQueue()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="runtime-api", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """`host:port`, the value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def receive(self, timeout_s: float) -> Message | None:
        """The next message of the runtime; None after `timeout_s` without one."""
        try:
            return self.messages.get(timeout=timeout_s)
        except Empty:
            return None

    def close(self) -> None:
        """Stop listening and lets a waiting runtime go."""
        self.events.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    api: RuntimeApi


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        api = self.server.api
        api.messages.put(Message("ready"))
        event = api.events.get()
        if event is None:
            self.close_connection = True
            return
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": event.request_id,
            "Lambda-Runtime-Deadline-Ms": str(event.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": event.function_arn,
            "Lambda-Runtime-Trace-Id": event.trace_id,
        }
        self._reply(200, event.payload, headers)

    def do_POST(self) -> None:
        payload = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.removeprefix(_PREFIX)
        if path == "init/error":
            self.server.api.messages.put(Message("init-error", payload))
        elif path.endswith("/response"):
            self.server.api.messages.put(Message("response", payload))
        else:
            self.server.api.messages.put(Message("error", payload))
        self._reply(202, b'{"status":"OK"}', {"Content-Type": "application/json"})

    def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - inherited name
        """Say nothing: the daemon's log is for what concerns the user."""

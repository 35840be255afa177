"""The function as small as Lambda runs it: 256 MB and 0.145 of a processor, held by cgroups.

`python -m tests.bench.images_lambda` prints, for JPEGs of 2 to 108 megapixels, the seconds of the
first and of later invocations and the most memory. The handler is the real one with its real
clients; S3 and SNS are a small HTTP server outside of the limits. As on Lambda, imports run before
the processor is cut down. It needs Linux with cgroups (v1 or v2), root, and the photographs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from urllib.parse import unquote

from tests.bench.images import CACHE
from tests.bench.images_corpus import Case, corpus

MEMORY_MB = 256
PERIOD_US, QUOTA_US = 20_000, 2_900  # 256 / 1769 of a processor (L37)
LATER = 3
CGROUPS = Path("/sys/fs/cgroup")
FUNCTION = Path(__file__).parents[2] / "function"

# Joins the limits after its imports, then times an invocation for each key on standard input.
RUNNER = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import journal, lambda_function

class Context:
    def __init__(self): self.end = time.monotonic() + 30
    def get_remaining_time_in_millis(self): return int((self.end - time.monotonic()) * 1000)

for group in sys.argv[2:]:
    Path(group).write_text("0")
for line in sys.stdin:
    entity = {"bucket": {"name": "inputs"}, "object": {"key": line.strip(), "size": 1}}
    began = time.monotonic()
    lambda_function.lambda_handler({"Records": [{"s3": entity}]}, Context())
    print(json.dumps([time.monotonic() - began, journal.max_memory_mb()]), flush=True)
"""


class Aws(BaseHTTPRequestHandler):
    """Answers GetObject with a file of the corpus, and takes whatever is put or published."""

    protocol_version = "HTTP/1.1"
    files: dict[str, Path]

    def do_GET(self) -> None:
        """GetObject; with If-None-Match the object is always unchanged."""
        if self.headers.get("If-None-Match"):
            return self._answer(304, b"")
        return self._answer(200, self.files[unquote(self.path).rsplit("/", 1)[-1]].read_bytes())

    def do_PUT(self) -> None:
        """PutObject."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, b"")

    def do_POST(self) -> None:
        """Publish."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(200, b"<PublishResponse><PublishResult/></PublishResponse>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"etag"')
        self.end_headers()
        self.wfile.write(body)


def limits() -> list[Path]:
    """Make the cgroups and return the files by which a process joins them."""
    name = f"pipeline-ctl-{os.getpid()}"
    if (CGROUPS / "cgroup.controllers").exists():
        group = CGROUPS / name
        group.mkdir()
        (group / "cpu.max").write_text(f"{QUOTA_US} {PERIOD_US}")
        (group / "memory.max").write_text(f"{MEMORY_MB}M")
        return [group / "cgroup.procs"]
    cpu, memory = CGROUPS / "cpu" / name, CGROUPS / "memory" / name
    cpu.mkdir()
    memory.mkdir()
    (cpu / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (cpu / "cpu.cfs_quota_us").write_text(str(QUOTA_US))
    (memory / "memory.limit_in_bytes").write_text(f"{MEMORY_MB}M")
    return [cpu / "cgroup.procs", memory / "cgroup.procs"]


def invoke(case: Case, port: int, groups: list[Path]) -> list[tuple[float, int]]:
    """Return the seconds and the memory of a cold and some warm invocations."""
    environment = os.environ | {
        "OUTPUT_BUCKET": "outputs",
        "SNS_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:topic",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB),
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUNNER, FUNCTION, *groups],
        input=f"uploads/{case.name}\n" * (1 + LATER),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [tuple(json.loads(line)) for line in process.stdout.splitlines()]


def main() -> int:
    """Print one line a file."""
    folder = CACHE / "corpus"
    folder.mkdir(parents=True, exist_ok=True)
    cases = [case for case in corpus(folder) if case.family == "JPEG"]
    if not cases or os.geteuid() != 0 or not CGROUPS.exists():
        print("This needs the photographs, root and cgroups.", file=sys.stderr)
        return 1
    Aws.files = {case.name: case.path for case in cases}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Aws)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    groups = limits()
    for case in cases:
        (cold, _), *later = invoke(case, server.server_port, groups)
        warm = median(seconds for seconds, _ in later)
        peak_mb = max(memory for _, memory in later)
        print(f"{case.name:28} cold {cold:6.2f} s  warm {warm:6.2f} s  {peak_mb} MB")
    server.shutdown()
    for group in groups:
        group.parent.rmdir()
    return 0


if __name__ == "__main__":
    sys.exit(main())

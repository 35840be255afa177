"""The function as small as Lambda runs it: 256 MB and 0.145 of a processor, held by cgroups.

`python -m tests.bench.images_lambda [FORMAT...]` prints, for JPEGs of 2 to 108 megapixels, the
seconds of the first invocation (with and without its imports) and of later ones, and the most
memory. Then, for each format, the same for a photograph that is about as large as the memory
allows, and how many megapixels 30 seconds would do. It runs the deployed zip and layer in AWS's
runtime client; S3 and SNS are a small HTTP server outside of the limits. As on Lambda, the imports
have a whole processor. It needs Linux with cgroups (v1 or v2), root, and the photographs.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import unquote

from PIL import Image

from ops.local.runtime.deployment import Archive, Deployment, Logging
from ops.local.runtime.outcome import LogLine, Outcome
from ops.local.runtime.sandbox import Credentials, Sandboxes
from ops.local.runtime.worker import Request, Worker
from provision import interpreter, package
from provision.pillow_layer import Target
from tests.bench.images import CACHE
from tests.bench.images_corpus import PHOTOS, corpus

MEMORY_MB, TIMEOUT_S = 256, 30
PERIOD_US, QUOTA_US = 20_000, 2_900  # 256 / 1769 of a processor (L37)
PATIENCE_S = 300  # so that what is too slow for TIMEOUT_S can be measured
LATER = 3
CGROUPS = Path("/sys/fs/cgroup")

# About what MEMORY_MB holds, in megapixels, and how Pillow writes it.
LARGEST: dict[str, tuple[float, dict[str, Any]]] = {
    "baseline.jpg": (280, {"quality": 85}),
    "progressive.jpg": (61, {"quality": 85, "progressive": True}),
    "progressive-444.jpg": (31, {"quality": 85, "progressive": True, "subsampling": 0}),
    "rgb.png": (190, {"compress_level": 1}),
    "lossy.webp": (16.5, {"method": 0}),
    "lossless.webp": (13.5, {"method": 0, "lossless": True, "quality": 0}),
    "image.avif": (22, {"speed": 10}),
    "image.gif": (60, {}),
    "image.bmp": (48, {}),
    "raw.tiff": (48, {}),
    "lzw.tiff": (30, {"compression": "tiff_lzw"}),
}


class Aws(BaseHTTPRequestHandler):
    """Answers GetObject with one of `files`, and takes whatever is put or published."""

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


@dataclass(frozen=True)
class Limits:
    """The files by which a process joins the limits of memory and processor."""

    memory: Path
    processor: Path

    def remove(self) -> None:
        """Let go of the cgroups, whose processes have ended."""
        for group in {self.memory.parent, self.processor.parent}:
            group.rmdir()


def make_limits() -> Limits:
    """Make the cgroups."""
    name = f"pipeline-ctl-{os.getpid()}"
    if not (CGROUPS / "cgroup.controllers").exists():
        processor, memory = CGROUPS / "cpu" / name, CGROUPS / "memory" / name
        processor.mkdir()
        memory.mkdir()
        (processor / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (processor / "cpu.cfs_quota_us").write_text(str(QUOTA_US))
        (memory / "memory.limit_in_bytes").write_text(f"{MEMORY_MB}M")
        return Limits(memory / "cgroup.procs", processor / "cgroup.procs")
    outer = CGROUPS / name
    inner = outer / "slow"
    outer.mkdir()
    (outer / "memory.max").write_text(f"{MEMORY_MB}M")
    (outer / "cgroup.subtree_control").write_text("+cpu")
    imports = outer / "imports"
    imports.mkdir()
    inner.mkdir()
    (inner / "cpu.max").write_text(f"{QUOTA_US} {PERIOD_US}")
    return Limits(imports / "cgroup.procs", inner / "cgroup.procs")


class Limited(Worker):
    """A worker in the limits: of memory from the start, of the processor after its imports."""

    limits: Limits

    def _initialise(self, request: Request, lines: list[LogLine]) -> Outcome | None:
        self.limits.memory.write_text(str(self._process.pid))
        ended = super()._initialise(request, lines)
        if ended is None:
            self.limits.processor.write_text(str(self._process.pid))
        return ended


def deployment() -> Deployment:
    """Describe the function as `up` would deploy it on this machine."""
    runtime, architecture = interpreter.own_runtime(), interpreter.architecture()
    code = package.build_function(runtime)
    layer = package.build_layer(Target(runtime, architecture, this_machine=True))
    topic = "arn:aws:sns:eu-west-1:123456789012:image-pipeline"
    return Deployment(
        key="benchmark",
        name="image-pipeline",
        arn="arn:aws:lambda:eu-west-1:123456789012:function:image-pipeline",
        account="123456789012",
        region="eu-west-1",
        runtime=runtime,
        handler="lambda_function.lambda_handler",
        role_arn="arn:aws:iam::123456789012:role/image-pipeline",
        memory_mb=MEMORY_MB,
        timeout_s=PATIENCE_S,
        environment={"OUTPUT_BUCKET": "outputs", "SNS_TOPIC_ARN": topic},
        code=Archive(code.digest, code.zip),
        layers=(Archive(layer.digest, layer.zip),),
        logging=Logging("/aws/lambda/image-pipeline"),
    )


def invoke(name: str, times: int, sandboxes: Sandboxes) -> list[Outcome]:
    """Return the outcomes of some invocations of one worker. Raises when one is no success."""
    entity = {"bucket": {"name": "inputs"}, "object": {"key": f"uploads/{name}", "size": 1}}
    payload = json.dumps({"Records": [{"s3": entity}]}).encode()
    worker = Limited(deployment(), Credentials("key", "secret", "token"), sandboxes)
    try:
        outcomes = [worker.run(Request(str(uuid.uuid4()), payload)) for _ in range(times)]
    finally:
        worker.close()
    for outcome in outcomes:
        told = "\n".join(line.text for line in outcome.lines)
        if outcome.status != "success" or '"outputs"' not in told:
            raise RuntimeError(f"{name}: {outcome.status}\n{told}")
    return outcomes


def largest(name: str, folder: Path) -> Path:
    """Return a file of photographs side by side, of the size that LARGEST says."""
    megapixels, options = LARGEST[name]
    path = folder / f"{megapixels:g}mp_{name}"
    if not path.exists():
        tile = Image.open(PHOTOS / "s7edge_12mp.jpg").convert("RGB")
        height = int((megapixels * 1e6 * 3 / 4) ** 0.5)
        image = Image.new("RGB", (height * 4 // 3, height))
        for left in range(0, image.width, tile.width):
            for top in range(0, image.height, tile.height):
                image.paste(tile, (left, top))
        image = image.quantize(256, dither=Image.Dither.NONE) if name.endswith("gif") else image
        image.save(path, **options)
    return path


def show_photographs(files: dict[str, Path], sandboxes: Sandboxes) -> None:
    """Print how long a cold and a warm invocation take."""
    for name in files:
        cold, *later = invoke(name, 1 + LATER, sandboxes)
        imports = (cold.init_ms or 0) / 1000
        first = cold.duration_ms / 1000
        warm = median(outcome.duration_ms for outcome in later) / 1000
        print(
            f"{name:28} imports {imports:5.2f} s  cold {first:6.2f} s  warm {warm:6.2f} s"
            f"  {later[-1].max_memory_mb} MB",
            flush=True,
        )


def show_largest(files: dict[str, Path], sandboxes: Sandboxes) -> None:
    """Print what the largest of each format take, and how much of it TIMEOUT_S allow."""
    for name, path in files.items():
        megapixels = LARGEST[name][0]
        outcomes = invoke(path.name, 1 + LATER, sandboxes)
        seconds = max(outcome.duration_ms for outcome in outcomes) / 1000
        peak_mb = max(outcome.max_memory_mb for outcome in outcomes)
        allowed = min(megapixels, megapixels * (TIMEOUT_S - 2) / seconds)
        print(
            f"{name:28} {megapixels:6.1f} MP  {seconds:6.1f} s  {peak_mb:4} MB"
            f"  in {TIMEOUT_S} s {allowed:6.1f} MP",
            flush=True,
        )


def main() -> int:
    """Print one line a file."""
    folder = CACHE / "corpus"
    folder.mkdir(parents=True, exist_ok=True)
    photographs = {case.name: case.path for case in corpus(folder) if case.family == "JPEG"}
    if not photographs or os.geteuid() != 0 or not CGROUPS.exists():
        print("This needs the photographs, root and cgroups.", file=sys.stderr)
        return 1
    wanted = sys.argv[1:] or list(LARGEST)
    extremes = {name: largest(name, folder) for name in wanted}
    Aws.files = photographs | {path.name: path for path in extremes.values()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Aws)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Limited.limits = make_limits()
    with tempfile.TemporaryDirectory() as root:
        sandboxes = Sandboxes(Path(root), f"http://127.0.0.1:{server.server_port}")
        if not sys.argv[1:]:
            show_photographs(photographs, sandboxes)
        show_largest(extremes, sandboxes)
    server.shutdown()
    Limited.limits.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())

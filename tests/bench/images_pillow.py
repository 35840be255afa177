"""Answers jobs on standard input with Pillow: "function" is ours, "naive" the usual tutorial."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "function"))

from PIL import Image, ImageOps

from body import Body
from deadline import Deadline
from decoding import decode
from memory import keep_what_is_freed
from renditions import render
from settings import Settings

SIZES = {"large": 1024, "medium": 512, "thumbnails": 128}
SETTINGS = Settings("outputs", "arn:aws:sns:eu-west-1:123456789012:topic", SIZES)


def function(body: bytes, _format: str) -> list[bytes]:
    """Do what the function does between reading and writing."""
    file = Body(io.BytesIO(body), len(body), Deadline(lambda: 30_000))
    return [made.data for made in render(decode(file, max(SIZES.values())), SETTINGS)]


def naive(body: bytes, format_: str) -> list[bytes]:
    """Open, copy, thumbnail and save, once for each size."""
    outputs = []
    for px in SIZES.values():
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(body))).copy()
        image.thumbnail((px, px))
        if format_ == "jpeg" and image.mode not in ("L", "RGB"):
            image = image.convert("RGB")
        file = io.BytesIO()
        image.save(file, format_.upper(), **({} if format_ == "png" else {"quality": 80}))
        outputs.append(file.getvalue())
    return outputs


def answer(job: dict[str, Any]) -> dict[str, Any]:
    """Run one job and return its CPU seconds and the bytes of the outputs."""
    body = Path(job["path"]).read_bytes()
    if job["way"] == "function":  # the tutorial has a process of its own, without this
        keep_what_is_freed()
    began = time.process_time()
    outputs = (function if job["way"] == "function" else naive)(body, job["format"])
    seconds = time.process_time() - began
    if job.get("save"):
        for folder, output in zip(SIZES, outputs, strict=True):
            (Path(job["save"]) / folder).write_bytes(output)
    return {"seconds": seconds, "bytes": [len(output) for output in outputs]}


def main() -> None:
    """Answer a JSON line with a JSON line until the input ends."""
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()

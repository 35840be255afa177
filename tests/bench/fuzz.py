"""Feeds damaged files to the function: each must end as three pictures or as a refusal.

`python -m tests.bench.fuzz [COUNT] [FOLDER...]` takes the photographs where they are, small files
of every format, and all files of the folders given (Pillow's source package has a good one in
Tests/images): first each as it is, then COUNT mutations, each from its own seed. A crash, a hang or
more memory than the function has ends the run, and the file or seed is named.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "function"))

from PIL import Image

import journal
from body import Body
from deadline import Deadline
from decoding import decode
from refusals import Refused
from renditions import render
from settings import Settings

ROOT = Path(__file__).parents[2]
PHOTOS = ROOT.parent / "shared" / "photos"
MEMORY_MB = 256
HANG_S = 60
PROCESSES = 2
HEADER_BYTES = 1024
SETTINGS = Settings("outputs", "topic", {"thumbnails": 128, "medium": 512, "large": 1024})
ODD_BYTES = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00")


@dataclass(frozen=True)
class Specimen:
    """A file to feed, with the name by which a failure is told."""

    name: str
    data: bytes


def main() -> int:
    """Share the work between processes; return 1 when one of them ended other than it should."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("count", nargs="?", type=int, default=10_000)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--share", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.share is not None:
        feed(options.share, options.count, options.folders)
        return 0
    command = [sys.executable, "-m", "tests.bench.fuzz", str(options.count), *options.folders]
    environment = os.environ | {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB)}
    running = [
        subprocess.Popen([*command, "--share", str(share)], cwd=ROOT, env=environment)
        for share in range(PROCESSES)
    ]
    codes = [process.wait() for process in running]
    return int(any(codes))


def feed(share: int, count: int, folders: list[Path]) -> None:
    """Feed every PROCESSES-th specimen, beginning with `share`, and print how they ended."""
    outcomes: Counter[str] = Counter()
    for number, specimen in enumerate(specimens(corpus(folders), count)):
        if number % PROCESSES != share:
            continue
        faulthandler.dump_traceback_later(HANG_S, exit=True)
        try:
            outcomes[outcome(specimen.data)] += 1
        except BaseException:
            print("failed on", specimen.name, file=sys.stderr)
            raise
        peak_mb = journal.max_memory_mb()
        if peak_mb is not None and peak_mb > MEMORY_MB:
            raise MemoryError(f"{peak_mb} MB after {specimen.name}")
    faulthandler.cancel_dump_traceback_later()
    told = ", ".join(f"{name} {number}" for name, number in outcomes.most_common())
    print(f"{outcomes.total()} files, {journal.max_memory_mb()} MB at most: {told}")


def outcome(data: bytes) -> str:
    """Return "processed", or the code of the refusal."""
    try:
        with Body(io.BytesIO(data), len(data), Deadline(lambda: 30_000)) as body:
            made = list(render(decode(body, max(SETTINGS.sizes.values())), SETTINGS))
    except Refused as refusal:
        return refusal.code
    if {rendition.folder for rendition in made} != SETTINGS.sizes.keys():
        raise AssertionError("an output is missing")
    return "processed"


def corpus(folders: list[Path]) -> list[Specimen]:
    """Return the files to begin with."""
    found = [path for folder in [PHOTOS, *folders] for path in sorted(folder.rglob("*"))]
    files = [Specimen(str(path), path.read_bytes()) for path in found if path.is_file()]
    return files + list(drawn())


def specimens(files: list[Specimen], count: int) -> Iterator[Specimen]:
    """Yield the files, then their mutations; a seed always gives the same one."""
    yield from files
    for seed in range(count):
        choose = random.Random(seed)
        file = choose.choice(files)
        yield Specimen(f"seed {seed} ({file.name})", mutated(file.data, choose))


def mutated(data: bytes, choose: random.Random) -> bytes:
    """Damage a file in one to six places, half of them in its header."""
    damaged = bytearray(data)
    for _ in range(choose.randint(1, 6)):
        reach = HEADER_BYTES if choose.random() < 0.5 else len(damaged)
        at = choose.randrange(max(1, min(reach, len(damaged))))
        length = choose.choice((1, 2, 4, 16, 300))
        match choose.randrange(5):
            case 0:
                damaged[at : at + 1] = choose.randbytes(1)
            case 1:
                odd = choose.choice(ODD_BYTES)
                damaged[at : at + len(odd)] = odd
            case 2:
                del damaged[at : at + length]
            case 3:
                damaged[at:at] = damaged[at : at + length]
            case _ if choose.random() < 0.3:
                del damaged[at:]
    return bytes(damaged)


def drawn() -> Iterator[Specimen]:
    """Yield small files of every format and of the modes and options that take other code."""
    across = Image.linear_gradient("L").resize((97, 61))
    rgb = Image.merge("RGB", (across, across.rotate(180), Image.new("L", across.size, 90)))
    rgba = rgb.copy()
    rgba.putalpha(across)
    kinds: dict[str, list[tuple[Image.Image, dict[str, Any]]]] = {
        "JPEG": [(rgb, {}), (rgb, {"progressive": True}), (across, {}), (rgb.convert("CMYK"), {})],
        "PNG": [(rgba, {}), (rgb.convert("P"), {"transparency": 3}), (across.convert("1"), {})],
        "WEBP": [(rgb, {}), (rgba, {}), (rgba, {"lossless": True})],
        "AVIF": [(rgb, {}), (rgba, {})],
        "GIF": [(rgb, {}), (rgba, {}), (rgb, {"save_all": True, "append_images": [rgba]})],
        "TIFF": [
            (rgba, {"compression": compression})
            for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits")
        ],
        "BMP": [(rgb, {}), (rgb.convert("P"), {}), (rgba, {})],
    }
    for format_, variants in kinds.items():
        for number, (image, options) in enumerate(variants):
            file = io.BytesIO()
            image.save(file, format_, **options)
            yield Specimen(f"{format_} {number}", file.getvalue())


if __name__ == "__main__":
    sys.exit(main())

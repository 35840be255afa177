"""Feeds damaged files to the function: each must end as three pictures or as a refusal.

`python -m tests.bench.fuzz [COUNT] [--pillow]` takes the photographs where they are, small files of
every format and, with --pillow, the test images in Pillow's source package: first each as it is,
then COUNT mutations, each from its own seed. A crash, a hang or more memory than the function has
ends the run, and the file or seed is named.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import os
import random
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "function"))

import PIL
from PIL import Image

import journal
from body import Body
from deadline import Deadline
from decoding import decode
from memory import keep_what_is_freed
from refusals import Refused
from renditions import render
from settings import Settings

ROOT = Path(__file__).parents[2]
PHOTOS = ROOT.parent / "shared" / "photos"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pipeline-ctl" / "bench"
MEMORY_MB = 256
HANG_S = 60
PROCESSES = 2
LAST_WORDS_BYTES = 4000
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
    parser.add_argument("--pillow", action="store_true", help="Pillow's own test images too")
    parser.add_argument("--share", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    folders = [PHOTOS, pillow_images()] if options.pillow else [PHOTOS]
    if options.share is not None:
        feed(options.share, options.count, folders)
        return 0
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.fuzz", *sys.argv[1:]]
    environment = os.environ | {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB)}
    with tempfile.TemporaryFile() as told:  # libtiff has much to say about broken files
        running = [
            subprocess.Popen(
                [*command, "--share", str(share)], cwd=ROOT, env=environment, stderr=told
            )
            for share in range(PROCESSES)
        ]
        codes = [process.wait() for process in running]
        told.seek(0)
        if any(codes):
            sys.stderr.buffer.write(told.read()[-LAST_WORDS_BYTES:])
    return int(any(codes))


def feed(share: int, count: int, folders: list[Path]) -> None:
    """Feed every PROCESSES-th specimen, beginning with `share`, and print how they ended."""
    keep_what_is_freed()  # as the function does
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
    found = [path for folder in folders for path in sorted(folder.rglob("*"))]
    files = [Specimen(str(path), path.read_bytes()) for path in found if path.is_file()]
    return files + list(drawn())


def pillow_images() -> Path:
    """Return the folder of Pillow's test images, which only its source package has."""
    folder = CACHE / f"pillow-{PIL.__version__}"
    if not folder.exists():
        with tempfile.TemporaryDirectory() as name:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command += ["--no-binary=pillow", f"--dest={name}", f"pillow=={PIL.__version__}"]
            subprocess.run(command, check=True)
            (source,) = Path(name).glob("*.tar.gz")
            with tarfile.open(source) as archive:
                images = [member for member in archive if "/Tests/images/" in member.name]
                archive.extractall(folder, images, filter="data")
    return folder


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

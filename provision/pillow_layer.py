"""What the Pillow layer holds: of Pillow's wheel, what the seven formats need.

pip picks the wheel for the chosen Python and processor on any operating system, without docker.
The other formats' modules, fonts and drawing are left out, and so is what only a debugger reads:
a cold start loads less, and nobody can upload what calls another program.
"""

from __future__ import annotations

import platform
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provision.errors import PipelineError, UsageError

_PIP_TIMEOUT_S: Final = 300
# Minor versions of glibc 2 in manylinux tags: what Amazon Linux 2023 (python3.12 and later) can
# load, and Amazon Linux 2 (python3.11), for which there is no current Pillow.
_GLIBC_OF_AL2023: Final = (34, 28, 27, 17)
_GLIBC_OF_AL2: Final = (26, 17)

_FORMATS: Final = ("Avif", "Bmp", "Gif", "Jpeg", "Mpo", "Png", "Tiff", "WebP")
_MODULES: Final = {
    *(f"{name}ImagePlugin" for name in _FORMATS),
    "__init__", "_binary", "_deprecate", "_typing", "_util", "_version",
    "ExifTags", "GimpGradientFile", "GimpPaletteFile", "Image", "ImageChops", "ImageCms",
    "ImageColor", "ImageFile", "ImageMode", "ImageOps", "ImagePalette", "ImageSequence",
    "JpegPresets", "PaletteFile", "TiffTags",
}  # fmt: skip
_EXTENSIONS: Final = ("_avif", "_imaging", "_imagingcms", "_webp")
_UNUSED_LIBRARIES: Final = ("libbrotli", "libfreetype", "libharfbuzz", "libpng")

# ELF (64 bits, little-endian), as elf(5) has it.
_ELF: Final = b"\x7fELF\x02\x01"
_SECTION: Final = struct.Struct("<IIQQQQ")  # name, type, flags, address, offset, size
_CONTENT, _SYMBOLS, _LOADED = 1, 2, 2  # two types, and the flag of what a process sees


@dataclass(frozen=True)
class Target:
    """What the layer is built for: a Lambda runtime, a processor, and this machine or Lambda."""

    runtime: str
    arch: str
    this_machine: bool = False

    @property
    def python(self) -> str:
        return self.runtime.removeprefix("python")


def layer_files(target: Target, requirements: Path) -> dict[str, bytes]:
    """Install and return what the layer ships; Lambda puts its `python/` on the path."""
    with tempfile.TemporaryDirectory(prefix="pipeline-ctl-layer-") as name:
        folder = Path(name)
        _pip_install(target, folder, requirements)
        return {
            f"python/{path.relative_to(folder).as_posix()}": without_debug(path.read_bytes())
            for path in folder.rglob("*")
            if path.is_file() and _is_needed(path.relative_to(folder))
        }


def without_debug(content: bytes) -> bytes:
    """Blank what only a debugger reads in a shared library; other files stay as they are.

    Nothing moves, so the library stays valid, and zeros take no room in a zip.
    """
    if not content.startswith(_ELF):
        return content
    blanked = bytearray(content)
    (headers,) = struct.unpack_from("<Q", content, 40)
    size, count = struct.unpack_from("<HH", content, 58)
    for at in range(headers, headers + size * count, size):
        _, kind, flags, _, offset, length = _SECTION.unpack_from(content, at)
        if kind in (_CONTENT, _SYMBOLS) and not flags & _LOADED:
            blanked[offset : offset + length] = bytes(length)
    return bytes(blanked)


def host() -> str:
    """Name this machine as far as its wheels differ from those of others."""
    return f"{sys.platform} {platform.machine()}"


def _is_needed(path: Path) -> bool:
    top, *rest = path.parts
    if top == "PIL":
        return (path.suffix == ".py" and path.stem in _MODULES) or _is_extension(path.name)
    if top.endswith(".libs"):
        return not path.name.startswith(_UNUSED_LIBRARIES)
    return rest[:1] == ["licenses"]


def _is_extension(name: str) -> bool:
    return name.endswith(".so") and name.split(".", 1)[0] in _EXTENSIONS


def _pip_install(target: Target, folder: Path, requirements: Path) -> None:
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--no-input", "--no-compile", "--only-binary=:all:", "--implementation=cp",
        f"--python-version={target.python}", f"--target={folder}", f"--requirement={requirements}",
        *(f"--platform={tag}" for tag in _platforms(target)),
    ]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter, no shell
            command, capture_output=True, text=True, timeout=_PIP_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise PipelineError(
            "The Pillow layer could not be built.",
            why=f"pip took longer than {_PIP_TIMEOUT_S} s.",
            fix="Check the network, then run it again.",
        ) from error
    if done.returncode:
        raise _pip_failure(target, done.stderr)


def _pip_failure(target: Target, stderr: str) -> PipelineError:
    last = [line for line in stderr.splitlines() if line.startswith("ERROR")] or [stderr.strip()]
    if "No matching distribution" in stderr and "none)" not in stderr:
        return UsageError(
            f"There is no Pillow for {target.runtime} on {target.arch}.",
            why=last[-1],
            fix="Choose another with --runtime, such as --runtime python3.12.",
        )
    return PipelineError(
        "The Pillow layer could not be built.",
        why=f"pip said: {last[-1]}",
        fix="Check the network and pip's configuration, then run it again.",
    )


def _platforms(target: Target) -> list[str]:
    if target.this_machine and sys.platform == "darwin":
        return [f"macosx_{minor}_{platform.machine()}" for minor in ("11_0", "10_15", "10_13")]
    machine = {"x86_64": "x86_64", "arm64": "aarch64"}[target.arch]
    old = target.runtime == "python3.11" and not target.this_machine
    minors = _GLIBC_OF_AL2 if old else _GLIBC_OF_AL2023
    tags = [f"manylinux_2_{minor}_{machine}" for minor in minors]
    return [*tags, f"manylinux2014_{machine}"]

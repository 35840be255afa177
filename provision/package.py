"""Builds the two zips that Lambda gets: the function and its Pillow layer.

Both are reproducible byte for byte: fixed dates and modes, sorted names. The function is
stored uncompressed, so its hash does not depend on the machine's zlib; the layer is compressed,
and what identifies it is a digest of its content. pip picks the wheels for the chosen Python
and processor on any operating system, without docker; a built layer is kept in the user's cache.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from provision.errors import PipelineError, UsageError

FUNCTION_DIR: Final = Path(__file__).resolve().parent.parent / "function"
REQUIREMENTS: Final = FUNCTION_DIR / "requirements.txt"

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold
_LAYOUT: Final = "1"  # raise it when the layer's content is chosen differently
_PIP_TIMEOUT_S: Final = 300
# Minor versions of glibc 2 in manylinux tags: what Amazon Linux 2023 (python3.12 and later) can
# load, and Amazon Linux 2 (python3.11), for which there is no current Pillow.
_GLIBC_OF_AL2023: Final = (34, 28, 27, 17)
_GLIBC_OF_AL2: Final = (26, 17)
_NOT_SHIPPED: Final = (".pyi", ".pyc", "/RECORD", "/INSTALLER", "/REQUESTED", "/direct_url.json")


@dataclass(frozen=True)
class Target:
    """What the layer is built for: a Lambda runtime, a processor, and this machine or Lambda."""

    runtime: str
    arch: str
    this_machine: bool = False

    @property
    def python(self) -> str:
        return self.runtime.removeprefix("python")


@dataclass(frozen=True)
class Package:
    """A zip. `digest` is the hex SHA-256 of its content: names and bytes of all files."""

    zip: bytes
    digest: str

    @property
    def code_sha256(self) -> str:
        """SHA-256 of the zip in base64, as Lambda reports it (L10)."""
        return base64.b64encode(hashlib.sha256(self.zip).digest()).decode()


def build_function(folder: Path = FUNCTION_DIR) -> Package:
    """Zip the function's modules."""
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("*.py"))}
    return _package(files, zipfile.ZIP_STORED)


def build_layer(target: Target, cache: Path | None = None) -> Package:
    """Return the Pillow layer, from the cache when it was built before."""
    requirements = REQUIREMENTS.read_bytes()
    recipe = f"{_LAYOUT} {target} {_host() if target.this_machine else ''}".encode()
    key = hashlib.sha256(recipe + requirements).hexdigest()[:32]
    path = (cache or _cache_dir()) / f"layer-{key}.zip"
    if not path.exists():
        with tempfile.TemporaryDirectory(prefix="pipeline-ctl-layer-") as folder:
            _pip_install(target, Path(folder))
            files = _layer_files(Path(folder))
        _write_atomically(path, _package(files, zipfile.ZIP_DEFLATED).zip)
    return _load(path)


def _package(files: dict[str, bytes], compression: int) -> Package:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression, compresslevel=9) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, on every operating system
            entry.external_attr = 0o100644 << 16
            entry.compress_type = compression
            archive.writestr(entry, content)
    return Package(buffer.getvalue(), _digest(files))


def _digest(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{len(name)}:{name}{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def _load(path: Path) -> Package:
    content = path.read_bytes()
    try:
        return Package(content, _digest_of_zip(content))
    except zipfile.BadZipFile as error:
        raise PipelineError(
            f"The cached layer {path} is damaged.", why=str(error), fix="Delete that file."
        ) from error


@lru_cache(maxsize=2)  # unpacking a layer takes a fifth of a second
def _digest_of_zip(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return _digest({name: archive.read(name) for name in archive.namelist()})


def _layer_files(folder: Path) -> dict[str, bytes]:
    """Return what the layer ships; Lambda puts its `python/` on the path."""
    return {
        f"python/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.as_posix().endswith(_NOT_SHIPPED)
    }


def _pip_install(target: Target, folder: Path) -> None:
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--no-input", "--no-compile", "--only-binary=:all:", "--implementation=cp",
        f"--python-version={target.python}", f"--target={folder}", f"--requirement={REQUIREMENTS}",
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


def _host() -> str:
    return f"{sys.platform} {platform.machine()}"


def _cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pipeline-ctl"


def _write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)

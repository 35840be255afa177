"""Builds the two zips that Lambda gets: the function and its Pillow layer.

What identifies a zip is the digest of the files it was made of. The zip itself depends on this
machine's Python and zlib: bytecode is added where the Python that will run it is here. A built
layer is kept in the user's cache.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from provision import bytecode, interpreter, pillow_layer
from provision.errors import PipelineError
from provision.pillow_layer import Target

FUNCTION_DIR: Final = Path(__file__).resolve().parent.parent / "function"
REQUIREMENTS: Final = FUNCTION_DIR / "requirements.txt"

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold
_LAYOUT: Final = "2"  # raise it when the layer's content is chosen differently
# Where Lambda unpacks code and layers.
_TASK_ROOT, _LAYER_ROOT = "/var/task", "/opt"


@dataclass(frozen=True)
class Package:
    """A zip, made when it is asked for.

    `digest` is the hex SHA-256 of names and bytes of the files that somebody wrote.
    """

    digest: str
    build: Callable[[], bytes]

    @cached_property
    def zip(self) -> bytes:
        return self.build()

    @property
    def code_sha256(self) -> str:
        """SHA-256 of the zip in base64, as Lambda reports it (L10)."""
        return base64.b64encode(hashlib.sha256(self.zip).digest()).decode()


def build_function(runtime: str, folder: Path = FUNCTION_DIR) -> Package:
    """Package the function's modules."""
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("*.py"))}
    return Package(_digest(files), lambda: _zipped(files, runtime, _TASK_ROOT))


def build_layer(target: Target, cache: Path | None = None) -> Package:
    """Return the Pillow layer, from the cache when it was built before."""
    path = (cache or _cache_dir()) / f"layer-{_recipe(target)}.zip"
    if not path.exists():
        files = pillow_layer.layer_files(target, REQUIREMENTS)
        _keep(path, _zipped(files, target.runtime, _LAYER_ROOT))
    return Package(_noted_digest(path), path.read_bytes)


def _recipe(target: Target) -> str:
    """Hash all that decides what a layer's zip holds."""
    place = pillow_layer.host() if target.this_machine else ""
    has_bytecode = interpreter.find(target.runtime) is not None
    recipe = f"{_LAYOUT} {target} {place} {has_bytecode}".encode()
    return hashlib.sha256(recipe + REQUIREMENTS.read_bytes()).hexdigest()[:32]


def _zipped(files: Mapping[str, bytes], runtime: str, root: str) -> bytes:
    """Zip files and their bytecode; the same ones give the same bytes, which note their digest."""
    buffer = io.BytesIO()
    content = {**files, **bytecode.compiled(files, runtime, root)}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in sorted(content.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, on every operating system
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
        archive.comment = _digest(files).encode()
    return buffer.getvalue()


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{len(name)}:{name}{len(content)}:".encode())
        digest.update(content)
    return digest.hexdigest()


def _noted_digest(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.comment.decode()
    except zipfile.BadZipFile as error:
        raise PipelineError(
            f"The cached layer {path} is damaged.", why=str(error), fix="Delete that file."
        ) from error


def _cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pipeline-ctl"


def _keep(path: Path, layer: bytes) -> None:
    try:
        _write_atomically(path, layer)
    except OSError as error:
        raise PipelineError(
            f"The layer cannot be kept in {path.parent}.",
            why=error.strerror or str(error),
            fix="Let XDG_CACHE_HOME name a folder that can be written, or make room in this one.",
        ) from error


def _write_atomically(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)

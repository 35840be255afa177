"""What Python makes of its sources, made in advance.

Lambda's folders cannot be written to, so without it every cold start compiles all modules anew.

Only the Python that will run it can do so. Where it is not on this machine there is no bytecode,
and the function works as well, from a later start.
"""

from __future__ import annotations

import compileall
import contextlib
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Final

from provision import interpreter

_TIMEOUT_S: Final = 60


def compiled(sources: Mapping[str, bytes], runtime: str, root: str) -> dict[str, bytes]:
    """Return the .pyc files of the .py files in `sources`, path -> content; {} without `runtime`.

    `root` is where Lambda unpacks the files, which is what tracebacks name.
    """
    python = interpreter.find(runtime)
    if python is None:
        return {}
    with tempfile.TemporaryDirectory(prefix="pipeline-ctl-bytecode-") as name:
        folder = Path(name)
        for path, content in sources.items():
            if path.endswith(".py"):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_bytes(content)
        _compile(runtime, python, folder, root)
        return {
            path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.pyc")
        }


def _compile(runtime: str, python: Path, folder: Path, root: str) -> None:
    """Compile all there is; a file that Python cannot read is left to fail where it is run."""
    if runtime == interpreter.own_runtime():
        compileall.compile_dir(
            folder,
            quiet=2,
            stripdir=str(folder),
            prependdir=root,
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        )
        return
    command = [
        str(python), "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
        "-s", str(folder), "-p", root, str(folder),
    ]  # fmt: skip
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # it works without, only slower
        subprocess.run(  # noqa: S603 - the user's own interpreter
            command, capture_output=True, timeout=_TIMEOUT_S, check=False
        )

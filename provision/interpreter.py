"""Which Python runs the function: found by running it, never by its name alone."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

_PREFERRED = "python3.12"
_PROBE = "import sys; print(sys.executable, *sys.version_info[:2])"


def own_runtime() -> str:
    """The runtime name of the Python that runs this program."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


@cache
def find(runtime: str) -> Path | None:
    """The interpreter for a runtime name such as `python3.12`; None when there is none.

    A shim on the path may exist and fail (pyenv), so the candidate is run once.
    """
    if runtime == own_runtime():
        return Path(os.path.realpath(sys.executable))
    candidate = shutil.which(runtime)
    return _probe(candidate, runtime) if candidate else None


@cache
def default_runtime() -> str:
    """python3.12 where it really runs, else the Python that runs this program."""
    return _PREFERRED if find(_PREFERRED) else own_runtime()


def architecture() -> str:
    """Name the architecture of this machine as Lambda does: `x86_64` or `arm64`."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def _probe(candidate: str, runtime: str) -> Path | None:
    try:
        ran = subprocess.run(  # noqa: S603 - the user's own interpreter
            [candidate, "-I", "-S", "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    executable, major, minor = ran.stdout.rsplit(maxsplit=2)
    return Path(os.path.realpath(executable)) if runtime == f"python{major}.{minor}" else None

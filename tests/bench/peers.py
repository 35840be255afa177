"""Other programs to compare with, each in an environment of its own in the user's cache.

Their pins exclude each other, so they cannot share one.
"""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path

_PACKAGES = {"sam": "aws-sam-cli", "aws": "awscli", "chalice": "chalice"}


def program(name: str) -> Path:
    """Return the program `sam`, `aws` or `chalice`; it is installed when it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "pipeline-ctl" / "bench" / name
    found = folder / "bin" / name
    if not found.exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        # They ask for pkg_resources, which later setuptools do not have.
        packages = [_PACKAGES[name], "setuptools<81"]
        subprocess.run([*install, *packages], check=True, stderr=subprocess.DEVNULL)
    return found

"""How much memory a process used at most."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def peak_mb(pid: int) -> int:
    """The peak resident set of a process in MiB; 0 when it is gone."""
    if sys.platform == "linux":
        return _from_proc(pid)
    return _from_ps(pid)


def _from_proc(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) // 1024
    return 0  # a zombie has no memory left


def _from_ps(pid: int) -> int:
    ran = subprocess.run(  # noqa: S603
        ["/bin/ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return int(ran.stdout.strip() or 0) // 1024

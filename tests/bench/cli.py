"""How long the program takes to start, beside sam, aws and chalice: `make bench-cli`.

    python tests/bench/cli.py [--runs N] [--peers DIR]

Run it with the interpreter of an environment in which pipeline-ctl is installed. The peers are
installed once into an environment of their own in the user's cache, or found in DIR. All programs
take turns, so that a busy machine is equally unkind to each; the median counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import venv
from pathlib import Path
from statistics import median
from typing import Final

PEERS: Final = {"sam": "aws-sam-cli", "aws": "awscli", "chalice": "chalice"}
OURS: Final = "pipeline-ctl"
# Of sam's own time, what ours may take (median wall time).
LIMITS: Final = {"--version": 0.7, "--help": 1.0}
_FINE: Final = (0, 2, 252)  # `aws --help` shows it, and asks for a command all the same


def main() -> int:
    """Measure, print a table and return 1 when we are slower than we may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--peers", type=Path, help="where sam, aws and chalice are")
    arguments = parser.parse_args()
    peers = arguments.peers or _install_peers()
    programs = {OURS: Path(sys.executable).parent / OURS, **{name: peers / name for name in PEERS}}
    slow = False
    print(f"{'':<10}{''.join(f'{name:>15}' for name in programs)}   ours / sam")
    for flag, limit in LIMITS.items():
        seconds = _measure(programs, flag, arguments.runs)
        ratio = seconds[OURS] / seconds["sam"]
        slow |= ratio > limit
        row = "".join(f"{seconds[name]:>13.3f} s" for name in programs)
        print(f"{flag:<10}{row}   {ratio:.2f} (at most {limit})")
    return int(slow)


def _measure(programs: dict[str, Path], flag: str, runs: int) -> dict[str, float]:
    """Return each program's median wall time in seconds."""
    times: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(runs + 1):
        for name, path in programs.items():
            seconds = _run([str(path), flag])
            if turn:  # the first warms the disk
                times[name].append(seconds)
    return {name: median(measured) for name, measured in times.items()}


def _run(command: list[str]) -> float:
    environment = {**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_PAGER": ""}
    began = time.perf_counter()
    done = subprocess.run(command, check=False, capture_output=True, env=environment)
    seconds = time.perf_counter() - began
    if done.returncode not in _FINE:
        raise SystemExit(f"{' '.join(command)} failed: {done.stderr.decode()}")
    return seconds


def _install_peers() -> Path:
    """Return the folder of the peers' programs; they are installed when they are not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "pipeline-ctl" / "bench-cli"
    programs = folder / "bin"
    if not all((programs / name).exists() for name in PEERS):
        for name, package in PEERS.items():
            _install(folder / "environments" / name, package, programs / name)
    return programs


def _install(environment: Path, package: str, link: Path) -> None:
    """Install one peer; each has an environment of its own, since their pins exclude each other."""
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, package, "setuptools<81"], check=True, capture_output=True)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(environment / "bin" / link.name)


if __name__ == "__main__":
    sys.exit(main())

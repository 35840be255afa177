"""How long the program takes to start, beside sam, aws and chalice: `make bench-cli`.

    python -m tests.bench.cli [--runs N]

Run it with the interpreter of an environment in which pipeline-ctl is installed. All programs take
turns, so that a busy machine is equally unkind to each; the median counts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Final

from tests.bench import peers

PEERS: Final = ("sam", "aws", "chalice")
OURS: Final = "pipeline-ctl"
# Of sam's own time, what ours may take (median wall time).
LIMITS: Final = {"--version": 0.7, "--help": 1.0}
_FINE: Final = (0, 2, 252)  # `aws --help` shows it, and asks for a command all the same


def main() -> int:
    """Measure, print a table and return 1 when we are slower than we may be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11)
    arguments = parser.parse_args()
    programs = {OURS: Path(sys.executable).parent / OURS}
    programs |= {name: peers.program(name) for name in PEERS}
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


if __name__ == "__main__":
    sys.exit(main())

"""A short run of tests/bench/fuzz.py, which has the long one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]


def test_damaged_files_end_as_pictures_or_as_refusals() -> None:
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.bench.fuzz", "400"],
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert run.stdout.count("files,") == 2

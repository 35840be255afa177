"""What the README counts is still so."""

from __future__ import annotations

from pathlib import Path

from ops.local.behaviours import ROWS
from tests.evidence import behaviours_in

README = Path(__file__).parents[2] / "README.md"


def test_the_readme_has_as_many_behaviours_as_the_table() -> None:
    assert behaviours_in(README.read_text()) == len(ROWS), "`make evidence` counts them anew"

"""What the tests tried is summed and written where it belongs, or not at all."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.evidence import NAMES, Evidence

BEFORE = "# Title\n<!-- written by make evidence -->\nold\n<!-- end -->\nmore\n"


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    """Evidence of a run in which two tests tried everything, and one of them a row."""
    (tmp_path / "README.md").write_text(BEFORE)
    evidence = Evidence(tmp_path / "README.md")
    tried = [(name, 2) for name in NAMES]
    _report(evidence, [*tried, ("rows", ["iam.one"])])
    _report(evidence, [*tried, ("rows", ["iam.one", "iam.two"])])
    return evidence


def _report(evidence: Evidence, noted: list[tuple[str, Any]]) -> None:
    for when in ("setup", "call", "teardown"):
        report: Any = SimpleNamespace(when=when, user_properties=noted)
        evidence.pytest_runtest_logreport(report)


def _finish(evidence: Evidence, exitstatus: int = 0) -> tuple[int, str]:
    """End the run; return the exit status it ends with and what is said."""
    said: list[str] = []
    session: Any = SimpleNamespace(exitstatus=exitstatus)
    reporter: Any = SimpleNamespace(write_line=said.append)
    evidence.pytest_sessionfinish(session, exitstatus)
    evidence.pytest_terminal_summary(reporter)
    return int(session.exitstatus), said[0]


def test_the_sums_take_the_place_of_the_old_table(evidence: Evidence) -> None:
    status, _ = _finish(evidence)

    text = evidence.file.read_text()
    assert status == 0
    assert "| 4 seeds |" in text
    assert "| 2 of " in text
    assert text.startswith("# Title\n<!-- written")
    assert text.endswith("<!-- end -->\nmore\n")
    assert "old" not in text


def test_nothing_is_written_when_a_test_failed(evidence: Evidence) -> None:
    status, said = _finish(evidence, exitstatus=1)

    assert status == 1
    assert said.endswith("is as it was: a test failed, or did not run.")
    assert evidence.file.read_text() == BEFORE


def test_nothing_is_written_when_something_was_not_tried(evidence: Evidence) -> None:
    del evidence.counts["seeds"]

    status, said = _finish(evidence)

    assert status == 1
    assert said.endswith("is as it was: nothing was tried of seeds.")
    assert evidence.file.read_text() == BEFORE

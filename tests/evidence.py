"""A plugin that counts what the tests tried and writes it into the README: `make evidence`.

Tests note how much they tried with pytest's `record_property`, under a name in `_TABLE`. With
`--write-evidence FILE` the counts are summed, and the table takes the place of what stands between
the two markers of FILE; not when a test failed, nor when something was not tried at all.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ops.local.table import Row

_OPTION = "--write-evidence"
_BEGIN = "<!-- written by make evidence -->\n"
_END = "<!-- end -->\n"
_TABLE = """\
| what was tried | how often | what held |
|---|---|---|
| behaviours of AWS in the local AWS's table | {rows} of {all_rows} took effect | the local AWS answers as AWS does |
| `up` dies at one of its calls | {up_died_before} before it, {up_died_after} after it | run again, it ends as an undisturbed run; `down` leaves nothing |
| `down` dies at one of its calls | {down_died_before} before it, {down_died_after} after it | run again, it leaves nothing |
| the process of `up` is killed (SIGKILL) at a call that changes something | {up_killed_before} before AWS carried it out, {up_killed_after} after | run again, it ends as an undisturbed run; `down` leaves nothing |
| the process of `down` is killed so | {down_killed_before} before, {down_killed_after} after | run again, it leaves nothing |
| a move to other buckets dies after one of its changes | {move_died} | the next `up` or `down` goes on with it; nothing is left |
| AWS's delays, throttling and conflicts | {seeds} seeds | `up`, `up` again and `down` end well |
| the same, two `up` at the same moment | {seeds_of_two} seeds | both end well and leave one pipeline |
"""  # noqa: E501 - a table's lines cannot be broken
_FIELDS = {name for _, name, _, _ in Formatter().parse(_TABLE) if name}
NAMES = _FIELDS - {"rows", "all_rows"}  # what tests note, each a number


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(_OPTION, metavar="FILE", help="Write into FILE what the tests tried.")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to count, when asked to; the process that reports also sums and writes."""
    if file := config.getoption(_OPTION):
        config.pluginmanager.register(EffectiveRows())
        if not hasattr(config, "workerinput"):
            config.pluginmanager.register(Evidence(Path(file)))


def behaviours_in(text: str) -> int:
    """Return how many behaviours the table in a text says there are."""
    told = re.search(r"\d+ of (\d+) took effect", text)
    assert told
    return int(told[1])


class EffectiveRows:
    """Notes with every test which rows of the local AWS's table have taken effect so far.

    A row that may leave a call alone has when it did not; one that returns nothing, when it ran.
    """

    def __init__(self) -> None:
        from ops.local import behaviours, server  # takes half a second

        self._effective: set[str] = set()
        counted = tuple(self._counted(row) for row in behaviours.ROWS)
        pytest.MonkeyPatch().setattr(server, "ROWS", counted)

    def _counted(self, row: Row) -> Row:
        returns_nothing = row.apply.__annotations__["return"] == "None"

        def apply(*arguments: Any) -> Any:
            result = row.apply(*arguments)
            if returns_nothing or result is not None:
                self._effective.add(f"{row.apply.__module__}.{row.apply.__qualname__}")
            return result

        return replace(row, apply=apply)

    @pytest.hookimpl(trylast=True)  # fixtures that end have calls answered too
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        item.user_properties.append(("rows", list(self._effective)))


@dataclass
class Evidence:
    """Sums what the tests noted and writes it, or says why not."""

    file: Path
    counts: Counter[str] = field(default_factory=Counter)
    rows: set[str] = field(default_factory=set)
    _told: str = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "teardown":  # the last of a test has all that it noted
            return
        for name, value in report.user_properties:
            if name == "rows":
                self.rows.update(value)  # type: ignore[arg-type]
            elif name in NAMES:
                self.counts[name] += value  # type: ignore[operator]

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        why_not = "a test failed, or did not run" if exitstatus else self.write()
        self._told = f"{self.file} {f'is as it was: {why_not}' if why_not else 'has the counts'}."
        if why_not:
            session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(self._told)

    def write(self) -> str:
        """Write the table into the file; return why not when it cannot be."""
        from ops.local.behaviours import ROWS

        counts = {**self.counts, "rows": len(self.rows), "all_rows": len(ROWS)}
        if missing := sorted(name for name in _FIELDS if not counts.get(name)):
            return f"nothing was tried of {', '.join(missing)}"
        text = self.file.read_text()
        if (_BEGIN in text, _END in text) != (True, True):
            return "it lacks the markers"
        before, after = text.split(_BEGIN)[0], text.split(_END)[1]
        self.file.write_text(f"{before}{_BEGIN}{_TABLE.format_map(counts)}{_END}{after}")
        return ""

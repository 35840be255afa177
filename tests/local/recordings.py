"""Compares an answer with what the real AWS answered when it was recorded.

The recordings replace what differs from run to run by placeholders (`<function-name:1>`):
the same placeholder must stand for the same value everywhere in one comparison.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_FOLDER = Path(__file__).parents[3] / "shared" / "aws-recordings"
_PLACEHOLDER = re.compile(r"<([^<>]+)>")
# Bare words the recordings use for values that are never alike.
_WORDS = {"date", "datetime", "timestamp", "sequencer", "amz-id", "amz-request-id"}
_WORDS |= {"version-id", "code-sha256"}
_ACCOUNTS = ("111111111111", "123456789012")


def recorded(service: str, test: str, *steps: str) -> Any:
    """The recorded answer of a step of a test; skips where there are no recordings."""
    found: Any = _load(service)[test]["content"]
    for step in steps:
        found = found[step]
    return found


@cache
def _load(service: str) -> dict[str, Any]:
    path = _FOLDER / f"{service}.json"
    if not path.exists():
        pytest.skip(f"no recordings in {_FOLDER}")
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def assert_like(actual: Any, expected: Any, *, but: tuple[str, ...] = ()) -> None:
    """Fail unless `actual` is what was recorded: same fields, values, status.

    `but` names fields that are left out of the comparison.
    """
    differences = list(_differences(actual, expected, "answer", {}, but))
    assert not differences, "\n".join(differences)


def _differences(
    actual: Any, expected: Any, where: str, bound: dict[str, str], but: tuple[str, ...]
) -> list[str]:
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _of_dicts(actual, expected, where, bound, but)
    if isinstance(expected, list) and isinstance(actual, list):
        if len(actual) != len(expected):
            return [f"{where}: {len(actual)} items, AWS has {len(expected)}"]
        pairs = enumerate(zip(actual, expected, strict=True))
        return [d for n, (a, e) in pairs for d in _differences(a, e, f"{where}[{n}]", bound, but)]
    if isinstance(expected, str) and _fits(str(actual), expected, bound):
        return []
    return [] if actual == expected else [f"{where}: {actual!r}, AWS has {expected!r}"]


def _of_dicts(
    actual: dict[str, Any],
    expected: dict[str, Any],
    where: str,
    bound: dict[str, str],
    but: tuple[str, ...],
) -> list[str]:
    if where.endswith("ResponseMetadata"):
        status = "HTTPStatusCode"
        return _differences(
            actual.get(status), expected.get(status), f"{where}.{status}", bound, ()
        )
    unseen = ("RequestId", "HostId", *but)
    actual = {k: v for k, v in actual.items() if k not in unseen}
    expected = {k: v for k, v in expected.items() if k not in unseen}
    found = [f"{where}.{name}: AWS has it" for name in expected.keys() - actual.keys()]
    found += [f"{where}.{name}: AWS has it not" for name in actual.keys() - expected.keys()]
    for name in sorted(actual.keys() & expected.keys()):
        found += _differences(actual[name], expected[name], f"{where}.{name}", bound, but)
    return found


def _fits(actual: str, expected: str, bound: dict[str, str]) -> bool:
    if expected in _WORDS:
        return True
    names: list[str] = []
    pattern, position = "", 0
    for match in _PLACEHOLDER.finditer(expected):
        pattern += re.escape(expected[position : match.start()]) + "(.+?)"
        names.append(match[1])
        position = match.end()
    pattern += re.escape(expected[position:])
    found = re.fullmatch(pattern.replace(*_ACCOUNTS), actual, re.DOTALL)
    if found is None:
        return False
    values = zip(names, found.groups(), strict=True)
    return all(bound.setdefault(name, value) == value for name, value in values)

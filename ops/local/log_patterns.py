"""CloudWatch Logs filter patterns: which messages a FilterLogEvents call wants.

Pure. https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
Terms (`ERROR`, `"two words"`, `-not`, `?either`) and JSON selectors joined by && and ||.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from typing import Any

from provision import iam_policy

Matcher = Callable[[str], bool]
_TERM = re.compile(r'([-?]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))')
_SELECTOR = re.compile(
    r"\$\.([\w.\[\]-]+)\s*(!=|>=|<=|=|>|<|IS NULL|IS TRUE|IS FALSE|NOT EXISTS)\s*(.*)"
)
_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_MISSING = object()


def matcher(pattern: str) -> Matcher:
    """A test for messages; raises ValueError for a pattern that AWS would refuse."""
    stripped = pattern.strip()
    if stripped.startswith("{"):
        if not stripped.endswith("}"):
            raise ValueError(pattern)
        return _json_matcher(stripped[1:-1])
    terms = [(sign, quoted or bare) for sign, quoted, bare in _TERM.findall(stripped)]
    return lambda message: _has_terms(terms, message)


def _has_terms(terms: list[tuple[str, str]], message: str) -> bool:
    optional = [term for sign, term in terms if sign == "?"]
    return (
        all(term in message for sign, term in terms if sign == "")
        and not any(term in message for sign, term in terms if sign == "-")
        and (not optional or any(term in message for term in optional))
    )


def _json_matcher(expression: str) -> Matcher:
    choices = [
        [_comparison(part) for part in alternative.split("&&")]
        for alternative in expression.split("||")
    ]

    def matches(message: str) -> bool:
        try:
            document = json.loads(message)
        except ValueError:
            return False
        return any(all(test(document) for test in tests) for tests in choices)

    return matches


def _comparison(text: str) -> Callable[[Any], bool]:
    match = _SELECTOR.fullmatch(text.strip().strip("()").strip())
    if match is None:
        raise ValueError(text)
    path, how, wanted = match[1], match[2], match[3].strip().strip('"')
    return lambda document: _compare(_select(document, path), how, wanted)


def _select(document: Any, path: str) -> Any:
    for step in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return _MISSING
    return document


def _compare(value: Any, how: str, wanted: str) -> bool:
    if how == "NOT EXISTS":
        return value is _MISSING
    if value is _MISSING:
        return False
    if how.startswith("IS "):
        return value is {"IS NULL": None, "IS TRUE": True, "IS FALSE": False}[how]
    if how in _NUMERIC:
        return isinstance(value, int | float) and _NUMERIC[how](value, float(wanted))
    if isinstance(value, bool) or value is None:
        text = json.dumps(value)
    else:
        text = f"{value:g}" if isinstance(value, float) else str(value)
    return iam_policy.like(wanted, text) == (how == "=")

"""Evaluates IAM policy statements: effect, action, resource, principal and condition.

Pure. Follows AWS's rules where moto's own evaluation does not: an unmet condition makes a
statement silent instead of denying, `?` and `*` are the only wildcards, and actions compare
without regard to case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

Decision = Literal["allow", "deny", "silent"]
Context = Mapping[str, Sequence[str]]
Statement = Mapping[str, Any]


def statements(document: str | Mapping[str, Any]) -> list[Statement]:
    """The statements of a policy document, as JSON text or parsed."""
    parsed = json.loads(document) if isinstance(document, str) else document
    return list(_listed(parsed.get("Statement", [])))


def decide(policy: Iterable[Statement], action: str, resource: str, context: Context) -> Decision:
    """What the statements together say: a deny beats an allow.

    `action` is `s3:GetObject`; `context` maps lower-case condition keys to their values.
    """
    effects = {effect(statement, action, resource, context) for statement in policy}
    if "deny" in effects:
        return "deny"
    return "allow" if "allow" in effects else "silent"


def effect(statement: Statement, action: str, resource: str, context: Context) -> Decision:
    """What one statement says about an action on a resource."""
    applies = (
        _matches(statement, "Action", action.lower(), fold=True)
        and _matches(statement, "Resource", resource)
        and _conditions_hold(statement.get("Condition", {}), context)
    )
    if not applies:
        return "silent"
    return "deny" if statement.get("Effect") == "Deny" else "allow"


def names_principal(statement: Statement, kind: str, wanted: str) -> bool:
    """Whether the statement's Principal holds `wanted` under `kind` (`Service`, `AWS`)."""
    principal = statement.get("Principal", {})
    if principal == "*" or principal.get("AWS") == "*":
        return True
    return any(wanted == p or p == "*" for p in _listed(principal.get(kind, [])))


def _matches(statement: Statement, element: str, value: str, *, fold: bool = False) -> bool:
    negated = f"Not{element}"
    if negated in statement:
        return not _any_like(_listed(statement[negated]), value, fold)
    if element not in statement:
        return element == "Resource"  # trust policies have no resource
    return _any_like(_listed(statement[element]), value, fold)


def _any_like(patterns: Iterable[Any], value: str, fold: bool) -> bool:
    return any(like(p.lower() if fold else p, value) for p in map(str, patterns))


def like(pattern: str, value: str) -> bool:
    """IAM's wildcard match: `*` is any text, `?` any one character."""
    return _compiled(pattern).fullmatch(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in pattern)
    return re.compile("".join(parts), re.DOTALL)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _conditions_hold(conditions: Mapping[str, Any], context: Context) -> bool:
    return all(
        _condition_holds(operator, key, [_text(v) for v in _listed(values)], context)
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _condition_holds(operator: str, key: str, wanted: list[str], context: Context) -> bool:
    quantifier, _, name = operator.rpartition(":")
    actual = context.get(key.lower())
    if name == "Null":
        return (actual is None) == (wanted == ["true"])
    if name.endswith("IfExists"):
        name = name.removesuffix("IfExists")
        if actual is None:
            return True
    negated = "Not" in name
    if not actual:
        return negated or quantifier == "ForAllValues"
    test = _OPERATORS[name.replace("Not", "")]
    results = [any(test(w, a) for w in wanted) != negated for a in actual]
    return any(results) if quantifier == "ForAnyValue" else all(results)


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda wanted, actual: compare(float(actual), float(wanted))


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda w, a: w == a,
    "StringEqualsIgnoreCase": lambda w, a: w.lower() == a.lower(),
    "StringLike": like,
    "ArnEquals": like,
    "ArnLike": like,
    "Bool": lambda w, a: w.lower() == a.lower(),
    "NumericEquals": _number(lambda a, w: a == w),
    "NumericLessThan": _number(lambda a, w: a < w),
    "NumericLessThanEquals": _number(lambda a, w: a <= w),
    "NumericGreaterThan": _number(lambda a, w: a > w),
    "NumericGreaterThanEquals": _number(lambda a, w: a >= w),
}

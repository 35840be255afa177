"""IAM's evaluation of policy statements, and CloudWatch's filter patterns: both pure."""

from __future__ import annotations

from typing import Any

import pytest

from ops.local import log_patterns
from provision import iam_policy

GET = "s3:GetObject"
OBJECT = "arn:aws:s3:::b/uploads/k"


def _allow(**elements: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": GET, "Resource": OBJECT, **elements}


@pytest.mark.parametrize(
    ("statement", "decision"),
    [
        (_allow(), "allow"),
        (_allow(Action="S3:getobject"), "allow"),
        (_allow(Action="s3:Get*"), "allow"),
        (_allow(Action=["s3:PutObject", "s3:G?tObject"]), "allow"),
        (_allow(Action="s3:PutObject"), "silent"),
        (_allow(Resource="arn:aws:s3:::b/uploads/*"), "allow"),
        (_allow(Resource="arn:aws:s3:::b/other/*"), "silent"),
        (_allow(Resource="arn.aws:s3:::b/uploads/k"), "silent"),
        ({"Effect": "Allow", "NotAction": "s3:Put*", "Resource": "*"}, "allow"),
        ({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b/*"}, "silent"),
        (_allow(Effect="Deny"), "deny"),
    ],
)
def test_a_statement_says(statement: dict[str, Any], decision: str) -> None:
    assert iam_policy.effect(statement, GET, OBJECT, {}) == decision


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"aws:PrincipalAccount": "1"}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": ["2", "1"]}}, True),
        ({"StringNotEquals": {"aws:PrincipalAccount": "1"}}, False),
        ({"StringNotEquals": {"aws:Absent": "1"}}, True),
        ({"StringEquals": {"aws:Absent": "1"}}, False),
        ({"StringEqualsIfExists": {"aws:Absent": "1"}}, True),
        ({"Null": {"aws:Absent": "true"}}, True),
        ({"Null": {"aws:PrincipalAccount": "true"}}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, False),
        ({"Bool": {"aws:SecureTransport": True}}, True),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}, False),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["a"]}}, True),
        ({"NumericLessThan": {"s3:max-keys": "10"}}, True),
    ],
)
def test_a_condition_holds(condition: dict[str, Any], holds: bool) -> None:
    context = {
        "aws:principalaccount": ["1"],
        "aws:securetransport": ["true"],
        "aws:sourcearn": ["arn:aws:s3:::b"],
        "aws:tagkeys": ["a", "b"],
        "s3:max-keys": ["9"],
    }

    found = iam_policy.effect(_allow(Condition=condition), GET, OBJECT, context)

    assert found == ("allow" if holds else "silent")


def test_a_deny_beats_an_allow() -> None:
    assert iam_policy.decide([_allow(), _allow(Effect="Deny")], GET, OBJECT, {}) == "deny"


@pytest.mark.parametrize(
    ("pattern", "message", "wanted"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR timeout", "an ERROR here", False),
        ('"an ERROR"', "an ERROR here", True),
        ("ERROR -here", "an ERROR here", False),
        ("?ERROR ?WARN", "a WARN", True),
        ('{ $.level = "ERROR" }', '{"level": "ERROR"}', True),
        ('{ $.level = "ERROR" }', '{"level": "INFO"}', False),
        ('{ $.level = "ERR*" }', '{"level": "ERROR"}', True),
        ("{ $.a.ms > 100 }", '{"a": {"ms": 101}}', True),
        ('{ $.level != "INFO" && $.n = 1 }', '{"level": "ERROR", "n": 1}', True),
        ('{ $.level = "X" || $.n = 1 }', '{"level": "ERROR", "n": 1}', True),
        ('{ $.level = "ERROR" }', "no json", False),
    ],
)
def test_a_filter_pattern_wants(pattern: str, message: str, wanted: bool) -> None:
    assert log_patterns.matcher(pattern)(message) is wanted


def test_a_broken_filter_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="level"):
        log_patterns.matcher("{ $.level ~ 1 }")

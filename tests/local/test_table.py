"""The table of rows: tests and others may add theirs, and they apply in one place."""

from __future__ import annotations

import urllib.request
from typing import Any

from ops.local.calls import Call, Refusal
from ops.local.table import Row, Sheet
from tests.local.conftest import Aws, error


def _row(apply: Any, kind: str, *actions: str) -> Row:
    sheet = Sheet()
    getattr(sheet, kind)("test", *actions)(apply)
    return sheet.rows[0]


def test_an_added_row_refuses_for_as_long_as_it_is_there(aws: Aws, sns: Any, name: str) -> None:
    refusal = Refusal("Throttling", "Rate exceeded", 400)
    row = _row(lambda state, call: refusal, "refuses", "sns.*")

    with aws.state.table.added(row):
        found = error(sns.create_topic, Name=name)

    assert found == ("Throttling", "Rate exceeded", 400)
    assert sns.create_topic(Name=name)["TopicArn"].endswith(name)


def test_a_row_sees_the_call_decoded(aws: Aws, logs: Any, name: str) -> None:
    calls: list[Call] = []
    row = _row(lambda state, call: calls.append(call), "follows", "logs.CreateLogGroup")

    with aws.state.table.added(row):
        logs.create_log_group(logGroupName=name, tags={"a": "b"})

    assert calls[0].action == "logs.CreateLogGroup"
    assert calls[0].params == {"logGroupName": name, "tags": {"a": "b"}}
    assert (calls[0].region, calls[0].account) == ("us-east-1", "123456789012")


def test_rows_apply_in_the_order_in_which_they_were_added(aws: Aws, sns: Any, topic: str) -> None:
    def append(letter: str) -> Any:
        def edit(state: Any, call: Call, result: dict[str, Any]) -> None:
            result["Attributes"]["DisplayName"] += letter

        return _row(edit, "rewrites", "sns.GetTopicAttributes")

    with aws.state.table.added(append("a"), append("b")):
        attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]

    assert attributes["DisplayName"] == "ab"


def test_a_presigned_url_is_decoded_like_a_signed_call(aws: Aws, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a b", Body=b"content")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b"})

    with urllib.request.urlopen(url) as answer:
        assert answer.read() == b"content"

"""SNS as AWS answers, row by row of the behaviour catalogue."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import ACCOUNT, Aws
from tests.local.recordings import assert_like, recorded


def test_n1_an_email_subscription_is_pending_confirmation(sns: Any, topic: str) -> None:
    answer = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="me@example.com")

    expected = recorded(
        "sns", "TestSNSSubscriptionCrudV2::test_creating_subscription", "create-subscription"
    )
    assert_like(answer, expected)

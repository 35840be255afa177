"""SNS as AWS answers, row by row of the behaviour catalogue."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.conftest import Aws, error, refused
from tests.local.recordings import assert_like, recorded

ME = "me@example.com"
SUBSCRIPTIONS = "TestSNSSubscriptionCrud"
TOPICS = "TestSNSTopicCrudV2"
PUBLISH = "TestSNSPublishCrud"


def test_n1_an_email_subscription_is_pending(sns: Any, topic: str) -> None:
    answer = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=ME)

    test = f"{SUBSCRIPTIONS}V2::test_creating_subscription"
    assert_like(answer, recorded("sns", test, "create-subscription"))


def test_n1_the_pending_arn_is_returned_on_request(sns: Any, topic: str) -> None:
    arn = _subscribe(sns, topic)

    assert arn.startswith(f"{topic}:")


def test_n1_a_bad_address_is_refused(sns: Any, topic: str) -> None:
    found = error(sns.subscribe, TopicArn=topic, Protocol="email", Endpoint="no address")

    assert found == ("InvalidParameter", "Invalid parameter: Email address", 400)


def test_n1_an_unknown_protocol_is_refused(sns: Any, topic: str) -> None:
    answer = refused(sns.subscribe, TopicArn=topic, Protocol="test-protocol", Endpoint=ME)

    test = f"{SUBSCRIPTIONS}::test_subscribe_with_invalid_protocol"
    assert_like(answer, recorded("sns", test, "exception"))


def test_n1_an_unknown_topic_is_refused(sns: Any, topic: str) -> None:
    answer = refused(sns.subscribe, TopicArn=f"{topic}x", Protocol="email", Endpoint=ME)

    test = f"{SUBSCRIPTIONS}V2::test_subscribe_unknown_topic"
    assert_like(answer, recorded("sns", test, "subscribe-unknown-topic"))


def test_n2_a_pending_subscription_has_no_arn_in_lists(sns: Any, topic: str) -> None:
    _subscribe(sns, topic)

    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]

    assert [s["SubscriptionArn"] for s in listed] == ["PendingConfirmation"]
    assert [s["Endpoint"] for s in listed] == [ME]


def test_n2_its_attributes_say_that_it_is_pending(sns: Any, topic: str) -> None:
    arn = _subscribe(sns, topic)

    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]

    assert attributes["PendingConfirmation"] == "true"


def test_n4_pending_confirmation_is_no_arn(sns: Any) -> None:
    answer = refused(sns.unsubscribe, SubscriptionArn="PendingConfirmation")

    test = f"{SUBSCRIPTIONS}::test_unsubscribe_wrong_arn_format"
    assert_like(answer, recorded("sns", test, "invalid-unsubscribe-arn-1"))


def test_n5_each_request_sends_another_mail(aws: Aws, sns: Any, topic: str) -> None:
    first = _subscribe(sns, topic)

    second = _subscribe(sns, topic)

    mails = [m for m in aws.state.mailbox.messages() if m["attributes"]["TopicArn"] == topic]
    assert first == second
    assert [m["kind"] for m in mails] == ["confirmation", "confirmation"]


def test_n5_a_confirmed_subscription_is_returned_without_a_mail(
    aws: Aws, sns: Any, topic: str
) -> None:
    arn = _subscribe(sns, topic)
    aws.state.mailbox.confirm_address(ME)

    again = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=ME)["SubscriptionArn"]

    mails = [m for m in aws.state.mailbox.messages() if m["attributes"]["TopicArn"] == topic]
    assert again == arn
    assert len(mails) == 1


def test_n5_other_attributes_are_refused(sns: Any, topic: str) -> None:
    _subscribe(sns, topic)

    found = error(
        sns.subscribe,
        TopicArn=topic,
        Protocol="email",
        Endpoint=ME,
        Attributes={"FilterPolicy": '{"kind":["failure"]}'},
    )

    text = "Attributes Reason: Subscription already exists with different attributes"
    assert found == ("InvalidParameter", f"Invalid parameter: {text}", 400)


def test_n6_creating_the_same_topic_again_returns_it(sns: Any, topic: str) -> None:
    assert sns.create_topic(Name=topic.rpartition(":")[2])["TopicArn"] == topic


def test_n6_other_attributes_are_refused(sns: Any, name: str) -> None:
    sns.create_topic(Name=name, Attributes={"DisplayName": "Value1"})

    answer = refused(sns.create_topic, Name=name, Attributes={"DisplayName": "Value2"})

    test = f"{TOPICS}::test_create_topic_different_attrs"
    assert_like(answer, recorded("sns", test, "create-topic-diff-attrs"))


def test_n6_other_tags_are_refused(sns: Any, name: str) -> None:
    sns.create_topic(Name=name, Tags=[{"Key": "a", "Value": "1"}])

    found = error(sns.create_topic, Name=name, Tags=[{"Key": "a", "Value": "2"}])

    text = "Tags Reason: Topic already exists with different tags"
    assert found == ("InvalidParameter", f"Invalid parameter: {text}", 400)


def test_n6_a_tag_may_not_be_there_twice(sns: Any, name: str) -> None:
    twice = [{"Key": "k1", "Value": "v1"}, {"Key": "k1", "Value": "v2"}]

    answer = refused(sns.create_topic, Name=name, Tags=twice)

    assert_like(answer, recorded("sns", "TestSNSTopicCrud::test_tags", "duplicate-key-error"))


def test_n6_a_topic_made_anew_may_have_other_tags(sns: Any, name: str) -> None:
    arn = sns.create_topic(Name=name, Tags=[{"Key": "a", "Value": "1"}])["TopicArn"]
    sns.delete_topic(TopicArn=arn)

    again = sns.create_topic(Name=name, Tags=[{"Key": "a", "Value": "2"}])

    assert again["TopicArn"] == arn


def test_n7_a_message_must_not_be_empty(sns: Any, topic: str) -> None:
    answer = refused(sns.publish, TopicArn=topic, Message="")

    assert_like(answer, recorded("sns", f"{PUBLISH}::test_empty_sns_message", "empty-msg-error"))


def test_n7_a_message_must_not_be_too_long(sns: Any, topic: str) -> None:
    answer = refused(sns.publish, TopicArn=topic, Message="x" * 262_145)

    assert_like(answer, recorded("sns", f"{PUBLISH}::test_publish_too_long_message", "error"))


@pytest.mark.parametrize("subject", ["", "two\nlines", "x" * 100])
def test_n7_a_subject_is_short_and_has_one_line(sns: Any, topic: str, subject: str) -> None:
    answer = refused(sns.publish, TopicArn=topic, Message="m", Subject=subject)

    test = f"{PUBLISH}::test_publish_with_empty_subject"
    assert_like(answer, recorded("sns", test, "response-with-empty-subject"))


@pytest.mark.parametrize(
    ("message", "step"),
    [
        ("not json", "invalid-json"),
        ('{"email": "x"}', "missing-default-key"),
        ('{"default": {"a": 1}}', "key-is-not-string"),
    ],
)
def test_n7_a_structured_message_has_a_default(
    sns: Any, topic: str, message: str, step: str
) -> None:
    answer = refused(sns.publish, TopicArn=topic, Message=message, MessageStructure="json")

    test = f"{PUBLISH}::test_message_structure_json_exc"
    assert_like(answer, recorded("sns", test, step))


def test_n7_a_topic_of_another_region_is_refused(aws: Aws, topic: str) -> None:
    elsewhere = aws.client("sns", region_name="eu-west-1")

    answer = refused(elsewhere.publish, TopicArn=topic, Message="m")

    assert_like(answer, recorded("sns", f"{PUBLISH}::test_topic_publish_another_region", "error"))


def test_n9_deleting_a_topic_twice_succeeds(sns: Any, topic: str) -> None:
    sns.delete_topic(TopicArn=topic)

    assert sns.delete_topic(TopicArn=topic)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_n10_the_token_of_the_mail_confirms(aws: Aws, sns: Any, topic: str) -> None:
    arn = _subscribe(sns, topic)
    token = aws.state.mailbox.messages()[-1]["attributes"]["Token"]

    answer = sns.confirm_subscription(TopicArn=topic, Token=token)

    assert answer["SubscriptionArn"] == arn
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [s["SubscriptionArn"] for s in listed] == [arn]


def test_n10_a_wrong_token_is_refused(sns: Any, topic: str) -> None:
    code, _, status = error(sns.confirm_subscription, TopicArn=topic, Token="wrong")

    assert (code, status) == ("InvalidParameter", 400)


def test_n11_unsubscribing_twice_succeeds(sns: Any, topic: str) -> None:
    arn = _subscribe(sns, topic)
    sns.unsubscribe(SubscriptionArn=arn)

    assert sns.unsubscribe(SubscriptionArn=arn)["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.parametrize(
    ("arn", "step"),
    [
        ("arn:aws:sns:us-east-1:random", "invalid-unsubscribe-arn-2"),
        ("arn:aws:sns:us-east-1:123456789012:random", "invalid-unsubscribe-arn-3"),
        ("", "invalid-unsubscribe-arn-4"),
    ],
)
def test_n11_what_is_no_subscription_is_refused(sns: Any, arn: str, step: str) -> None:
    answer = refused(sns.unsubscribe, SubscriptionArn=arn)

    test = f"{SUBSCRIPTIONS}::test_unsubscribe_wrong_arn_format"
    assert_like(answer, recorded("sns", test, step))


def test_n12_a_topic_counts_its_subscriptions(aws: Aws, sns: Any, topic: str) -> None:
    _subscribe(sns, topic, "one@example.com")
    aws.state.mailbox.confirm_address("one@example.com")
    _subscribe(sns, topic, "two@example.com")

    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]

    assert attributes["SubscriptionsPending"] == "1"
    assert attributes["SubscriptionsConfirmed"] == "1"


def test_only_a_confirmed_address_gets_mail(aws: Aws, sns: Any, topic: str) -> None:
    _subscribe(sns, topic, "yes@example.com")
    aws.state.mailbox.confirm_address("yes@example.com")
    _subscribe(sns, topic, "no@example.com")

    sns.publish(TopicArn=topic, Subject="s", Message="for-both")

    got = [m["to"] for m in aws.state.mailbox.messages() if m["body"] == "for-both"]
    assert got == ["yes@example.com"]


def test_mail_takes_its_own_text_of_a_structured_message(aws: Aws, sns: Any, topic: str) -> None:
    _subscribe(sns, topic)
    aws.state.mailbox.confirm_address(ME)

    sns.publish(
        TopicArn=topic, Message='{"default": "d", "email": "for-mail"}', MessageStructure="json"
    )

    assert aws.state.mailbox.messages()[-1]["body"] == "for-mail"


def test_a_filter_policy_keeps_mail_away(aws: Aws, sns: Any, topic: str) -> None:
    sns.subscribe(
        TopicArn=topic,
        Protocol="email",
        Endpoint=ME,
        Attributes={"FilterPolicy": '{"kind": ["failure"]}'},
    )
    aws.state.mailbox.confirm_address(ME)
    success = {"kind": {"DataType": "String", "StringValue": "success"}}

    sns.publish(TopicArn=topic, Message="filtered-out", MessageAttributes=success)

    assert all(m["body"] != "filtered-out" for m in aws.state.mailbox.messages())


def _subscribe(sns: Any, topic: str, address: str = ME) -> str:
    answer = sns.subscribe(
        TopicArn=topic, Protocol="email", Endpoint=address, ReturnSubscriptionArn=True
    )
    return str(answer["SubscriptionArn"])

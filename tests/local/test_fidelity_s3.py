"""S3 as AWS answers, row by row of the behaviour catalogue."""

from __future__ import annotations

from typing import Any

import pytest
from moto.s3.utils import _VersionedKeyStore

from tests.local.conftest import ACCOUNT, REGION, Aws, error, refused
from tests.local.recordings import assert_like, recorded

NOTIFICATIONS = "TestS3BucketNotificationConfiguration"
TO_SQS = "TestS3NotificationsToSQS"
TAGS = [{"Key": "tag1", "Value": "value1"}]


def test_s1_us_east_1_takes_no_location_constraint(s3: Any, name: str) -> None:
    answer = refused(
        s3.create_bucket,
        Bucket=name,
        CreateBucketConfiguration={"LocationConstraint": "us-east-1"},
    )

    test = "TestS3::test_create_bucket_with_invalid_location_constraint[us-east-1-us-east-1]"
    expected = recorded("s3", test, "us-east-1-location-constraint-us-east-1-error")
    assert_like(answer, expected)


def test_s1_other_regions_need_a_location_constraint(aws: Aws, name: str) -> None:
    elsewhere = aws.client("s3", region_name="eu-west-1")

    assert error(elsewhere.create_bucket, Bucket=name) == (
        "IllegalLocationConstraintException",
        "The unspecified location constraint is incompatible for the region specific endpoint "
        "this request was sent to.",
        400,
    )


def test_s2_creating_again_in_us_east_1_succeeds(s3: Any, bucket: str) -> None:
    answer = s3.create_bucket(Bucket=bucket)

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_s2_creating_again_elsewhere_says_it_is_ours(aws: Aws, bucket: str) -> None:
    elsewhere = aws.client("s3", region_name="us-east-2")
    where = {"LocationConstraint": "us-east-2"}

    answer = refused(elsewhere.create_bucket, Bucket=bucket, CreateBucketConfiguration=where)

    test = "TestS3::test_create_bucket_with_existing_name"
    assert_like(answer, recorded("s3", test, "create-bucket-us-east-2"))


@pytest.mark.parametrize(
    ("tags", "step"),
    [
        (TAGS, "create-bucket-with-same-tags"),
        ([{"Key": "tag1", "Value": "other"}], "create-bucket-different-tags"),
    ],
)
def test_s2_creating_again_with_tags_is_refused(
    s3: Any, name: str, tags: list[dict[str, str]], step: str
) -> None:
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": TAGS})

    answer = refused(s3.create_bucket, Bucket=name, CreateBucketConfiguration={"Tags": tags})

    test = "TestS3BucketObjectTagging::test_create_bucket_with_tags_us_east_1_idempotency"
    assert_like(answer, recorded("s3", test, step))


@pytest.mark.parametrize(
    "name",
    [
        "Upper-case",
        "under_score",
        "192.168.1.1",
        "two..dots",
        "-begins-with-dash",
        "ends-with-dash-",
        "sthree-reserved",
        "mine-s3alias",
        "ends-in-an",
        "x" * 64,
    ],
)
def test_s6_an_invalid_name_is_refused(aws: Aws, name: str) -> None:
    # botocore checks some names itself; the server must as well.
    s3 = aws.client("s3")
    s3.meta.events.unregister("before-parameter-build.s3", _validator(s3))

    code, text, status = error(s3.create_bucket, Bucket=name)

    assert (code, text, status) == (
        "InvalidBucketName",
        "The specified bucket is not valid.",
        400,
    )


def _validator(s3: Any) -> Any:
    from botocore.handlers import validate_bucket_name

    return validate_bucket_name


def test_s7_an_account_regional_bucket_carries_its_namespace_in_its_name(
    s3: Any, name: str
) -> None:
    whole = f"{name}-{ACCOUNT}-{REGION}-an"

    answer = s3.create_bucket(Bucket=whole, BucketNamespace="account-regional")

    assert answer["BucketArn"] == f"arn:aws:s3:::{whole}"


def test_s7_the_suffix_must_be_this_account_and_region(s3: Any, name: str) -> None:
    code, _, status = error(
        s3.create_bucket,
        Bucket=f"{name}-{ACCOUNT}-eu-west-1-an",
        BucketNamespace="account-regional",
    )

    assert (code, status) == ("InvalidBucketName", 400)


def test_s8_a_bucket_is_created_with_its_tags(s3: Any, name: str) -> None:
    created = s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": TAGS})

    test = "TestS3BucketObjectTagging::test_create_bucket_with_tags"
    assert_like(created, recorded("s3", test, "create-bucket-with-tags"))
    assert_like(s3.get_bucket_tagging(Bucket=name), recorded("s3", test, "get-bucket-tags"))


@pytest.mark.parametrize(
    ("tags", "step"),
    [
        ([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}], "tags-key-aws-duplicated-key"),
        ([{"Key": "aws:a", "Value": "1"}], "tags-key-aws-prefix"),
        ([{"Key": "test,test2", "Value": "1"}], "tags-key-aws-bad-key"),
        ([{"Key": "test", "Value": "value1,value2"}], "tags-key-aws-bad-value"),
    ],
)
def test_s8_a_bad_tag_fails_the_creation(
    s3: Any, name: str, tags: list[dict[str, str]], step: str
) -> None:
    answer = refused(s3.create_bucket, Bucket=name, CreateBucketConfiguration={"Tags": tags})

    test = "TestS3BucketObjectTagging::test_create_bucket_with_tags_exc"
    assert_like(answer, recorded("s3", test, step))


def test_s9_a_new_bucket_blocks_public_access(s3: Any, bucket: str) -> None:
    answer = s3.get_public_access_block(Bucket=bucket)

    test = "TestS3PublicAccessBlock::test_crud_public_access_block"
    assert_like(answer, recorded("s3", test, "get-default-public-access-block"))


def test_s9_a_new_bucket_is_encrypted(s3: Any, bucket: str) -> None:
    answer = s3.get_bucket_encryption(Bucket=bucket)

    test = "TestS3BucketEncryption::test_s3_default_bucket_encryption"
    assert_like(answer, recorded("s3", test, "default-bucket-encryption"))


def test_s9_a_new_bucket_is_its_owners(s3: Any, bucket: str) -> None:
    answer = s3.get_bucket_ownership_controls(Bucket=bucket)

    test = "TestS3BucketOwnershipControls::test_crud_bucket_ownership_controls"
    assert_like(answer, recorded("s3", test, "default-ownership"))


@pytest.mark.parametrize(
    ("setting", "test", "step"),
    [
        (
            "public_access_block",
            "TestS3PublicAccessBlock::test_crud_public_access_block",
            "get-public-access-block-after-delete",
        ),
        (
            "bucket_ownership_controls",
            "TestS3BucketOwnershipControls::test_crud_bucket_ownership_controls",
            "get-ownership-after-delete",
        ),
    ],
)
def test_s9_a_deleted_setting_is_gone(
    s3: Any, bucket: str, setting: str, test: str, step: str
) -> None:
    getattr(s3, f"delete_{setting}")(Bucket=bucket)

    answer = refused(getattr(s3, f"get_{setting}"), Bucket=bucket)

    assert_like(answer, recorded("s3", test, step))


def test_s9_deleted_encryption_is_answered_empty(s3: Any, bucket: str) -> None:
    s3.delete_bucket_encryption(Bucket=bucket)

    answer = s3.get_bucket_encryption(Bucket=bucket)

    assert not answer.get("ServerSideEncryptionConfiguration")


def test_s9_a_new_bucket_takes_no_acl(s3: Any, bucket: str) -> None:
    code, _, status = error(s3.put_object, Bucket=bucket, Key="k", Body=b"", ACL="public-read")

    assert (code, status) == ("AccessControlListNotSupported", 400)


def test_s10_a_function_without_permission_cannot_be_notified(
    s3: Any, bucket: str, function: str
) -> None:
    answer = refused(_notify, s3=s3, bucket=bucket, function=function)

    assert answer["Error"] == {
        "Code": "InvalidArgument",
        "Message": "Unable to validate the following destination configurations",
        "ArgumentName1": f"{function}, null",
        "ArgumentValue1": f"Not authorized to invoke function [{function}]",
    }
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_s10_a_missing_function_is_refused_in_the_same_words(s3: Any, bucket: str) -> None:
    missing = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:missing"

    answer = refused(_notify, s3=s3, bucket=bucket, function=missing)

    assert answer["Error"]["ArgumentValue1"] == f"Not authorized to invoke function [{missing}]"


def test_s10_a_permission_for_another_bucket_does_not_help(
    s3: Any, lambda_: Any, bucket: str, function: str
) -> None:
    _permit(lambda_, function, "another-bucket")

    code, _, _ = error(_notify, s3=s3, bucket=bucket, function=function)

    assert code == "InvalidArgument"


def test_s11_a_dead_foreign_entry_fails_our_put(
    s3: Any, lambda_: Any, bucket: str, function: str
) -> None:
    _permit(lambda_, function, bucket)
    dead = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:dead"
    entries = [_entry(function, prefix="a/"), _entry(dead, prefix="b/")]

    answer = refused(_notify, s3=s3, bucket=bucket, entries=entries)

    assert answer["Error"]["ArgumentName1"] == f"{dead}, null"
    assert "ArgumentName2" not in answer["Error"]


def test_s11_validation_can_be_skipped(s3: Any, bucket: str) -> None:
    dead = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:dead"

    _notify(s3=s3, bucket=bucket, function=dead, SkipDestinationValidation=True)

    read = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert read["LambdaFunctionConfigurations"][0]["LambdaFunctionArn"] == dead


def test_s11_a_malformed_arn_is_refused_even_then(s3: Any, bucket: str) -> None:
    configuration = {
        "QueueConfigurations": [{"QueueArn": "invalid-queue", "Events": ["s3:ObjectCreated:*"]}]
    }

    answer = refused(
        s3.put_bucket_notification_configuration,
        Bucket=bucket,
        NotificationConfiguration=configuration,
        SkipDestinationValidation=True,
    )

    assert_like(answer, recorded("s3", f"{TO_SQS}::test_invalid_sqs_arn", "invalid_skip"))


def test_s11_a_missing_queue_is_named(s3: Any, bucket: str) -> None:
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:my-queue"
    configuration = {"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}]}

    answer = refused(
        s3.put_bucket_notification_configuration,
        Bucket=bucket,
        NotificationConfiguration=configuration,
    )

    expected = recorded("s3", f"{TO_SQS}::test_invalid_sqs_arn", "queue-does-not-exist")
    assert_like(answer, expected)


def test_s13_a_put_replaces_everything(s3: Any, lambda_: Any, bucket: str, function: str) -> None:
    _permit(lambda_, function, bucket)
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )

    _notify(s3=s3, bucket=bucket, function=function)

    read = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert "EventBridgeConfiguration" not in read


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"prefix": "a/"}, {"prefix": "a/b/"}),
        ({"prefix": "a/", "suffix": ".jpg"}, {"prefix": "a/", "suffix": "x.jpg"}),
        ({"prefix": "a/"}, {"suffix": ".jpg"}),
    ],
)
def test_s15_overlapping_filters_are_refused(
    s3: Any,
    lambda_: Any,
    bucket: str,
    function: str,
    one: dict[str, str],
    other: dict[str, str],
) -> None:
    _permit(lambda_, function, bucket)

    code, text, status = error(
        _notify, s3=s3, bucket=bucket, entries=[_entry(function, **one), _entry(function, **other)]
    )

    assert (code, status) == ("InvalidArgument", 400)
    assert text == (
        "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if "
        "the prefixes are overlapping for the same event type."
    )


def test_s16_filter_names_are_read_back_with_a_capital(
    s3: Any, lambda_: Any, bucket: str, function: str
) -> None:
    _permit(lambda_, function, bucket)
    rules = [{"Name": "prefix", "Value": "notif-"}, {"Name": "suffix", "Value": ".txt"}]
    entry = _entry(function) | {"Filter": {"Key": {"FilterRules": rules}}}

    _notify(s3=s3, bucket=bucket, entries=[entry])

    read = s3.get_bucket_notification_configuration(Bucket=bucket)
    expected = recorded(
        "s3", f"{TO_SQS}::test_filter_rules_case_insensitive", "bucket_notification_configuration"
    )
    assert (
        read["LambdaFunctionConfigurations"][0]["Filter"]
        == (expected["QueueConfigurations"][0]["Filter"])
    )


def test_s16_an_empty_filter_value_is_kept(
    s3: Any, lambda_: Any, bucket: str, function: str
) -> None:
    _permit(lambda_, function, bucket)
    entry = _entry(function)
    entry["Filter"] = {"Key": {"FilterRules": [{"Name": "suffix", "Value": ""}]}}

    _notify(s3=s3, bucket=bucket, entries=[entry])

    read = s3.get_bucket_notification_configuration(Bucket=bucket)
    rules = read["LambdaFunctionConfigurations"][0]["Filter"]["Key"]["FilterRules"]
    assert rules == [{"Name": "Suffix", "Value": ""}]


def test_s16_an_unknown_filter_name_is_refused(s3: Any, bucket: str, function: str) -> None:
    entry = _entry(function)
    entry["Filter"] = {"Key": {"FilterRules": [{"Name": "INVALID", "Value": "x"}]}}

    answer = refused(_notify, s3=s3, bucket=bucket, entries=[entry])

    test = f"{NOTIFICATIONS}::test_bucket_notification_with_invalid_filter_rules"
    assert_like(answer, recorded("s3", test, "invalid_filter_name"))


@pytest.mark.parametrize(
    ("rule", "step"),
    [
        ({"Value": "x"}, "invalid-rule-no-name"),
        ({"Name": "prefix"}, "invalid-rule-no-value"),
        ({}, "invalid-rule-no-values"),
    ],
)
def test_s16_an_incomplete_filter_is_malformed(
    s3: Any, bucket: str, function: str, rule: dict[str, str], step: str
) -> None:
    entry = _entry(function) | {"Filter": {"Key": {"FilterRules": [rule]}}}

    answer = refused(_notify, s3=s3, bucket=bucket, entries=[entry])

    test = f"{NOTIFICATIONS}::test_bucket_notification_with_missing_values_in_rule"
    assert_like(answer, recorded("s3", test, step))


def test_s25_a_bucket_with_objects_is_not_deleted(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"")

    answer = refused(s3.delete_bucket, Bucket=bucket)

    test = "TestS3BucketCRUD::test_delete_bucket_with_objects"
    assert_like(answer, recorded("s3", test, "delete-with-obj"))


def test_s25_a_versioned_bucket_says_that_versions_are_left(s3: Any, bucket: str) -> None:
    enabled = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    s3.delete_object(Bucket=bucket, Key="k")

    answer = refused(s3.delete_bucket, Bucket=bucket)

    test = "TestS3BucketCRUD::test_delete_versioned_bucket_with_objects"
    assert_like(answer, recorded("s3", test, "delete-with-obj-and-delete-marker"))


def test_s25_unfinished_uploads_do_not_keep_a_bucket(s3: Any, bucket: str) -> None:
    s3.create_multipart_upload(Bucket=bucket, Key="k")

    answer = s3.delete_bucket(Bucket=bucket)

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_s26_a_thousand_and_one_keys_are_too_many(s3: Any, bucket: str) -> None:
    keys = [{"Key": str(number)} for number in range(1001)]

    code, _, status = error(s3.delete_objects, Bucket=bucket, Delete={"Objects": keys})

    assert (code, status) == ("MalformedXML", 400)


def test_s28_a_client_of_another_region_finds_the_right_one(aws: Aws, bucket: str) -> None:
    elsewhere = aws.client("s3", region_name="eu-west-1")

    assert elsewhere.head_bucket(Bucket=bucket)["BucketRegion"] == REGION
    assert elsewhere.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_s28_a_wrong_region_names_the_right_one(aws: Aws, bucket: str) -> None:
    elsewhere = aws.client("s3", region_name="eu-west-1")
    redirected = []
    elsewhere.meta.events.register_first(
        "needs-retry.s3", lambda response, **_: redirected.append(response[1].get("Error"))
    )

    elsewhere.list_objects_v2(Bucket=bucket)

    assert redirected[0] == {
        "Code": "AuthorizationHeaderMalformed",
        "Message": "The authorization header is malformed; the region 'eu-west-1' is wrong; "
        "expecting 'us-east-1'",
        "Region": REGION,
    }


def test_s29_another_expected_owner_is_refused(s3: Any, bucket: str) -> None:
    answer = refused(s3.delete_bucket_policy, Bucket=bucket, ExpectedBucketOwner="000000000002")

    test = "TestS3::test_delete_bucket_policy_expected_bucket_owner"
    step = "delete-bucket-policy-with-expected-bucket-owner-error"
    assert_like(answer, recorded("s3", test, step))


def test_s29_an_expected_owner_must_be_an_account(s3: Any, bucket: str) -> None:
    answer = refused(s3.get_bucket_policy, Bucket=bucket, ExpectedBucketOwner="abcd")

    test = "TestS3::test_get_bucket_policy_invalid_account_id[abcd]"
    assert_like(answer, recorded("s3", test, "get-bucket-policy-invalid-bucket-owner"))


def test_s29_ones_own_account_is_welcome(s3: Any, bucket: str) -> None:
    answer = s3.put_object(Bucket=bucket, Key="k", Body=b"", ExpectedBucketOwner=ACCOUNT)

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_tls_only_policy_lets_the_local_aws_in(s3: Any, bucket: str) -> None:
    policy = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*",'
        f'"Resource":["arn:aws:s3:::{bucket}","arn:aws:s3:::{bucket}/*"],'
        '"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}'
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)

    s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def _permit(lambda_: Any, function: str, bucket: str) -> None:
    lambda_.add_permission(
        FunctionName=function,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
        SourceAccount=ACCOUNT,
    )


def _entry(function: str, **affixes: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}
    if affixes:
        rules = [{"Name": name, "Value": value} for name, value in affixes.items()]
        entry["Filter"] = {"Key": {"FilterRules": rules}}
    return entry


def _notify(
    *,
    s3: Any,
    bucket: str,
    function: str = "",
    entries: list[dict[str, Any]] | None = None,
    **options: Any,
) -> None:
    chosen = entries or [_entry(function)]
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"LambdaFunctionConfigurations": chosen},
        **options,
    )


@pytest.mark.parametrize(
    "key", ["new\nline\ttab.jpg", "carriage\r\nreturn", "é \x01 + 100%", "//a"]
)
def test_a_key_may_hold_any_character(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=b"1")

    listed = s3.list_object_versions(Bucket=bucket)["Versions"]

    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"1"
    assert [version["Key"] for version in listed] == [key]


def test_a_bucket_is_listed_while_objects_are_deleted(aws: Aws) -> None:
    assert aws.server  # in this process, so that moto's own store can be looked at
    objects = _VersionedKeyStore()
    for key in ("a", "b", "c"):
        objects[key] = key
    listed = iter(objects.items())

    first = next(listed)
    del objects["b"]

    assert [first, *listed] == [("a", "a"), ("c", "c")]

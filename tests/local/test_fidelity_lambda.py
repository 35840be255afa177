"""Lambda's answers about functions, row by row of the behaviour catalogue."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.local.conftest import ACCOUNT, ECHO, REGION, Aws, error, make_role, refused, zipped
from tests.local.recordings import assert_like, recorded

FUNCTION = "TestLambdaFunction"
LIFECYCLE = f"{FUNCTION}::test_function_lifecycle"
LAYERS = "TestLambdaLayer::test_layer_function_exceptions"
PERMISSIONS = "TestLambdaPermissions::test_permission_exceptions"
INVOKE_CONFIG = "TestLambdaEventInvokeConfig"
LOGGING = "TestLoggingConfig::test_function_partial_advanced_logging_configuration_update"
# AWS's own hashes, sizes and regions differ from ours, and so do the tests' settings.
RUNTIME = ("Runtime", "Handler", "MemorySize", "Timeout", "Description")
Deploy = Callable[..., str]


def _create(lambda_: Any, role: str, name: str, **settings: Any) -> Any:
    chosen = {
        "FunctionName": name,
        "Runtime": "python3.12",
        "Role": role,
        "Handler": "handler.handler",
        "Code": {"ZipFile": zipped({"handler.py": ECHO})},
        **settings,
    }
    return lambda_.create_function(**chosen)


def test_i1_a_role_with_another_trust_policy_cannot_be_assumed(
    iam: Any, lambda_: Any, name: str
) -> None:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    trust |= {"Principal": {"Service": "ec2.amazonaws.com"}}  # type: ignore[dict-item]
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]

    found = error(_create, lambda_=lambda_, role=role, name=name)

    text = "The role defined for the function cannot be assumed by Lambda."
    assert found == ("InvalidParameterValueException", text, 400)


def test_i1_a_missing_role_is_refused_in_the_same_words(lambda_: Any, name: str) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/missing"

    _, text, _ = error(_create, lambda_=lambda_, role=role, name=name)

    assert text == "The role defined for the function cannot be assumed by Lambda."


def test_i1_what_is_no_role_arn_breaks_the_model(lambda_: Any, name: str) -> None:
    answer = refused(_create, lambda_=lambda_, role="r1", name=name)

    test = f"{FUNCTION}::test_create_lambda_exceptions"
    assert_like(answer, recorded("lambda", test, "invalid_role_arn_exc"))


def test_l1_a_new_function_is_pending(lambda_: Any, role: str, name: str) -> None:
    settings = {"MemorySize": 256, "Timeout": 5, "Environment": {"Variables": {}}}

    made = _create(lambda_, role, name, **settings)

    expected = recorded("lambda", LIFECYCLE, "create_response", "CreateFunctionResponse")
    assert_like(made, expected, but=("CodeSize",))


def test_l1_and_then_active_under_another_revision(lambda_: Any, role: str, name: str) -> None:
    settings = {"MemorySize": 256, "Timeout": 5, "Environment": {"Variables": {}}}
    made = _create(lambda_, role, name, **settings)

    read = lambda_.get_function(FunctionName=name)

    assert_like(read, recorded("lambda", LIFECYCLE, "get_function_response"), but=("CodeSize",))
    assert read["Configuration"]["RevisionId"] != made["RevisionId"]


def test_l3_an_update_is_in_progress(lambda_: Any, role: str, name: str) -> None:
    _create(lambda_, role, name, MemorySize=256, Timeout=5)

    updated = lambda_.update_function_configuration(
        FunctionName=name, Environment={"Variables": {"ENV_A": "a"}}
    )

    expected = recorded("lambda", LIFECYCLE, "update_code_response")
    assert_like(updated, expected, but=("CodeSize", "CodeSha256", *RUNTIME))


def test_l7_a_name_is_taken(lambda_: Any, role: str, function: str) -> None:
    name = function.rpartition(":")[2]

    found = error(_create, lambda_=lambda_, role=role, name=name)

    assert found == ("ResourceConflictException", f"Function already exist: {name}", 409)


def test_l9_an_update_for_another_revision_fails(lambda_: Any, function: str) -> None:
    answer = refused(
        lambda_.update_function_configuration,
        FunctionName=function,
        Description="d",
        RevisionId="00000000-0000-0000-0000-000000000000",
    )

    test = "TestLambdaPermissions::test_lambda_permission_revisions"
    expected = recorded("lambda", test, "add_permission_revision_id_doesnotmatch")
    assert_like(answer, expected)


def test_l10_a_dry_run_tells_the_new_hash_and_changes_nothing(lambda_: Any, function: str) -> None:
    code = zipped({"code.py": "other = 1\n"})
    before = lambda_.get_function_configuration(FunctionName=function)["CodeSha256"]

    answer = lambda_.update_function_code(FunctionName=function, ZipFile=code, DryRun=True)

    assert answer["CodeSha256"] == base64.b64encode(hashlib.sha256(code).digest()).decode()
    after = lambda_.get_function_configuration(FunctionName=function)["CodeSha256"]
    assert after == before


def test_l11_a_broken_zip_is_refused(lambda_: Any, role: str, name: str) -> None:
    answer = refused(_create, lambda_=lambda_, role=role, name=name, Code={"ZipFile": b"no zip"})

    test = f"{FUNCTION}::test_create_lambda_exceptions"
    assert_like(answer, recorded("lambda", test, "invalid_zip_exc"))


def test_l12_the_environment_has_4_kb(lambda_: Any, role: str, name: str) -> None:
    variables = {"LARGE_VAR": "x" * 4096}

    code, text, status = error(
        _create, lambda_=lambda_, role=role, name=name, Environment={"Variables": variables}
    )

    measured = json.dumps(variables, separators=(",", ":"))
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert text == (
        "Lambda was unable to configure your environment variables because the environment "
        f"variables you have provided exceeded the 4KB limit. String measured: {measured}"
    )


@pytest.mark.parametrize(
    ("layer", "step"),
    [
        (f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:doesnotexist:1", "add_nonexistent_layer_exc"),
        (f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:one", "add_layer_arn_without_version_exc"),
        (
            f"arn:aws:lambda:eu-west-1:{ACCOUNT}:layer:one:1",
            "create_function_with_layer_in_different_region",
        ),
    ],
)
def test_l13_a_layer_must_exist_here(lambda_: Any, function: str, layer: str, step: str) -> None:
    answer = refused(lambda_.update_function_configuration, FunctionName=function, Layers=[layer])

    assert_like(answer, recorded("lambda", LAYERS, step))


def test_l13_a_layer_may_not_be_there_twice(lambda_: Any, function: str, name: str) -> None:
    one, two = _publish(lambda_, name), _publish(lambda_, name)

    answer = refused(
        lambda_.update_function_configuration, FunctionName=function, Layers=[one, two]
    )

    step = "two_layer_versions_single_function_exc"
    assert_like(answer, recorded("lambda", LAYERS, step))


def test_l14_a_published_layer_is_answered_as_recorded(lambda_: Any, name: str) -> None:
    made = lambda_.publish_layer_version(
        LayerName=name,
        Description="d",
        LicenseInfo="l",
        Content={"ZipFile": zipped({"python/m.py": ""})},
        CompatibleRuntimes=["python3.12"],
        CompatibleArchitectures=["x86_64"],
    )

    test = "TestLambdaLayer::test_layer_lifecycle"
    assert_like(made, recorded("lambda", test, "publish_result"), but=("CodeSize",))
    read = lambda_.get_layer_version_by_arn(Arn=made["LayerVersionArn"])
    expected = recorded("lambda", test, "get_layer_by_arn_version")
    assert_like(read, expected, but=("CodeSize",))


def test_l14_deleting_a_layer_version_twice_succeeds(lambda_: Any, name: str) -> None:
    _publish(lambda_, name)
    lambda_.delete_layer_version(LayerName=name, VersionNumber=1)

    again = lambda_.delete_layer_version(LayerName=name, VersionNumber=1)

    test = "TestLambdaLayer::test_layer_lifecycle"
    assert_like(again, recorded("lambda", test, "delete_layer_1"))


def test_l14_deleting_a_version_of_no_layer_succeeds(lambda_: Any, name: str) -> None:
    answer = lambda_.delete_layer_version(LayerName=name, VersionNumber=1)

    test = "TestLambdaLayer::test_layer_lifecycle"
    assert_like(answer, recorded("lambda", test, "delete_layer_1"))


def test_l14_version_numbers_are_not_used_again(lambda_: Any, name: str) -> None:
    _publish(lambda_, name)
    lambda_.delete_layer_version(LayerName=name, VersionNumber=1)

    assert _publish(lambda_, name).endswith(":2")


def test_l14_a_function_goes_on_with_a_deleted_layer(
    lambda_: Any, deploy: Deploy, name: str
) -> None:
    layer = _publish(lambda_, name, "answer = 42\n")
    source = "import in_layer\ndef handler(event, context):\n    return in_layer.answer\n"
    function = deploy(source, Layers=[layer])
    lambda_.delete_layer_version(LayerName=name, VersionNumber=1)

    answer = lambda_.invoke(FunctionName=function)

    assert json.load(answer["Payload"]) == 42


def test_l15_a_bare_name_has_64_characters(lambda_: Any, role: str) -> None:
    name = "x" * 65

    found = error(_create, lambda_=lambda_, role=role, name=name)

    assert found == (
        "ValidationException",
        f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy "
        "constraint: Member must have length less than or equal to 64",
        400,
    )


def test_l16_a_statement_id_is_taken(lambda_: Any, function: str) -> None:
    _permit(lambda_, function, "s3")

    answer = refused(_permit, lambda_=lambda_, function=function, sid="s3")

    step = "add_permission_conflicting_statement_id"
    assert_like(answer, recorded("lambda", PERMISSIONS, step))


def test_l16_a_statement_id_has_no_dot(lambda_: Any, function: str) -> None:
    answer = refused(_permit, lambda_=lambda_, function=function, sid="example.com")

    step = "add_permission_invalid_statement_id"
    assert_like(answer, recorded("lambda", PERMISSIONS, step))


def test_l18_a_permission_needs_its_function(lambda_: Any) -> None:
    answer = refused(_permit, lambda_=lambda_, function="doesnotexist", sid="s3")

    assert_like(answer, recorded("lambda", PERMISSIONS, "add_permission_fn_doesnotexist"))


def test_l19_there_is_no_policy_at_first(lambda_: Any, function: str) -> None:
    answer = refused(lambda_.get_policy, FunctionName=function)

    assert_like(answer, recorded("lambda", PERMISSIONS, "get_policy_fn_doesnotexist"))


def test_l19_without_a_policy_nothing_can_be_removed(lambda_: Any, function: str) -> None:
    answer = refused(lambda_.remove_permission, FunctionName=function, StatementId="s3")

    step = "remove_permission_policy_doesnotexist"
    assert_like(answer, recorded("lambda", PERMISSIONS, step))


def test_l19_a_missing_statement_is_named(lambda_: Any, function: str) -> None:
    _permit(lambda_, function, "s3")

    answer = refused(lambda_.remove_permission, FunctionName=function, StatementId="non-existent")

    test = "TestLambdaPermissions::test_remove_multi_permissions"
    step = "remove_permission_exception_nonexisting_sid"
    assert_like(answer, recorded("lambda", test, step))


def test_l20_source_arn_and_account_become_conditions(lambda_: Any, function: str) -> None:
    added = _permit(lambda_, function, "s3", SourceArn="arn:aws:s3:::b", SourceAccount=ACCOUNT)

    statement = json.loads(added["Statement"])
    assert statement["Condition"] == {
        "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
        "StringEquals": {"AWS:SourceAccount": ACCOUNT},
    }
    test = "TestLambdaPermissions::test_add_lambda_permission_aws"
    expected = recorded("lambda", test, "add_permission")["Statement"]
    assert statement.keys() == expected.keys()


def test_l21_the_second_put_replaces_the_first(lambda_: Any, function: str) -> None:
    lambda_.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=1, MaximumEventAgeInSeconds=60
    )
    lambda_.put_function_event_invoke_config(FunctionName=function, MaximumRetryAttempts=0)

    read = lambda_.get_function_event_invoke_config(FunctionName=function)

    test = f"{INVOKE_CONFIG}::test_lambda_eventinvokeconfig_exceptions"
    assert_like(read, recorded("lambda", test, "get_post_overwrite"))


def test_l21_an_update_keeps_the_rest(lambda_: Any, function: str) -> None:
    lambda_.put_function_event_invoke_config(FunctionName=function, MaximumEventAgeInSeconds=60)

    updated = lambda_.update_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=1
    )

    test = f"{INVOKE_CONFIG}::test_lambda_eventinvokeconfig_lifecycle"
    assert_like(updated, recorded("lambda", test, "update_invokeconfig_retries"))


def test_l21_an_empty_put_is_refused(lambda_: Any, function: str) -> None:
    answer = refused(lambda_.put_function_event_invoke_config, FunctionName=function)

    test = f"{INVOKE_CONFIG}::test_lambda_eventinvokeconfig_exceptions"
    assert_like(answer, recorded("lambda", test, "put_functionname_nootherargs"))


def test_l21_nothing_is_configured_at_first(lambda_: Any, function: str) -> None:
    answer = refused(lambda_.get_function_event_invoke_config, FunctionName=function)

    test = f"{INVOKE_CONFIG}::test_lambda_eventinvokeconfig_exceptions"
    assert_like(answer, recorded("lambda", test, "delete_function_not_found"))


def test_l21_what_is_configured_is_listed(lambda_: Any, function: str) -> None:
    lambda_.put_function_event_invoke_config(
        FunctionName=function, MaximumRetryAttempts=0, MaximumEventAgeInSeconds=60
    )

    listed = lambda_.list_function_event_invoke_configs(FunctionName=function)
    lambda_.delete_function_event_invoke_config(FunctionName=function)
    after = lambda_.list_function_event_invoke_configs(FunctionName=function)

    test = f"{INVOKE_CONFIG}::test_lambda_eventinvokeconfig_exceptions"
    expected = recorded("lambda", test, "list_configs")
    of_latest = expected["FunctionEventInvokeConfigs"][:1]
    assert_like(listed, {**expected, "FunctionEventInvokeConfigs": of_latest})
    assert_like(after, recorded("lambda", test, "list_configs_postdelete"))


def test_l21_the_function_must_exist(lambda_: Any) -> None:
    answer = refused(
        lambda_.put_function_event_invoke_config,
        FunctionName="doesnotexist",
        MaximumRetryAttempts=0,
    )

    test = f"{INVOKE_CONFIG}::test_lambda_eventinvokeconfig_exceptions"
    assert_like(answer, recorded("lambda", test, "put_functionname_name_notfound"))


def test_i5_a_missing_destination_is_refused(lambda_: Any, function: str) -> None:
    missing = f"arn:aws:sns:{REGION}:{ACCOUNT}:missing"

    found = error(_on_failure, lambda_=lambda_, function=function, target=missing)

    text = f"The destination ARN {missing} is invalid."
    assert found == ("InvalidParameterValueException", text, 400)


def test_i5_the_role_must_be_allowed_to_publish(
    iam: Any, lambda_: Any, function: str, topic: str, name: str
) -> None:
    iam.delete_role_policy(RoleName=name, PolicyName="main")

    found = error(_on_failure, lambda_=lambda_, function=function, target=topic)

    text = f"The function's execution role does not have permissions to call Publish on {topic}"
    assert found == ("InvalidParameterValueException", text, 400)


def test_l26_an_account_keeps_a_hundred_unreserved(lambda_: Any, function: str) -> None:
    answer = refused(
        lambda_.put_function_concurrency,
        FunctionName=function,
        ReservedConcurrentExecutions=901,
    )

    test = "TestLambdaReservedConcurrency::test_function_concurrency_limits"
    expected = recorded("lambda", test, "put_function_concurrency_account_limit_exceeded")
    # The recording lacks the type that every other such error has.
    assert_like(answer, expected, but=("Type",))


def test_l26_a_new_account_cannot_reserve_anything(aws: Aws, lambda_: Any, function: str) -> None:
    with aws.state.changed(faults=frozenset({"account-concurrency-10"})):
        settings = lambda_.get_account_settings()
        _, text, _ = error(
            lambda_.put_function_concurrency,
            FunctionName=function,
            ReservedConcurrentExecutions=1,
        )

    assert settings["AccountLimit"]["ConcurrentExecutions"] == 10
    assert text.endswith("below its minimum value of [10].")


def test_l27_a_function_without_concurrency_is_throttled(lambda_: Any, function: str) -> None:
    lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)

    answer = refused(lambda_.invoke, FunctionName=function)

    test = "TestLambdaConcurrency::test_reserved_concurrency_async_queue"
    assert_like(answer, recorded("lambda", test, "too_many_requests_exc"))


def test_l28_concurrency_needs_its_function(lambda_: Any) -> None:
    answer = refused(
        lambda_.put_function_concurrency,
        FunctionName="doesnotexist",
        ReservedConcurrentExecutions=1,
    )

    test = "TestLambdaReservedConcurrency::test_function_concurrency_exceptions"
    step = "put_function_concurrency_with_function_name_doesnotexist"
    assert_like(answer, recorded("lambda", test, step))


@pytest.mark.parametrize(
    "operation",
    ["get_function", "get_function_configuration", "delete_function", "get_function_concurrency"],
)
def test_l28_a_missing_function_is_named_by_its_arn(
    lambda_: Any, name: str, operation: str
) -> None:
    answer = refused(getattr(lambda_, operation), FunctionName=name)

    test = f"{FUNCTION}::test_ops_on_nonexisting_fn[{operation}]"
    assert_like(answer, recorded("lambda", test, "not_found_exception"))


def test_l28_what_is_missing_cannot_be_updated(lambda_: Any, name: str) -> None:
    found = error(lambda_.update_function_configuration, FunctionName=name, MemorySize=256)

    text = f"Function not found: arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    assert found == ("ResourceNotFoundException", text, 404)


def test_l29_an_old_runtime_is_refused(lambda_: Any, role: str, name: str) -> None:
    answer = refused(_create, lambda_=lambda_, role=role, name=name, Runtime="python3.7")

    test = "TestRuntimeValidation::test_create_deprecated_function_runtime_with_validation_enabled"
    assert_like(answer, recorded("lambda", f"{test}[python3.7]", "deprecation_error"))


def test_l29_an_unknown_runtime_is_refused(lambda_: Any, role: str, name: str) -> None:
    runtime = "non-existent-runtime"

    answer = refused(_create, lambda_=lambda_, role=role, name=name, Runtime=runtime)

    test = f"{FUNCTION}::test_create_lambda_exceptions"
    assert_like(answer, recorded("lambda", test, "invalid_runtime_exc"))


@pytest.mark.parametrize(
    ("logging", "recording"),
    [
        ({"LogFormat": "JSON"}, "partial_config0"),
        ({"LogFormat": "JSON", "SystemLogLevel": "DEBUG"}, "partial_config2"),
        ({"LogGroup": "cool_lambda"}, "partial_config3"),
    ],
)
def test_l32_a_partial_logging_update_is_completed(
    lambda_: Any, function: str, logging: dict[str, str], recording: str
) -> None:
    lambda_.update_function_configuration(FunctionName=function, LoggingConfig=logging)

    read = lambda_.get_function_configuration(FunctionName=function)

    expected = recorded("lambda", f"{LOGGING}[{recording}]", "received_config")
    found = {"LoggingConfig": read["LoggingConfig"], "FunctionName": read["FunctionName"]}
    assert_like(found, {name: expected[name] for name in found})


def test_l32_text_drops_the_levels(lambda_: Any, deploy: Deploy) -> None:
    function = deploy(LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG"})

    lambda_.update_function_configuration(
        FunctionName=function, LoggingConfig={"LogFormat": "Text"}
    )

    read = lambda_.get_function_configuration(FunctionName=function)
    assert read["LoggingConfig"].keys() == {"LogFormat", "LogGroup"}


@pytest.mark.parametrize("setting", [{"MemorySize": 10_241}, {"Timeout": 901}])
def test_l37_an_event_function_has_its_own_limits(
    lambda_: Any, role: str, name: str, setting: dict[str, int]
) -> None:
    code, _, status = error(_create, lambda_=lambda_, role=role, name=name, **setting)

    assert (code, status) == ("ValidationException", 400)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("EphemeralStorage", {"Size": 1024}), ("TracingConfig", {"Mode": "Active"})],
)
def test_an_update_keeps_what_moto_drops(
    lambda_: Any, function: str, setting: str, value: dict[str, Any]
) -> None:
    lambda_.update_function_configuration(FunctionName=function, **{setting: value})

    assert lambda_.get_function_configuration(FunctionName=function)[setting] == value


def test_a_function_has_fifty_tags(lambda_: Any, function: str) -> None:
    tags = {f"{number}_key": "v" for number in range(51)}

    answer = refused(lambda_.tag_resource, Resource=function, Tags=tags)

    test = "TestLambdaTags::test_tag_limits"
    assert_like(answer, recorded("lambda", test, "tag_lambda_too_many_tags"))


def test_i2_a_dead_letter_topic_needs_the_roles_permission(
    iam: Any, lambda_: Any, function: str, topic: str, name: str
) -> None:
    iam.delete_role_policy(RoleName=name, PolicyName="main")

    found = error(
        lambda_.update_function_configuration,
        FunctionName=function,
        DeadLetterConfig={"TargetArn": topic},
    )

    text = "The provided execution role does not have permissions to call Publish on SNS"
    assert found == ("InvalidParameterValueException", text, 400)


def test_i12_a_role_made_anew_is_another_until_it_is_sent_again(
    iam: Any, lambda_: Any, function: str, role: str, name: str
) -> None:
    iam.delete_role_policy(RoleName=name, PolicyName="main")
    iam.delete_role(RoleName=name)
    make_role(iam, name, [{"Effect": "Allow", "Action": "*", "Resource": "*"}])

    code, _, status = error(lambda_.invoke, FunctionName=function)

    assert (code, status) == ("KMSAccessDeniedException", 502)
    lambda_.update_function_configuration(FunctionName=function, Role=role)
    assert lambda_.invoke(FunctionName=function)["StatusCode"] == 200


def test_i12_without_its_role_a_function_does_not_run(
    iam: Any, lambda_: Any, function: str, name: str
) -> None:
    iam.delete_role_policy(RoleName=name, PolicyName="main")
    iam.delete_role(RoleName=name)

    found = error(lambda_.invoke, FunctionName=function)

    text = "The role defined for the function cannot be assumed by Lambda."
    assert found == ("AccessDeniedException", text, 403)


def test_l25_loops_are_stopped_unless_allowed(lambda_: Any, function: str) -> None:
    answer = lambda_.get_function_recursion_config(FunctionName=function)

    test = "TestLambdaRecursion::test_put_function_recursion_config_default_terminate"
    assert_like(answer, recorded("lambda", test, "get_recursion_default_terminate_response"))


def test_l25_another_word_is_refused(lambda_: Any, function: str) -> None:
    answer = refused(
        lambda_.put_function_recursion_config, FunctionName=function, RecursiveLoop="InvalidValue"
    )

    test = "TestLambdaRecursion::test_put_function_recursion_config_invalid_value"
    assert_like(answer, recorded("lambda", test, "put_recursion_invalid_value_error"))


def test_l39_an_event_has_a_megabyte(lambda_: Any, function: str) -> None:
    payload = json.dumps("x" * 1_048_577)

    code, _, status = error(
        lambda_.invoke, FunctionName=function, InvocationType="Event", Payload=payload
    )

    assert (code, status) == ("RequestTooLargeException", 413)


def test_l40_a_deletion_repeats_its_status(lambda_: Any, function: str) -> None:
    answer = lambda_.delete_function(FunctionName=function)

    assert_like(answer, recorded("lambda", LIFECYCLE, "delete_response"))
    after = refused(lambda_.delete_function, FunctionName=function)
    assert_like(after, recorded("lambda", LIFECYCLE, "delete_postdelete"))


def _publish(lambda_: Any, name: str, module: str = "") -> str:
    made = lambda_.publish_layer_version(
        LayerName=name, Content={"ZipFile": zipped({"python/in_layer.py": module})}
    )
    return str(made["LayerVersionArn"])


def _permit(lambda_: Any, function: str, sid: str, **source: str) -> Any:
    return lambda_.add_permission(
        FunctionName=function,
        StatementId=sid,
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        **source,
    )


def _on_failure(*, lambda_: Any, function: str, target: str) -> None:
    lambda_.put_function_event_invoke_config(
        FunctionName=function, DestinationConfig={"OnFailure": {"Destination": target}}
    )


def test_l3_an_update_moves_the_time_of_the_last_change(lambda_: Any, function: str) -> None:
    before = lambda_.get_function_configuration(FunctionName=function)["LastModified"]

    after = lambda_.update_function_configuration(FunctionName=function, Timeout=9)["LastModified"]

    assert after > before
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", after)

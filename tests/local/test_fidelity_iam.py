"""IAM as AWS answers, row by row of the behaviour catalogue."""

from __future__ import annotations

import json
from typing import Any

from tests.local.conftest import ACCOUNT, error, refused
from tests.local.recordings import assert_like, recorded

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def test_i7_a_name_is_taken(iam: Any, role: str, name: str) -> None:
    found = error(iam.create_role, RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))

    text = f"Role with name {name} already exists."
    assert found == ("EntityAlreadyExists", text, 409)


def test_i8_a_trust_policy_must_be_json(iam: Any, name: str) -> None:
    answer = refused(iam.create_role, RoleName=name, AssumeRolePolicyDocument="{no json")

    test = "TestIAMExtensions::test_create_role_with_malformed_assume_role_policy_document"
    assert_like(answer, recorded("iam", test, "invalid-json"))


def test_i8_a_trusted_role_must_exist(iam: Any, name: str) -> None:
    trust = json.loads(json.dumps(TRUST))
    trust["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{ACCOUNT}:role/nobody"}

    code, text, status = error(
        iam.create_role, RoleName=name, AssumeRolePolicyDocument=json.dumps(trust)
    )

    assert (code, status) == ("MalformedPolicyDocument", 400)
    assert text.startswith("Invalid principal in policy:")


def test_i10_a_role_with_inline_policies_is_not_deleted(iam: Any, role: str, name: str) -> None:
    found = error(iam.delete_role, RoleName=name)

    text = "Cannot delete entity, must delete policies first."
    assert found == ("DeleteConflict", text, 409)


def test_i10_a_role_with_managed_policies_is_not_deleted(iam: Any, role: str, name: str) -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    policy = iam.create_policy(PolicyName=name, PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    iam.delete_role_policy(RoleName=name, PolicyName="main")

    found = error(iam.delete_role, RoleName=name)

    text = "Cannot delete entity, must detach all policies first."
    assert found == ("DeleteConflict", text, 409)


def test_i11_a_missing_role_is_named(iam: Any, name: str) -> None:
    found = error(iam.get_role, RoleName=name)

    assert found == ("NoSuchEntity", f"The role with name {name} cannot be found.", 404)


def test_i13_a_name_has_64_characters(iam: Any) -> None:
    code, _, status = error(
        iam.create_role, RoleName="x" * 65, AssumeRolePolicyDocument=json.dumps(TRUST)
    )

    assert (code, status) == ("ValidationError", 400)


def test_i13_inline_policies_have_10240_characters(iam: Any, role: str, name: str) -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "x" * 10_200}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    found = error(iam.put_role_policy, RoleName=name, PolicyName="large", PolicyDocument=document)

    text = f"Maximum policy size of 10240 bytes exceeded for role {name}"
    assert found == ("LimitExceeded", text, 409)


def test_i14_the_path_is_part_of_the_arn(iam: Any, name: str) -> None:
    made = iam.create_role(
        RoleName=name, Path="/some/path/", AssumeRolePolicyDocument=json.dumps(TRUST)
    )

    test = "TestIAMIntegrations::test_create_describe_role"
    assert made["Role"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/some/path/{name}"
    assert_like(made, _with_path(recorded("iam", test, "create_role_result")))
    read = iam.get_role(RoleName=name)
    assert_like(read, _with_path(recorded("iam", test, "get_role_result")))


def test_a_role_is_created_with_its_tags(iam: Any, name: str) -> None:
    made = iam.create_role(
        RoleName=name,
        Path="/role-with-tags/",
        AssumeRolePolicyDocument=json.dumps(TRUST),
        Tags=[{"Key": "test", "Value": "value"}],
    )

    assert_like(made, recorded("iam", "TestRoles::test_role_with_tags", "create-role-response"))


def test_a_policy_that_does_not_exist_cannot_be_attached(iam: Any, role: str, name: str) -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}123"

    answer = refused(iam.attach_role_policy, RoleName=name, PolicyArn=arn)

    test = "TestIAMIntegrations::test_role_attach_policy"
    assert_like(answer, recorded("iam", test, "valid_arn_not_existent"))


def _with_path(expected: dict[str, Any]) -> Any:
    text = json.dumps(expected).replace("<path-prefix>", "some/path")
    return json.loads(text)

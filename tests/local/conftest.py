"""One local AWS for each module, clients that speak to it, and functions to deploy on it."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from ops.local.server import LocalServer, serve
from ops.local.state import Settings
from provision import interpreter

ACCOUNT = "123456789012"
REGION = "us-east-1"
# Another implementation to run the same tests against, for comparison only.
OTHER_ENDPOINT = os.environ.get("PIPELINE_CTL_FIDELITY_ENDPOINT", "")
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
ECHO = "def handler(event, context):\n    return event\n"


@dataclass(frozen=True)
class Aws:
    """Clients for one endpoint, and the server behind it when it runs in this process."""

    url: str
    server: LocalServer | None

    def client(self, service: str, **options: Any) -> Any:
        """A client with fake keys; `options` go to boto3."""
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        config = Config(retries={"total_max_attempts": 1})
        chosen = {"region_name": REGION, "config": config, **keys, **options}
        connect: Any = boto3.client  # its overloads want literals
        return connect(service, endpoint_url=self.url, **chosen)

    @property
    def state(self) -> Any:
        """What the local AWS knows beyond moto; skips against another implementation."""
        if self.server is None:
            pytest.skip("looks into the local AWS")
        return self.server.state


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="module")
def aws(_clean_environment: None) -> Iterator[Aws]:
    if OTHER_ENDPOINT:
        yield Aws(OTHER_ENDPOINT, None)
        return
    with serve(Settings()) as server:
        yield Aws(server.url, server)


@pytest.fixture(scope="module")
def s3(aws: Aws) -> Any:
    return aws.client("s3")


@pytest.fixture(scope="module")
def lambda_(aws: Aws) -> Any:
    return aws.client("lambda")


@pytest.fixture(scope="module")
def iam(aws: Aws) -> Any:
    return aws.client("iam")


@pytest.fixture(scope="module")
def sns(aws: Aws) -> Any:
    return aws.client("sns")


@pytest.fixture(scope="module")
def logs(aws: Aws) -> Any:
    return aws.client("logs")


@pytest.fixture
def name() -> str:
    """A name nothing else has."""
    return f"t-{uuid4().hex[:12]}"


@pytest.fixture
def bucket(s3: Any, name: str) -> str:
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def topic(sns: Any, name: str) -> str:
    return str(sns.create_topic(Name=name)["TopicArn"])


@pytest.fixture
def role(iam: Any, name: str) -> str:
    """A role that Lambda trusts and that may do everything."""
    return make_role(iam, name, [{"Effect": "Allow", "Action": "*", "Resource": "*"}])


@pytest.fixture
def deploy(lambda_: Any, role: str) -> Callable[..., str]:
    """Deploy source code as a function and returns its ARN."""

    def deploy(source: str = ECHO, **settings: Any) -> str:
        return make_function(lambda_, role, source, **settings)

    return deploy


@pytest.fixture
def function(deploy: Callable[..., str]) -> str:
    """The ARN of a function that returns its event."""
    return deploy()


def make_role(iam: Any, name: str, statements: list[dict[str, Any]]) -> str:
    """Create a role with these inline statements and returns its ARN."""
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))
    allow(iam, name, statements)
    return str(made["Role"]["Arn"])


def allow(iam: Any, role_name: str, statements: list[dict[str, Any]]) -> None:
    """Replace a role's inline policy."""
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=role_name, PolicyName="main", PolicyDocument=document)


def make_function(lambda_: Any, role: str, source: str = ECHO, **settings: Any) -> str:
    """Create a function from source and waits until it is active."""
    chosen = {
        "FunctionName": f"t-{uuid4().hex[:12]}",
        "Runtime": interpreter.default_runtime(),
        "Role": role,
        "Handler": "code.handler",
        "Code": {"ZipFile": zipped({"code.py": source})},
        **settings,
    }
    made = lambda_.create_function(**chosen)
    lambda_.get_waiter("function_active_v2").wait(FunctionName=chosen["FunctionName"])
    return str(made["FunctionArn"])


def zipped(files: dict[str, str]) -> bytes:
    """A zip with these files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return content.getvalue()


def refused(operation: Callable[..., Any], **parameters: Any) -> dict[str, Any]:
    """What AWS's client tells of a refused call: `Error`, the status and further fields."""
    with pytest.raises(ClientError) as caught:
        operation(**parameters)
    return dict(caught.value.response)


def error(operation: Callable[..., Any], **parameters: Any) -> tuple[str, str, int]:
    """Code, text and HTTP status of a refused call."""
    answer = refused(operation, **parameters)
    found = answer["Error"]
    return found["Code"], found["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def eventually(probe: Callable[[], Any], *, within_s: float = 10.0) -> Any:
    """The first true answer of `probe`; fails after `within_s`."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if answer := probe():
            return answer
        time.sleep(0.02)
    pytest.fail(f"nothing within {within_s} s")

"""One account and region as one set of credentials sees it: clients, errors, waiting.

Owns the session, typed clients, the caller's identity and the one bounded retry that
everything waits with. Knows no resource.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

import boto3
import botocore.exceptions as boto_errors
from botocore.config import Config

from provision.aws_errors import explained
from provision.botocore_session import open_session
from provision.errors import InterruptedRunError, TimedOutError, UsageError
from provision.events import Event, Listener, ignore

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sts import STSClient

T = TypeVar("T")

_USUAL: Final = ("lambda", "sts", "s3", "iam", "logs", "sns")
_FIRST_DELAY_S: Final = 0.05
_LONGEST_DELAY_S: Final = 5.0
_DELAY_PER_WAITED_S: Final = 0.04  # so a wait ends at most a twenty-fifth later than it could


@dataclass(frozen=True)
class Caller:
    """Who the credentials belong to."""

    account: str
    arn: str

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1]


class Aws:
    """Clients of one session, shared by all threads, and the patience to use them."""

    def __init__(
        self,
        session: boto3.Session,
        *,
        endpoint_url: str | None = None,
        local: bool = False,
        say: Listener = ignore,
        patience: float = 1.0,
    ) -> None:
        self.session = session
        self.endpoint_url = endpoint_url
        self.local = local
        self.say = say
        self.patience = patience  # scales every deadline; tests have little
        self._stopping = threading.Event()
        # One thread builds them, since sessions are not thread-safe; the first to be needed first.
        self._builder = ThreadPoolExecutor(1)
        self._clients = {service: self._builder.submit(self._build, service) for service in _USUAL}
        # What the first paginator would load while all else is being read.
        self._builder.submit(lambda: self.lambda_.can_paginate("list_layer_versions"))

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    @property
    def plain_http(self) -> bool:
        """Whether requests travel unencrypted; the local AWS counts as encrypted."""
        return not self.local and (self.endpoint_url or "").startswith("http://")

    @cached_property
    def caller(self) -> Caller:
        """Ask STS who we are; the first call of every command."""
        answer = explained(self.sts.get_caller_identity, "identify", "the caller")
        return Caller(answer["Account"], answer["Arn"])

    @property
    def s3(self) -> S3Client:
        return self._client("s3")  # type: ignore[no-any-return]

    @property
    def lambda_(self) -> LambdaClient:
        return self._client("lambda")  # type: ignore[no-any-return]

    @property
    def iam(self) -> IAMClient:
        return self._client("iam")  # type: ignore[no-any-return]

    @property
    def sns(self) -> SNSClient:
        return self._client("sns")  # type: ignore[no-any-return]

    @property
    def logs(self) -> CloudWatchLogsClient:
        return self._client("logs")  # type: ignore[no-any-return]

    @property
    def sts(self) -> STSClient:
        return self._client("sts")  # type: ignore[no-any-return]

    @property
    def cloudwatch(self) -> Any:
        return self._client("cloudwatch")

    def _client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self._builder.submit(self._build, service)
        return self._clients[service].result()

    def _build(self, service: str) -> Any:
        return self.session.client(  # type: ignore[call-overload]
            service, endpoint_url=self.endpoint_url, config=_config(service)
        )

    @contextmanager
    def stopping_threads(self) -> Iterator[None]:
        """End the waits of all threads when the block is left by an error, such as Ctrl-C."""
        try:
            yield
        except BaseException:
            self._stopping.set()
            raise

    def pause(self, seconds: float) -> None:
        """Sleep, unless the run is stopped meanwhile."""
        if self._stopping.wait(seconds):
            raise InterruptedRunError("Stopped.", fix="Run the same command again to go on.")

    def wait_until(
        self,
        resource: str,
        ready: Callable[[], T | None],
        *,
        why: str,
        deadline_s: float,
        longest_delay_s: float = _LONGEST_DELAY_S,
    ) -> T:
        """Call `ready` until it returns something; ask densely at first, then ever less often."""
        began = time.monotonic()
        deadline_s *= self.patience
        announced = False
        while (result := ready()) is None:
            waited = time.monotonic() - began
            delay = min(max(_FIRST_DELAY_S, waited * _DELAY_PER_WAITED_S), longest_delay_s)
            if waited + delay > deadline_s:
                raise TimedOutError(
                    f"{resource}: waited {deadline_s:.0f} s for {why}.",
                    fix="Run the same command again; it goes on where it was.",
                )
            if not announced:
                self.say(Event("waiting", resource, f"waiting for {why}"))
                announced = True
            self.pause(delay)
        return result

    def persist(
        self,
        resource: str,
        call: Callable[[], T],
        *,
        transient: Callable[[boto_errors.ClientError], bool],
        why: str,
        deadline_s: float,
        longest_delay_s: float = _LONGEST_DELAY_S,
    ) -> T:
        """Call again while AWS answers with a passing fault; after the deadline raise the last."""
        faults: list[boto_errors.ClientError] = []

        def attempt() -> tuple[T] | None:
            try:
                return (call(),)
            except boto_errors.ClientError as error:
                if not transient(error):
                    raise
                faults.append(error)
                return None

        try:
            return self.wait_until(
                resource,
                attempt,
                why=why,
                deadline_s=deadline_s,
                longest_delay_s=longest_delay_s,
            )[0]
        except TimedOutError as late:
            raise faults[-1] from late


def connect(
    *,
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    say: Listener = ignore,
) -> Aws:
    """Open a session as the AWS CLI would; raises when profile or region cannot be used."""
    try:
        session = open_session(profile_name=profile, region_name=region)
    except boto_errors.ConfigParseError as error:
        raise UsageError(
            "The AWS configuration cannot be read.", why=str(error), fix="Mend that file."
        ) from error
    except boto_errors.ProfileNotFound as error:
        known = ", ".join(boto3.Session().available_profiles) or "none"
        raise UsageError(
            f"There is no AWS profile '{profile or ''}'.".replace(" ''", ""),
            why=f"{error}. Profiles on this machine: {known}.",
            fix="Choose one with --profile, or make one with `aws configure --profile NAME`.",
        ) from error
    if not session.region_name:
        raise UsageError(
            "No AWS region is set.",
            why="Neither --region nor AWS_REGION nor the profile names one.",
            fix="Add --region, such as --region eu-central-1.",
        )
    _check_region(session, session.region_name)
    if endpoint_url and not urlsplit(endpoint_url).hostname:
        raise UsageError(
            f"'{endpoint_url}' is no address.",
            why="An endpoint reads like http://127.0.0.1:5000.",
            fix="Correct --endpoint-url or AWS_ENDPOINT_URL.",
        )
    return Aws(session, endpoint_url=endpoint_url, say=say)


def connect_local(url: str, region: str, say: Listener = ignore) -> Aws:
    """Open a session on the local AWS; never uses the credentials of the user."""
    session = open_session(
        aws_access_key_id="LOCALAWSACCESSKEY000",
        aws_secret_access_key="local",  # noqa: S106 - the local AWS takes any
        region_name=region,
    )
    return Aws(session, endpoint_url=url, local=True, say=say)


def _check_region(session: boto3.Session, region: str) -> None:
    try:
        session.get_partition_for_region(region)
    except boto_errors.UnknownRegionError as error:
        raise UsageError(
            f"'{region}' is no AWS region.",
            why="A region reads like eu-central-1 or us-east-1.",
            fix="Choose another with --region.",
        ) from error


def _config(service: str) -> Config:
    return Config(
        # links are signed the old way unless told so, which new buckets refuse
        signature_version="s3v4" if service == "s3" else None,
        retries={"mode": "standard", "max_attempts": 6},
        connect_timeout=10,
        read_timeout=70,
        max_pool_connections=32,
        user_agent_extra="pipeline-ctl",
    )

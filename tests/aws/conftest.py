"""A local AWS in this process, and a new pipeline on it for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from ops.local.server import LocalServer, serve
from provision import aws
from provision.aws import Aws
from provision.events import Event
from provision.names import Names
from provision.pipeline import Pipeline
from provision.spec import Settings

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with serve() as running:
        yield running


@pytest.fixture
def heard() -> list[Event]:
    """What the engine said."""
    return []


@pytest.fixture
def connection(server: LocalServer, heard: list[Event]) -> Aws:
    return aws.connect_local(server.url, "us-east-1", heard.append)


@pytest.fixture
def names(connection: Aws) -> Names:
    return Names(f"test-{next(_NUMBERS)}", connection.caller.account, connection.region)


@pytest.fixture
def settings(server: LocalServer) -> Settings:
    from ops.local import interpreter

    return Settings(runtime=interpreter.default_runtime())


@pytest.fixture
def pipeline(connection: Aws, names: Names, settings: Settings) -> Pipeline:
    """A pipeline that is described, not made."""
    return Pipeline(
        connection, names, settings, defaults=settings, add_emails=["me@example.com"],
        delete_data=True,
    )  # fmt: skip

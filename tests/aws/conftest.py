"""A local AWS in this process, and pipelines on it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.local.server import LocalServer, serve
from provision import aws, engine, interpreter
from provision.aws import Aws
from provision.events import Event
from provision.names import Names
from provision.package import FUNCTION_DIR
from provision.pipeline import Pipeline
from provision.spec import Settings

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with serve() as running:
        yield running


@pytest.fixture(scope="module")
def heard() -> list[Event]:
    """What the engine said."""
    return []


@pytest.fixture(scope="module")
def connection(server: LocalServer, heard: list[Event]) -> Aws:
    return aws.connect_local(server.url, "us-east-1", heard.append)


@pytest.fixture(scope="session")
def function_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The function as it was when the tests began: an edit meanwhile is no drift."""
    folder = tmp_path_factory.mktemp("function")
    shutil.copytree(FUNCTION_DIR, folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def describe(connection: Aws, function_dir: Path) -> Callable[..., Pipeline]:
    """Describes another pipeline, which is not made yet; `changes` are its settings."""

    def describe(**changes: object) -> Pipeline:
        local = Settings(runtime=interpreter.default_runtime())
        settings = Settings(**{"runtime": local.runtime, **changes})  # type: ignore[arg-type]
        names = Names(f"test-{next(_NUMBERS)}", connection.caller.account, connection.region)
        return Pipeline(
            connection,
            names,
            settings,
            local,
            add_emails=["me@example.com"],
            delete_data=True,
            function_dir=function_dir,
        )

    return describe


@pytest.fixture
def pipeline(describe: Callable[..., Pipeline]) -> Pipeline:
    """A pipeline that is described, not made."""
    return describe()


@pytest.fixture(scope="module")
def standing(describe: Callable[..., Pipeline]) -> Pipeline:
    """A pipeline that stands; a test that changes it leaves it mended."""
    pipeline = describe()
    assert engine.up(pipeline.aws, pipeline.resources()).ok
    return pipeline


@pytest.fixture(scope="module")
def made(server: LocalServer) -> Pipeline:
    """A pipeline that stands, shared by a module; its one address has confirmed."""
    from provision import interpreter

    settings = Settings(runtime=interpreter.default_runtime())
    connection = aws.connect_local(server.url, "us-east-1")
    names = Names("made", connection.caller.account, connection.region)
    made = Pipeline(
        connection, names, settings, defaults=settings, add_emails=["me@example.com"],
        delete_data=True,
    )  # fmt: skip
    assert engine.up(connection, made.resources()).ok
    server.state.mailbox.confirm_address(None)
    return made

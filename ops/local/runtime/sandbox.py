"""The file system and environment of worker processes: like Lambda's, and nothing else.

A worker sees the unpacked zip, its layers, and what the managed runtime bundles (boto3 and
awslambdaric with what they need). Pillow comes from a layer or not at all.
"""

from __future__ import annotations

import importlib.metadata
import io
import os
import re
import shutil
import subprocess
import threading
import uuid
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from provision import interpreter

from ..errors import LocalError, MissingExtraError
from .deployment import Archive, Deployment

_CLIENT = Path(__file__).parent / "client"
# What AWS's managed Python runtime holds beside the standard library.
_BUNDLED = (
    "awslambdaric",
    "boto3",
    "botocore",
    "s3transfer",
    "jmespath",
    "python-dateutil",
    "urllib3",
    "six",
    "simplejson",
    "snapshot-restore-py",
)


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials of the function's role."""

    access_key: str
    secret_key: str
    session_token: str = field(repr=False)


class Sandboxes:
    """Keeps unpacked code and layers under one folder, each archive once."""

    def __init__(self, root: Path, endpoint_url: str) -> None:
        self._root = root
        self._endpoint_url = endpoint_url
        self._lock = threading.Lock()
        self._bundle: Path | None = None

    def start(
        self,
        deployment: Deployment,
        credentials: Credentials,
        runtime_api: str,
        stream: str,
        fds: tuple[int, int],
    ) -> tuple[subprocess.Popen[bytes], Path]:
        """Start a worker process and returns it with its own temporary folder.

        `stream` is its log stream; `fds` are where framed records and plain output go.
        """
        python = interpreter.find(deployment.runtime)
        if python is None:
            raise LocalError(f"This machine cannot run {deployment.runtime}.")
        task, layers = self._unpack(deployment.code), [self._unpack(a) for a in deployment.layers]
        tmp = self._root / "tmp" / uuid.uuid4().hex
        tmp.mkdir(parents=True)
        environment = _identity(deployment, credentials, stream)
        environment |= self._places(deployment, python, layers, tmp)
        environment |= dict(deployment.environment)
        environment |= {
            "AWS_ENDPOINT_URL": self._endpoint_url,
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "LAMBDA_TASK_ROOT": str(task),
            "_LAMBDA_TELEMETRY_LOG_FD": str(fds[0]),
        }
        process = subprocess.Popen(  # noqa: S603 - the user's own function
            [str(python), "-S", "-m", "awslambdaric", deployment.handler],
            cwd=task,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=fds[1],
            stderr=fds[1],
            pass_fds=(fds[0],),
            start_new_session=True,
        )
        return process, tmp

    def forget(self, tmp: Path) -> None:
        """Remove a worker's temporary folder."""
        shutil.rmtree(tmp, ignore_errors=True)

    def _places(
        self, deployment: Deployment, python: Path, layers: list[Path], tmp: Path
    ) -> dict[str, str]:
        site = f"python/lib/{deployment.runtime}/site-packages"
        paths = [_CLIENT, *(layer / site for layer in layers)]
        paths += [*(layer / "python" for layer in layers), self._bundled()]
        libraries = [*(layer / "lib" for layer in layers), python.parent.parent / "lib"]
        return {
            "HOME": str(tmp),
            "LANG": "C.UTF-8",
            "LAMBDA_RUNTIME_DIR": str(self._bundled()),
            "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "TMPDIR": str(tmp),
            "TZ": ":UTC",
        }

    def _unpack(self, archive: Archive) -> Path:
        folder = self._root / "unpacked" / re.sub(r"\W", "_", archive.sha256)
        with self._lock:
            if not folder.exists():
                with zipfile.ZipFile(io.BytesIO(archive.content)) as zipped:
                    zipped.extractall(folder)
        return folder

    def _bundled(self) -> Path:
        with self._lock:
            if self._bundle is None:
                self._bundle = link_runtime(self._root / "runtime")
        return self._bundle


def _identity(deployment: Deployment, credentials: Credentials, stream: str) -> dict[str, str]:
    environment = {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        "AWS_DEFAULT_REGION": deployment.region,
        "AWS_REGION": deployment.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{deployment.runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(deployment.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": deployment.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": deployment.logging.format,
        "AWS_LAMBDA_LOG_GROUP_NAME": deployment.logging.group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "_HANDLER": deployment.handler,
    }
    if deployment.logging.application_level:
        environment["AWS_LAMBDA_LOG_LEVEL"] = deployment.logging.application_level
    return environment


def link_runtime(folder: Path) -> Path:
    """Fill a folder with what Lambda's managed Python has, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in _BUNDLED:
        for source in _top_level(name):
            target = folder / source.name
            if not target.exists():
                target.symlink_to(source)
    return folder


def _top_level(distribution: str) -> set[Path]:
    """The modules and packages a distribution put beside each other in site-packages."""
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        if distribution == "awslambdaric":
            raise MissingExtraError(
                "The local AWS cannot run functions: awslambdaric is not installed.",
                fix="pip install 'pipeline-ctl[local]'",
            ) from None
        return set()
    tops = {Path(file).parts[0] for file in found.files or []}
    unwanted = ("..", "bin", "__pycache__", "runtime_client")
    return {
        Path(str(found.locate_file(top)))
        for top in tops
        if not top.startswith(unwanted) and not top.endswith(".dist-info")
    }

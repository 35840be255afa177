"""The zips: reproducible, complete, and built once."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from provision import package
from provision.errors import PipelineError, UsageError


def test_the_function_zip_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name, folder in (("a", "one"), ("b", "two")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "lambda_function.py").write_text("x = 1\n")
        (tmp_path / folder / "more.py").write_text("y = 2\n")
        (tmp_path / folder / "lambda_function.py").chmod(0o600 if name == "a" else 0o755)

    assert package.build_function(tmp_path / "one") == package.build_function(tmp_path / "two")


def test_the_handler_stands_at_the_root_of_the_zip() -> None:
    built = package.build_function()

    with zipfile.ZipFile(io.BytesIO(built.zip)) as archive:
        assert "lambda_function.py" in archive.namelist()
        assert not [name for name in archive.namelist() if "/" in name]


def test_code_sha256_is_what_lambda_reports() -> None:
    built = package.build_function()

    assert built.code_sha256 == base64.b64encode(hashlib.sha256(built.zip).digest()).decode()


def test_one_changed_byte_changes_the_digest(tmp_path: Path) -> None:
    (tmp_path / "lambda_function.py").write_text("x = 1\n")
    before = package.build_function(tmp_path)

    (tmp_path / "lambda_function.py").write_text("x = 2\n")

    assert package.build_function(tmp_path).digest != before.digest


def test_a_layer_is_built_once_and_twice_the_same(tmp_path: Path) -> None:
    target = package.Target("python3.12", "x86_64")

    first = package.build_layer(target, tmp_path / "a")
    again = package.build_layer(target, tmp_path / "a")
    other = package.build_layer(target, tmp_path / "b")

    assert first == again == other


def test_the_arm_layer_holds_arm_libraries(tmp_path: Path) -> None:
    built = package.build_layer(package.Target("python3.12", "arm64"), tmp_path)

    with zipfile.ZipFile(io.BytesIO(built.zip)) as archive:
        native = [n for n in archive.namelist() if "_imaging.cpython" in n]

    assert native == ["python/PIL/_imaging.cpython-312-aarch64-linux-gnu.so"]


def test_a_damaged_layer_in_the_cache_is_named(tmp_path: Path) -> None:
    target = package.Target("python3.12", "x86_64")
    package.build_layer(target, tmp_path)
    cached = next(tmp_path.glob("layer-*.zip"))
    cached.write_bytes(b"not a zip")

    with pytest.raises(PipelineError, match=cached.name):
        package.build_layer(target, tmp_path)


def test_a_python_without_pillow_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no Pillow for python3.11"):
        package.build_layer(package.Target("python3.11", "x86_64"), tmp_path)

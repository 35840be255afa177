"""The zips: complete, the same for the same files, no larger than need be, and built once."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from provision import interpreter, package
from provision.errors import PipelineError, UsageError
from provision.pillow_layer import Target, without_debug

ROOT = Path(__file__).parents[2]
OWN = interpreter.own_runtime()
ELSEWHERE = "python3.9"  # no interpreter of ours

# Feeds a small file of every format and mode to the function, with no Pillow but the layer's.
RUNNER = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[2]]
import PIL
from tests.bench import fuzz

assert PIL.__file__.startswith(sys.argv[1]), PIL.__file__
for specimen in fuzz.drawn():
    print(specimen.name, fuzz.outcome(specimen.data))
"""


def names(zipped: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
        return archive.namelist()


def source(folder: Path, text: str = "x = 1\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "lambda_function.py").write_text(text)
    return folder


def test_the_function_zip_is_the_same_bytes_every_time(tmp_path: Path) -> None:
    source(tmp_path / "one").joinpath("lambda_function.py").chmod(0o600)
    source(tmp_path / "two").joinpath("lambda_function.py").chmod(0o755)

    one, two = (package.build_function(OWN, tmp_path / name) for name in ("one", "two"))

    assert one.zip == two.zip
    assert one.digest == two.digest


def test_the_handler_stands_at_the_root_of_the_zip_with_its_bytecode() -> None:
    built = names(package.build_function(OWN).zip)

    tag = sys.implementation.cache_tag
    assert {"lambda_function.py", f"__pycache__/lambda_function.{tag}.pyc"} <= set(built)
    assert len([name for name in built if name.endswith(".pyc")]) * 2 == len(built)


def test_bytecode_is_taken_without_a_look_at_its_source(tmp_path: Path) -> None:
    built = package.build_function(OWN, source(tmp_path / "code", "print('as it was')\n"))
    with zipfile.ZipFile(io.BytesIO(built.zip)) as archive:
        archive.extractall(tmp_path / "task")
    source(tmp_path / "task", "raise SystemExit('compiled anew')\n")

    command = [sys.executable, "-c", "import lambda_function"]
    ran = subprocess.run(command, cwd=tmp_path / "task", capture_output=True, text=True, check=True)

    assert ran.stdout == "as it was\n"


def test_a_package_is_the_same_with_and_without_bytecode() -> None:
    with_it, without = package.build_function(OWN), package.build_function(ELSEWHERE)

    assert with_it.digest == without.digest
    assert not [name for name in names(without.zip) if name.endswith(".pyc")]


def test_code_that_does_not_compile_is_packaged_as_it_is(tmp_path: Path) -> None:
    built = package.build_function(OWN, source(tmp_path / "code", "def broken(:\n"))

    assert names(built.zip) == ["lambda_function.py"]


def test_code_sha256_is_what_lambda_reports() -> None:
    built = package.build_function(OWN)

    assert built.code_sha256 == base64.b64encode(hashlib.sha256(built.zip).digest()).decode()


def test_one_changed_byte_changes_the_digest(tmp_path: Path) -> None:
    before = package.build_function(OWN, source(tmp_path))

    after = package.build_function(OWN, source(tmp_path, "x = 2\n"))

    assert after.digest != before.digest


def test_a_layer_is_built_once_and_twice_the_same(tmp_path: Path) -> None:
    target = Target("python3.12", "x86_64")

    first = package.build_layer(target, tmp_path / "a")
    again = package.build_layer(target, tmp_path / "a")
    other = package.build_layer(target, tmp_path / "b")

    assert first.zip == again.zip == other.zip
    assert first.digest == again.digest == other.digest


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_a_layer_holds_what_seven_formats_need_in_5_mb(tmp_path: Path, arch: str) -> None:
    built = package.build_layer(Target("python3.12", arch), tmp_path)

    machine = {"x86_64": "x86_64", "arm64": "aarch64"}[arch]
    assert len(built.zip) <= 5_000_000
    assert f"python/PIL/_imaging.cpython-312-{machine}-linux-gnu.so" in names(built.zip)
    assert "python/pillow-13.0.0.dist-info/licenses/LICENSE" in names(built.zip)
    unwanted = ("EpsImagePlugin", "BlpImagePlugin", "ImageFont", "harfbuzz")
    assert not [name for name in names(built.zip) if any(word in name for word in unwanted)]


def test_every_format_is_processed_with_the_layer_alone(tmp_path: Path) -> None:
    built = package.build_layer(Target(OWN, interpreter.architecture(), this_machine=True))
    assert len(built.zip) <= 5_000_000
    with zipfile.ZipFile(io.BytesIO(built.zip)) as archive:
        archive.extractall(tmp_path)

    ran = subprocess.run(
        [sys.executable, "-S", "-c", RUNNER, str(tmp_path / "python"), str(ROOT)],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    ended = dict(line.rsplit(maxsplit=1) for line in ran.stdout.splitlines())
    assert len({name.split()[0] for name in ended}) == 7
    assert set(ended.values()) == {"processed"}


def test_what_is_no_library_keeps_its_bytes() -> None:
    assert without_debug(b"x = 1\n") == b"x = 1\n"


def test_a_damaged_layer_in_the_cache_is_named(tmp_path: Path) -> None:
    target = Target("python3.12", "x86_64")
    package.build_layer(target, tmp_path)
    cached = next(tmp_path.glob("layer-*.zip"))
    cached.write_bytes(b"not a zip")

    with pytest.raises(PipelineError, match=cached.name):
        package.build_layer(target, tmp_path)


def test_a_python_without_pillow_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no Pillow for python3.11"):
        package.build_layer(Target("python3.11", "x86_64"), tmp_path)

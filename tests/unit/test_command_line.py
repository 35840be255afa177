"""Bad input at the command line: one clear message, the documented exit code, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from ops import cli

Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]


def _json(capsys: Capture, *arguments: str) -> tuple[int, dict[str, Any]]:
    code = cli.run([*arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_help_lists_every_command(capsys: Capture) -> None:
    code = cli.run(["--help"])

    out = capsys.readouterr().out
    assert code == 0
    for command in (
        "up",
        "plan",
        "status",
        "ls",
        "test-upload",
        "logs",
        "doctor",
        "down",
        "demo",
        "local",
    ):
        assert f"  {command} " in out


@pytest.mark.parametrize(
    "command",
    [
        "up",
        "plan",
        "status",
        "ls",
        "test-upload",
        "logs",
        "doctor",
        "reprocess",
        "report",
        "down",
        "demo",
    ],
)
def test_help_of_a_command_lists_exit_codes_and_an_example(capsys: Capture, command: str) -> None:
    cli.run([command, "--help"])

    out = " ".join(capsys.readouterr().out.split())
    assert "Exits with 0" in out
    assert f"Example: pipeline-ctl {command}" in out


def test_an_unknown_command_is_a_usage_error(capsys: Capture) -> None:
    code, envelope = _json(capsys, "upp")

    assert code == envelope["exit_code"] == 2
    assert envelope["errors"][0]["code"] == "usage"


def test_no_credentials_is_exit_code_4_and_says_what_to_do(capsys: Capture) -> None:
    code, envelope = _json(capsys, "status", "--region", "eu-central-1")

    assert code == 4
    assert "--local" in envelope["errors"][0]["fix"]


def test_no_region_is_a_usage_error(capsys: Capture) -> None:
    code, envelope = _json(capsys, "status")

    assert code == 2
    assert "--region" in envelope["errors"][0]["fix"]


def test_an_unknown_region_is_a_usage_error(capsys: Capture) -> None:
    code, envelope = _json(capsys, "status", "--region", "middle-earth")

    assert code == 2
    assert "middle-earth" in envelope["errors"][0]["what"]


def test_an_unknown_profile_is_a_usage_error(capsys: Capture) -> None:
    code, envelope = _json(capsys, "status", "--profile", "nobody")

    assert code == 2
    assert "nobody" in envelope["errors"][0]["what"]


def test_an_address_that_is_none_is_refused_before_any_call(capsys: Capture) -> None:
    code, envelope = _json(capsys, "up", "--email", "not an address")

    assert code == 2
    assert "not an address" in envelope["errors"][0]["what"]


def test_an_unknown_key_in_the_settings_file_is_a_usage_error(
    capsys: Capture, tmp_path: Path
) -> None:
    (tmp_path / "pipeline.toml").write_text("colour = 'blue'\n")

    code, envelope = _json(capsys, "status", "--region", "us-east-1")

    assert code == 2
    assert "colour" in envelope["errors"][0]["what"]


def test_a_file_that_is_no_image_is_refused_before_any_call(
    capsys: Capture, tmp_path: Path
) -> None:
    path = tmp_path / "notes.jpg"
    path.write_text("not an image")

    code, envelope = _json(capsys, "test-upload", str(path))

    assert code == 2
    assert "notes.jpg" in envelope["errors"][0]["what"]


def test_an_image_whose_header_is_cut_off_is_no_image(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "cut.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe2\x0c\x00ICC")

    code, answer = _json(capsys, "test-upload", str(path))

    assert code == 2
    assert "no image" in answer["errors"][0]["what"]


def test_an_email_setting_that_is_no_text_is_a_usage_error(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "pipeline.toml").write_text("email = 3")

    code, answer = _json(capsys, "plan", "--endpoint-url", "http://127.0.0.1:9")

    assert code == 2
    assert "email" in answer["errors"][0]["what"]


def test_a_missing_file_is_refused_before_any_call(capsys: Capture, tmp_path: Path) -> None:
    code, envelope = _json(capsys, "test-upload", str(tmp_path / "gone.jpg"))

    assert code == 2
    assert envelope["errors"][0]["why"] == "No such file or directory"


def test_down_without_a_terminal_needs_yes(capsys: Capture) -> None:
    code, envelope = _json(capsys, "down", "--region", "us-east-1")

    assert code == 2
    assert "--yes" in envelope["errors"][0]["fix"]


def test_a_stopped_local_aws_is_exit_code_1_and_names_its_start(capsys: Capture) -> None:
    code, envelope = _json(capsys, "status", "--local")

    assert code == 1
    assert "pipeline-ctl local start" in envelope["errors"][0]["fix"]


def test_a_shared_option_after_the_command_beats_one_before_it(capsys: Capture) -> None:
    _, envelope = _json(capsys, "--region", "us-east-1", "status", "--region", "nowhere")

    assert "nowhere" in envelope["errors"][0]["what"]


def test_a_flag_before_the_command_beats_the_environment(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "from-environment")

    _, envelope = _json(capsys, "--region", "from-flag", "status")

    assert "from-flag" in envelope["errors"][0]["what"]


def test_aws_region_is_read_as_the_aws_cli_reads_it(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "from-environment")

    _, envelope = _json(capsys, "status")

    assert "from-environment" in envelope["errors"][0]["what"]


def test_errors_for_people_say_what_why_and_what_to_do(capsys: Capture) -> None:
    cli.run(["status", "--region", "middle-earth"])

    err = capsys.readouterr().err
    assert "error: 'middle-earth' is no AWS region." in err
    assert "why: " in err
    assert "fix: " in err


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["up", "--help"]])
def test_help_and_version_load_no_boto3_rich_pillow_or_moto(arguments: list[str]) -> None:
    program = (
        "import sys; from ops import cli; cli.run(sys.argv[1:]);"
        "print(sorted({'boto3', 'botocore', 'rich', 'PIL', 'moto', 'ssl', 'webbrowser',"
        "'concurrent.futures', 'urllib.request'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip

    assert done.stdout.splitlines()[-1] == "[]"


def test_a_wrong_option_after_the_command_still_gets_the_envelope(capsys: Capture) -> None:
    code, answer = _json(capsys, "test-upload", "image.jpg", "--wait", "soon")

    assert code == 2
    assert answer["command"] == "test-upload"
    assert "--wait" in answer["errors"][0]["what"]


def test_ctrl_c_says_so_and_is_exit_code_130(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("boto3.Session", interrupted)

    code, answer = _json(capsys, "ls", "--region", "us-east-1")

    assert code == 130
    assert answer["errors"][0]["code"] == "interrupted"


def test_ctrl_c_at_a_question_is_exit_code_130(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def aborted(*_: object, **__: object) -> None:
        raise typer.Abort

    monkeypatch.setattr("boto3.Session", aborted)

    code, answer = _json(capsys, "ls", "--region", "us-east-1")

    assert code == 130
    assert answer["errors"][0]["code"] == "interrupted"


def test_what_the_disk_refuses_is_told_as_such(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("boto3.Session", full)

    code, answer = _json(capsys, "ls", "--region", "us-east-1")

    assert code == 1
    assert answer["errors"][0]["why"] == "No space left on device"


@pytest.mark.parametrize(
    "lines",
    [
        "role_arn = arn:aws:iam::123456789012:role/x\nsource_profile = absent",
        "credential_process = /bin/false",
    ],
)
def test_a_profile_that_gives_no_credentials_is_exit_code_4_and_one_message(
    tmp_path: Path, lines: str
) -> None:
    config = tmp_path / "config"
    config.write_text(f"[profile broken]\n{lines}\n")
    program = [sys.executable, "-c", "from ops.start import main; main()"]

    done = subprocess.run(
        [*program, "status", "--profile", "broken", "--region", "us-east-1"],
        env={**os.environ, "AWS_CONFIG_FILE": str(config)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 4
    assert done.stderr.startswith("error: Cannot log in to AWS.\n")
    assert "Traceback" not in done.stderr


def test_a_broken_aws_configuration_is_a_usage_error(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    config.write_text("[broken")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))

    code, answer = _json(capsys, "status", "--region", "us-east-1")

    assert code == 2
    assert str(config) in answer["errors"][0]["why"]


def test_an_endpoint_that_is_no_address_is_a_usage_error(capsys: Capture) -> None:
    code, answer = _json(capsys, "ls", "--region", "us-east-1", "--endpoint-url", "nonsense")

    assert code == 2
    assert "nonsense" in answer["errors"][0]["what"]

"""What scripts and shells rely on: the JSON of every command, links, completion, no colour."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ops import cli, describe
from provision import interpreter
from provision.engine import Outcome
from provision.pipeline import Pipeline
from provision.resource import Action, Change

OWN = interpreter.own_runtime()
Capture = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
PLACE = {"account", "region", "pipeline"}
CONTRACTS: dict[tuple[str, ...], set[str]] = {
    ("up",): {*PLACE, "resources", "outputs", "subscriptions"},
    ("plan",): {*PLACE, "resources", "outputs", "subscriptions"},
    ("status",): {"healthy", "resources", "subscriptions", "invocations", "links"},
    ("ls",): {"pipelines"},
    ("policy",): {"policy"},
    ("doctor",): {"findings", "fixed"},
    ("reprocess", "--missing", "--dry-run"): {"images", "dry_run"},
    ("report",): {"path", "uploads", "findings", "failures", "cost_usd"},
    ("down", "--dry-run"): {"deleted", "remaining", "objects_deleted"},
}


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def _where(made: Pipeline) -> list[str]:
    return ["--endpoint-url", str(made.aws.endpoint_url), "--name", made.names.pipeline]


def _json(made: Pipeline, capsys: Capture, *arguments: str) -> dict[str, Any]:
    code = cli.run([*arguments, *_where(made), "--json"])
    envelope: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert envelope["exit_code"] == code
    return envelope


@pytest.mark.parametrize("command", CONTRACTS, ids=" ".join)
def test_a_command_prints_one_envelope_with_the_data_of_its_contract(
    made: Pipeline, capsys: Capture, command: tuple[str, ...]
) -> None:
    envelope = _json(made, capsys, *command)

    assert set(envelope) == {"version", "command", "status", "exit_code", "data", "errors"}
    assert (envelope["version"], envelope["command"]) == (1, command[0])
    assert (envelope["status"], envelope["exit_code"], envelope["errors"]) == ("ok", 0, [])
    assert set(envelope["data"]) >= CONTRACTS[command]


def test_test_upload_prints_its_contract_and_links_that_open(
    made: Pipeline, capsys: Capture, tmp_path: Path
) -> None:
    path = tmp_path / "a.jpg"
    Image.effect_noise((320, 240), 60).convert("RGB").save(path)

    upload = _json(made, capsys, "test-upload", str(path))["data"]["uploads"][0]

    assert set(upload) == {
        "path", "key", "request_id", "cold_start", "outputs", "timings_s", "max_memory_mb",
        "billed_ms", "cost_usd",
    }  # fmt: skip
    output = upload["outputs"][0]
    assert set(output) == {"size", "key", "width", "height", "bytes", "content_type", "url"}
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in output["url"]
    with urllib.request.urlopen(output["url"]) as answer:
        assert len(answer.read()) == output["bytes"]


def test_saved_results_of_files_of_one_name_do_not_overwrite_each_other(
    made: Pipeline, capsys: Capture, tmp_path: Path
) -> None:
    paths = [tmp_path / "a" / "x.jpg", tmp_path / "b" / "x.jpg"]
    for path in paths:
        path.parent.mkdir()
        Image.effect_noise((320, 240), 60).convert("RGB").save(path)

    _json(made, capsys, "test-upload", *map(str, paths), "--save", str(tmp_path / "out"))

    assert {p.name for p in (tmp_path / "out" / "large").iterdir()} == {"x.jpg", "x-2.jpg"}


def test_a_place_that_cannot_hold_results_is_refused_before_any_upload(
    made: Pipeline, capsys: Capture, tmp_path: Path
) -> None:
    path = tmp_path / "a.jpg"
    Image.effect_noise((320, 240), 60).convert("RGB").save(path)

    code = cli.run(["test-upload", str(path), "--save", str(path), *_where(made)])

    assert code == 1
    assert "a.jpg cannot be written" in capsys.readouterr().err


def test_progress_shows_a_file_name_that_looks_like_markup(
    made: Pipeline, capsys: Capture, tmp_path: Path
) -> None:
    path = tmp_path / "a [red] b.jpg"
    Image.effect_noise((320, 240), 60).convert("RGB").save(path)

    cli.run(["test-upload", str(path), *_where(made)])

    assert "a [red] b.jpg" in capsys.readouterr().err


def test_plan_names_each_key_that_differs(made: Pipeline, capsys: Capture) -> None:
    cli.run(["plan", "--notify", "failures", *_where(made)])

    out = capsys.readouterr().out
    assert "environment NOTIFY: unset -> failures" in out
    assert "OUTPUT_BUCKET" not in out


def test_up_names_a_next_command_that_meets_the_same_pipeline(
    made: Pipeline, capsys: Capture
) -> None:
    cli.run(["up", *_where(made)])

    assert f"test-upload --name {made.names.pipeline}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("runtime", "action", "lines"),
    [("python3.9", "create", 1), ("python3.9", "keep", 0), (OWN, "create", 0)],
)
def test_a_function_without_bytecode_is_told_of(
    made: Pipeline, runtime: str, action: Action, lines: int
) -> None:
    pipeline = replace(made, settings=replace(made.settings, runtime=runtime))
    outcome = Outcome(changes={"function": Change("function", action)})

    assert len(describe.bytecode_lines(pipeline, outcome)) == lines


@pytest.mark.parametrize("command", ["up", "status"])
@pytest.mark.parametrize(("notify", "warned"), [("all", True), ("failures", False)])
def test_a_mail_for_every_image_is_warned_of(
    made: Pipeline, capsys: Capture, monkeypatch: pytest.MonkeyPatch,
    command: str, notify: str, warned: bool,
) -> None:  # fmt: skip
    monkeypatch.setenv("PIPELINE_CTL_NOTIFY", notify)

    cli.run([command, *_where(made)])

    assert ("more than 10 a second" in capsys.readouterr().out) == warned


def test_logs_print_an_object_a_line(made: Pipeline, capsys: Capture) -> None:
    where: Any = {"logGroupName": made.names.log_group, "logStreamName": "contract"}
    made.aws.logs.create_log_stream(**where)
    line: Any = {"timestamp": int(time.time() * 1000), "message": "printed by somebody"}
    made.aws.logs.put_log_events(**where, logEvents=[line])

    cli.run(["logs", *_where(made), "--json"])

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines
    assert all({"time", "request_id", "level", "message", "event_id"} <= set(li) for li in lines)


def _program(made: Pipeline, *arguments: str, **environment: str) -> dict[str, Any]:
    """What it takes to run the program in a process of its own."""
    return {
        "args": [sys.executable, "-c", "from ops.cli import main; main()", *arguments],
        "env": {**os.environ, "PYTHONPATH": str(ROOT), **environment},
    }


@pytest.mark.parametrize(
    "typed", ["pipeline-ctl --name ma", "pipeline-ctl status --name m", "pipeline-ctl logs --name "]
)
def test_the_shell_completes_names_of_pipelines(made: Pipeline, typed: str) -> None:
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split(" ")) - 1)}
    environment = {"_PIPELINE_CTL_COMPLETE": "complete_bash", **words}
    endpoint = {"AWS_ENDPOINT_URL": str(made.aws.endpoint_url)}

    done = subprocess.run(
        **_program(made, **environment, **endpoint), capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["made"]


def test_completion_without_credentials_is_empty_and_quiet(made: Pipeline) -> None:
    typed = {"COMP_WORDS": "pipeline-ctl --region us-east-1 --name m", "COMP_CWORD": "4"}

    done = subprocess.run(
        **_program(made, _PIPELINE_CTL_COMPLETE="complete_bash", **typed),
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_there_is_no_colour_in_a_pipe(made: Pipeline) -> None:
    done = subprocess.run(
        **_program(made, "status", *_where(made), TERM="xterm-256color"),
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(("variable", "coloured"), [("NO_COLOR", False), ("OTHER", True)])
def test_no_color_takes_the_colour_from_a_terminal(
    made: Pipeline, variable: str, coloured: bool
) -> None:
    ours, theirs = pty.openpty()
    environment = {"TERM": "xterm-256color", "COLUMNS": "80", variable: "1"}

    with subprocess.Popen(
        **_program(made, "doctor", *_where(made), **environment), stdout=theirs, stderr=theirs
    ) as program:
        assert program.wait(30) == 0
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)

    assert "Nothing is wrong" in shown
    assert bool(re.search(r"\x1b\[[\d;]*3\d", shown)) == coloured


@pytest.mark.parametrize("command", ["", "up", "logs", "doctor", "reprocess", "report"])
def test_help_fits_eighty_columns(capsys: Capture, command: str) -> None:
    cli.run([command, "--help"] if command else ["--help"])

    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 80

"""The road, end to end, through the installed command: up, confirm, test-upload, logs, down.

The program is built into a wheel and installed beside the checkout, so that what is tested is
what users install, its function's files included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
PHOTOS = ROOT.parent / "shared" / "photos"
PROGRAM = "import sys; from ops.cli import main; main()"


@dataclass(frozen=True)
class Ctl:
    """The installed program with a state folder of its own."""

    environment: dict[str, str]
    folder: Path

    def __call__(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        done = self.run(*arguments, "--json")
        assert done.returncode == code, done.stderr
        envelope: dict[str, Any] = json.loads(done.stdout)
        assert envelope["exit_code"] == code
        data: dict[str, Any] = envelope["data"]
        return data

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, *arguments],
            capture_output=True, text=True, check=False, env=self.environment, cwd=self.folder,
        )  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--no-deps", f"--target={folder}", str(ROOT),
        ],
        check=True,
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def ctl(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ctl]:
    folder = tmp_path_factory.mktemp("work")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PIPELINE_CTL_"))}
    ctl = Ctl(
        {
            **kept,
            "PYTHONPATH": str(installed),
            "PIPELINE_CTL_LOCAL_DIR": str(folder / "state"),
            "PIPELINE_CTL_LOCAL": "1",
        },
        folder,
    )
    yield ctl
    ctl.run("local", "stop")


@pytest.fixture(scope="module")
def made(ctl: Ctl) -> dict[str, Any]:
    return ctl("up", "--email", "me@example.com")


@pytest.fixture(scope="module")
def client(ctl: Ctl, made: dict[str, Any]) -> Callable[[str], Any]:
    """A boto3 client of somebody who only knows `local env`."""
    variables = ctl("local", "env")

    def build(service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=variables["AWS_ENDPOINT_URL"],
            region_name=variables["AWS_REGION"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        )

    return build


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "holiday.jpg"
    Image.effect_noise((1600, 1200), 60).convert("RGB").save(path, quality=85)
    return path


def _width(content: bytes) -> int:
    with Image.open(BytesIO(content)) as image:
        return image.width


def test_up_creates_everything_of_the_original(made: dict[str, Any]) -> None:
    assert {r["action"] for r in made["resources"]} == {"create"}
    assert made["subscriptions"] == [{"email": "me@example.com", "status": "pending"}]


def test_the_function_is_configured_to_the_letter(
    client: Callable[[str], Any], made: dict[str, Any]
) -> None:
    function = client("lambda").get_function_configuration(FunctionName="image-pipeline")

    assert function["Handler"] == "lambda_function.lambda_handler"
    assert (function["MemorySize"], function["Timeout"]) == (256, 30)
    assert set(function["Environment"]["Variables"]) == {"OUTPUT_BUCKET", "SNS_TOPIC_ARN"}
    assert function["LoggingConfig"]["LogFormat"] == "JSON"


def test_the_role_allows_exactly_what_the_original_lists(client: Callable[[str], Any]) -> None:
    iam = client("iam")

    policy = iam.get_role_policy(RoleName="image-pipeline-us-east-1", PolicyName="pipeline")

    actions = {
        action: statement["Resource"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
    }
    assert set(actions) == {
        "s3:GetObject", "s3:PutObject", "sns:Publish",
        "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
    }  # fmt: skip
    assert actions["s3:GetObject"].endswith("/uploads/*")
    assert "*" not in actions["sns:Publish"]


def test_a_second_up_keeps_everything(ctl: Ctl, made: dict[str, Any]) -> None:
    again = ctl("up")

    assert {r["action"] for r in again["resources"]} == {"keep"}


def test_status_is_healthy_while_a_subscription_is_pending(ctl: Ctl, made: dict[str, Any]) -> None:
    status = ctl("status")

    assert status["healthy"]
    assert {r["state"] for r in status["resources"]} == {"ok"}


def test_a_photograph_comes_out_in_three_sizes_with_its_story(
    ctl: Ctl, made: dict[str, Any], photo: Path, tmp_path: Path
) -> None:
    sent = ctl("test-upload", str(photo), "--save", str(tmp_path / "out"))["uploads"][0]

    sizes = {o["size"]: (o["width"], o["height"]) for o in sent["outputs"]}
    assert sizes == {"thumbnails": (128, 96), "medium": (512, 384), "large": (1024, 768)}
    assert sent["request_id"]
    assert 0 < sent["max_memory_mb"] <= 256
    assert sent["cost_usd"] > 0
    assert {p.name for p in (tmp_path / "out").rglob("*.jpg")} == {"holiday.jpg"}


@pytest.mark.skipif(not PHOTOS.exists(), reason="the photographs are not here")
def test_every_photograph_comes_out_upright_and_in_its_format(
    ctl: Ctl, made: dict[str, Any]
) -> None:
    photos = sorted(p for p in PHOTOS.iterdir() if p.suffix != ".md")

    sent = ctl("test-upload", *map(str, photos))["uploads"]

    types = {Path(u["path"]).name: {o["content_type"] for o in u["outputs"]} for u in sent}
    assert types.pop("paper_3mp_rgba.png") == {"image/png"}
    assert types.pop("earth_anim.gif") <= {"image/jpeg", "image/png"}
    assert set.union(*types.values()) == {"image/jpeg"}
    assert all(len(u["outputs"]) == 3 for u in sent)


def test_mail_comes_after_the_address_has_confirmed(
    ctl: Ctl, made: dict[str, Any], photo: Path
) -> None:
    ctl("local", "confirm", "me@example.com")

    ctl("test-upload", str(photo))

    mails = [m for m in ctl("local", "inbox")["messages"] if m["kind"] == "notification"]
    assert mails
    assert "holiday.jpg" in mails[-1]["subject"]
    assert mails[-1]["to"] == "me@example.com"


def test_a_large_file_under_an_awkward_key_comes_out_under_the_same_name(
    client: Callable[[str], Any], made: dict[str, Any]
) -> None:
    s3, outputs = client("s3"), made["outputs"]
    content = BytesIO()
    Image.effect_noise((4800, 3600), 80).convert("RGB").save(content, "JPEG", quality=97)
    name = "ünï çødé + 100% (1).jpg"
    assert content.tell() > 20_000_000  # a multipart upload
    content.seek(0)

    s3.upload_fileobj(content, outputs["input_bucket"], f"uploads/{name}")

    for folder, width in (("thumbnails", 128), ("medium", 512), ("large", 1024)):
        s3.get_waiter("object_exists").wait(
            Bucket=outputs["output_bucket"], Key=f"{folder}/{name}",
            WaiterConfig={"Delay": 1, "MaxAttempts": 40},
        )  # fmt: skip
        body = s3.get_object(Bucket=outputs["output_bucket"], Key=f"{folder}/{name}")["Body"].read()
        assert _width(body) == width


def test_logs_are_json_lines_each_once(ctl: Ctl, made: dict[str, Any], photo: Path) -> None:
    sent = ctl("test-upload", str(photo))["uploads"][0]

    done = ctl.run("logs", "--json", "--request", sent["request_id"])

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len({line["event_id"] for line in lines}) == len(lines)
    assert [line["key"] for line in lines if line["message"] == "processed"] == [sent["key"]]


def test_clean_removes_the_upload_and_its_outputs(
    ctl: Ctl, made: dict[str, Any], client: Callable[[str], Any], photo: Path
) -> None:
    sent = ctl("test-upload", str(photo), "--clean")["uploads"][0]

    keys = [
        o["Key"]
        for bucket in (made["outputs"]["input_bucket"], made["outputs"]["output_bucket"])
        for o in client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    ]
    assert not [key for key in keys if sent["key"].removeprefix("uploads/") in key]


def test_ls_lists_the_pipeline(ctl: Ctl, made: dict[str, Any]) -> None:
    assert [p["name"] for p in ctl("ls")["pipelines"]] == ["image-pipeline"]


def test_down_keeps_images_unless_told_and_then_leaves_nothing(
    ctl: Ctl, made: dict[str, Any], photo: Path
) -> None:
    ctl("test-upload", str(photo))

    ctl("down", "--yes", code=1)
    still = ctl("status")
    gone = ctl("down", "--yes", "--delete-data")
    again = ctl("down", "--yes")

    assert still["healthy"]
    assert gone["remaining"] == []
    assert gone["objects_deleted"] >= 4
    assert again["deleted"] == []
    ctl("status", code=3)


def test_the_demo_ends_with_three_pictures_and_the_mail(ctl: Ctl) -> None:
    ctl("demo", "--save", "shown")

    shown = ctl.folder / "shown"
    widths = {p.parent.name: _width(p.read_bytes()) for p in shown.glob("*/original.jpg")}
    assert widths == {"thumbnails": 128, "medium": 512, "large": 1024}
    assert "Subject:" in (shown / "mail.txt").read_text()

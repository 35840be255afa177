"""The report page: complete, alone, and safe to open; a browser is not needed to say so."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ops import cli, report, report_page
from ops.doctor.finding import Finding
from provision.pipeline import Pipeline

Capture = pytest.CaptureFixture[str]
KEY = "uploads/<img src=x onerror=alert(1)>.jpg"


class Page(HTMLParser):
    """What a page holds: its tags with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def health(self) -> dict[str, str]:
        return {
            str(group["data-hop"]): str(group["class"]).split()[1]
            for group in self.all("g")
            if group.get("data-hop")
        }


@pytest.fixture(scope="module")
def told(made: Pipeline) -> report.Report:
    """What is told of a pipeline that processed one image and refused another."""
    content = io.BytesIO()
    Image.effect_noise((1600, 1200), 60).convert("RGB").save(content, "JPEG")
    s3, bucket = made.aws.s3, made.input_bucket
    s3.put_object(Bucket=bucket, Key=KEY, Body=content.getvalue())
    s3.put_object(Bucket=bucket, Key="uploads/notes.jpg", Body=b"no image")
    return made.aws.wait_until("log", lambda: _both(made), why="both images", deadline_s=30)


def _both(made: Pipeline) -> report.Report | None:
    told = report.gather(made, "")
    complete = told.uploads and told.uploads[0].memory_mb and told.failures
    return told if complete else None


def test_the_page_shows_the_original_and_its_three_results(told: report.Report) -> None:
    page = Page(report_page.page(told))

    pictures = page.all("img")
    assert [picture["alt"] for picture in pictures] == [
        "original", "thumbnails", "medium", "large"
    ]  # fmt: skip
    assert all(str(p["src"]).startswith("data:image/jpeg;base64,") for p in pictures)
    assert "1600 x 1200" in page.text
    assert "128 x 96" in page.text


def test_the_page_tells_time_memory_and_cost_of_an_upload(told: report.Report) -> None:
    page = Page(report_page.page(told))

    assert re.search(r"decode \d+ ms", page.text)
    assert re.search(r"memory \d+ of 256 MB", page.text)
    assert re.search(r"\$0\.0000\d+", page.text)


def test_the_page_lists_failures_with_their_causes(told: report.Report) -> None:
    page = Page(report_page.page(told))

    assert "uploads/notes.jpg" in page.text
    assert "refused" in page.text
    assert told.failures[0].why in page.text


def test_the_page_needs_no_network_and_runs_nothing(told: report.Report) -> None:
    text = report_page.page(told)
    page = Page(text)

    assert not page.all("script")
    assert not page.all("link")
    assert not re.search(r"https?://", text)
    assert all(str(image["src"]).startswith("data:") for image in page.all("img"))


def test_a_key_cannot_become_markup(told: report.Report) -> None:
    page = Page(report_page.page(told))

    assert KEY in page.text
    assert not any("onerror" in attributes for attributes in page.all("img"))


def test_every_hop_is_well_on_a_healthy_pipeline(told: report.Report) -> None:
    page = Page(report_page.page(told))

    hops = ("input", "trigger", "function", "output", "mail", "log")
    assert page.health() == dict.fromkeys(hops, "ok")
    assert "All is well." in page.text


@pytest.mark.parametrize(
    ("code", "hop"),
    [
        ("input-bucket-missing", "input"), ("permission-missing", "trigger"),
        ("notification-altered", "trigger"), ("timeouts", "function"),
        ("role-permission-missing", "function"), ("output-bucket-missing", "output"),
        ("subscription-pending", "mail"), ("log-retention", "log"), ("loop", "input"),
    ],
)  # fmt: skip
def test_a_finding_colours_its_hop(told: report.Report, code: str, hop: str) -> None:
    finding = Finding(code, "error", "what", "why", "pipeline-ctl up")

    page = Page(report_page.page(replace(told, findings=[finding])))

    assert {name for name, state in page.health().items() if state == "error"} == {hop}
    assert "pipeline-ctl up" in page.text


def test_the_command_writes_the_page_and_says_where(
    made: Pipeline, told: report.Report, capsys: Capture, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    where = ["--endpoint-url", str(made.aws.endpoint_url), "--name", made.names.pipeline]

    code = cli.run(["report", "--output", str(path), "--json", *where])

    data: dict[str, Any] = json.loads(capsys.readouterr().out)["data"]
    assert code == 0
    assert (data["path"], data["uploads"]) == (str(path), [KEY])
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")

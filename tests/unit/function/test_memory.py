"""What does not fit the memory is refused before it is decoded; what is decoded does fit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from decoding import decode
from refusals import Refused
from tests.unit.function.fakes import Bench, body, encoded, picture

FUNCTION = Path(__file__).parents[3] / "function"
MEMORY_MB = 128  # leaves as little as a user can give, so that small files are large enough

# Decodes every file of a folder under the limit, and prints the peak of each in MB.
RUNNER = """
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import lambda_function
import journal
from body import fetch
from deadline import Deadline
from decoding import decode
from renditions import render

for path in sorted(Path(sys.argv[2]).iterdir()):
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    with path.open("rb") as file:
        body = fetch(file, path.stat().st_size, Deadline(lambda: 30_000))
    with body:
        made = list(render(decode(body, 1024), lambda_function._PIPELINE.settings))
    assert len(made) == 3
    print(path.name, journal.max_memory_mb())
"""

# Each is about as large as fits MEMORY_MB.
LARGEST: dict[str, tuple[str, float, dict[str, Any]]] = {
    "baseline.jpg": ("RGB", 50, {}),
    "progressive.jpg": ("RGB", 22, {"progressive": True}),
    "progressive-444.jpg": ("RGB", 11, {"progressive": True, "subsampling": 0}),
    "rgb.png": ("RGB", 25, {"compress_level": 1}),
    "rgba.png": ("RGBA", 25, {"compress_level": 1}),
    "palette.png": ("P", 50, {"compress_level": 1}),
    "lossy.webp": ("RGB", 5.6, {"method": 0}),
    "lossless.webp": ("RGB", 5, {"method": 0, "lossless": True, "quality": 0}),
    "image.avif": ("RGB", 7.6, {"speed": 10}),
    "image.gif": ("P", 30, {}),
    "raw.bmp": ("RGB", 8.7, {}),
    "deflated.tiff": ("RGB", 11, {"compression": "tiff_adobe_deflate"}),
    "one-strip.tiff": ("RGB", 7.5, {"compression": "tiff_lzw", "strip_size": 10**9}),
}


def large(mode: str, megapixels: float) -> Image.Image:
    height = int((megapixels * 1e6 / 1.5) ** 0.5)
    return picture(size=(300, 200)).resize((int(height * 1.5), height), 0).convert(mode)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux tells the peak")
def test_the_largest_of_each_kind_stays_below_the_limit(tmp_path: Path) -> None:
    for name, (mode, megapixels, options) in LARGEST.items():
        large(mode, megapixels).save(tmp_path / name, **options)
    environment = {
        "OUTPUT_BUCKET": "outputs",
        "SNS_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:topic",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(MEMORY_MB),
    }

    run = subprocess.run(
        [sys.executable, "-c", RUNNER, str(FUNCTION), str(tmp_path)],
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    peaks = {name: int(peak) for name, peak in (line.split() for line in run.stdout.splitlines())}
    assert peaks.keys() == LARGEST.keys()
    assert {name: peak for name, peak in peaks.items() if peak > MEMORY_MB} == {}


@pytest.mark.parametrize("name", ["progressive.jpg", "lossy.webp", "image.avif", "one-strip.tiff"])
def test_twice_that_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", str(MEMORY_MB))
    mode, megapixels, options = LARGEST[name]
    format_ = Image.registered_extensions()[Path(name).suffix]
    data = encoded(large(mode, 2 * megapixels), format_, **options)

    with pytest.raises(Refused) as refusal:
        decode(body(data), 1024)

    assert refusal.value.code == "too-large"


def test_a_refusal_names_the_size_the_limit_and_the_setting_that_would_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")

    bench.process(encoded(large("RGB", 12), "WEBP", method=0))

    (text,) = bench.sns.texts()
    assert "4,242 x 2,828 pixels" in text
    assert "128 MB" in text
    assert "--memory 192" in text


def test_outputs_larger_than_the_usual_ones_count(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(large("RGB", 12))
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")

    with pytest.raises(Refused) as refusal:
        decode(body(data), 4000)

    assert refusal.value.code == "too-large"
    assert decode(body(data), 1024).image.width == 1024


def test_a_bomb_that_no_setting_could_hold_is_refused_as_such(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
    bomb = bytearray(encoded(picture(size=(8, 8)), "GIF"))
    bomb[6:10] = b"\xff\xff\xff\xff"
    at = bomb.index(b",")
    bomb[at + 5 : at + 9] = b"\xff\xff\xff\xff"

    with pytest.raises(Refused, match="65,535 x 65,535"):
        decode(body(bytes(bomb)), 1024)


def test_outside_of_lambda_nothing_is_refused_for_its_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", raising=False)

    assert decode(body(encoded(large("RGB", 6))), 64).image.size == (64, 43)

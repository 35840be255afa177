"""A burst of uploads is queued and run, and none is lost.

Once with a function that does nothing, so that the queue is what is tested, and once with the
pipeline as it is deployed: every picture is unlike all others, so an output tells whose it is.
BURST=1000 (`make burst`) sends a thousand of them, and prints the time beside that of the
processor alone.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from provision import engine, interpreter
from provision.aws import connect_local
from provision.names import Names
from provision.pipeline import Pipeline
from provision.spec import Settings
from tests.local.conftest import ACCOUNT, REGION, Aws, eventually

UPLOADS = 300
CLIENTS = 6
PICTURES = int(os.environ.get("BURST", "60"))  # 1000 at most: there are that many colours
SIZES = {"thumbnails": (128, 85), "medium": (512, 341), "large": (1024, 683)}
DARKEST, STEP = 28, 22  # of a colour's levels, by decimal digit: compression does not blur them
RENDER = Path(__file__).parents[1] / "bench" / "images_pillow.py"


def test_a_burst_of_uploads_runs_each_once(
    aws: Aws, s3: Any, lambda_: Any, bucket: str, deploy: Callable[..., str]
) -> None:
    function = deploy("def handler(event, context):\n    pass\n")
    lambda_.add_permission(
        FunctionName=function,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
        SourceAccount=ACCOUNT,
    )
    entry = {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [entry]}
    )
    before = dict(aws.state.counts)

    threads = [
        threading.Thread(target=_upload, args=(aws.client("s3"), bucket, number))
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    pool = aws.state.invocations.pool

    def run() -> int:
        return int(aws.state.counts["invocations"] - before.get("invocations", 0))

    eventually(lambda: run() >= UPLOADS, within_s=60)
    assert run() == UPLOADS
    assert aws.state.counts["dropped"] == before.get("dropped", 0)
    assert len(pool.idle) <= 2 * pool.slots


def _upload(s3: Any, bucket: str, first: int) -> None:
    for number in range(first, UPLOADS, CLIENTS):
        s3.put_object(Bucket=bucket, Key=f"{number}", Body=b"")


@pytest.fixture
def pipeline(aws: Aws) -> Pipeline:
    """The pipeline as it is deployed, on the local AWS; its address has confirmed."""
    mailbox = aws.state.mailbox
    connection = connect_local(aws.url, REGION)
    settings = Settings(runtime=interpreter.default_runtime())
    pipeline = Pipeline(
        connection, Names("burst", ACCOUNT, REGION), settings, settings, ["me@example.com"]
    )
    assert engine.up(connection, pipeline.resources()).ok
    mailbox.confirm_address(None)
    return pipeline


def test_each_picture_of_a_burst_comes_out_as_itself(
    aws: Aws, pipeline: Pipeline, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [tmp_path / f"{number}.jpg" for number in range(PICTURES)]
    for number, path in enumerate(paths):
        _picture(number).save(path, quality=85)
    before = aws.state.counts["invocations"]

    def send(path: Path) -> None:
        key = f"uploads/{path.name}"
        pipeline.aws.s3.put_object(Bucket=pipeline.input_bucket, Key=key, Body=path.read_bytes())

    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(send, paths))
    eventually(lambda: aws.state.counts["invocations"] - before >= PICTURES, within_s=60 + PICTURES)
    took_s = time.monotonic() - began

    mails = [m for m in aws.state.mailbox.messages() if m["kind"] == "notification"]
    assert Counter(m["subject"] for m in mails) == {
        f"Image processed: {path.name}": 1 for path in paths
    }
    assert set(_keys(pipeline)) == {f"{size}/{path.name}" for size in SIZES for path in paths}
    for number, path in enumerate(paths):
        for size in SIZES:
            assert _facts(pipeline, f"{size}/{path.name}") == _expected(number, size)
    if "BURST" in os.environ:
        with capsys.disabled():
            _tell(took_s, _alone_s(paths))


def _picture(number: int) -> Image.Image:
    """Draw a grainy picture in the colour that stands for a number below 1,000."""
    grain = _grain()
    bands = [
        ImageChops.add(grain, Image.new("L", grain.size, DARKEST + STEP * digit), offset=-128)
        for digit in _digits(number)
    ]
    picture = Image.merge("RGB", bands)
    return picture.transpose(Image.Transpose.ROTATE_90) if number % 2 else picture


@cache
def _grain() -> Image.Image:
    """Draw what keeps the pictures from being flat; it takes longer than the rest of them."""
    return Image.effect_noise((1200, 800), 8)


def _digits(number: int) -> list[int]:
    return [number // 10**place % 10 for place in range(3)]


def _facts(pipeline: Pipeline, key: str) -> tuple[str, tuple[int, int], list[int]]:
    """Return an output's type, its size, and the digits of the number that its colour tells."""
    answer = pipeline.aws.s3.get_object(Bucket=pipeline.output_bucket, Key=key)
    with Image.open(io.BytesIO(answer["Body"].read())) as image:
        shown = [round((level - DARKEST) / STEP) for level in ImageStat.Stat(image).mean]
        return answer["ContentType"], image.size, shown


def _expected(number: int, size: str) -> tuple[str, tuple[int, int], list[int]]:
    width, height = SIZES[size]
    upright = (height, width) if number % 2 else (width, height)
    return "image/jpeg", upright, _digits(number)


def _keys(pipeline: Pipeline) -> Iterator[str]:
    pages = pipeline.aws.s3.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=pipeline.output_bucket):
        yield from (entry["Key"] for entry in page.get("Contents", []))


def _alone_s(paths: list[Path]) -> float:
    """Return the seconds of processor that nothing but rendering takes, in another process."""
    jobs = [json.dumps({"way": "function", "path": str(p), "format": "jpeg"}) for p in paths]
    done = subprocess.run(
        [sys.executable, RENDER], input="\n".join(jobs), capture_output=True, text=True, check=True
    )
    return sum(float(json.loads(line)["seconds"]) for line in done.stdout.splitlines())


def _tell(took_s: float, alone_s: float) -> None:
    cores = os.cpu_count() or 1
    least_s = alone_s / cores
    print(
        f"\n{PICTURES:,} pictures took {took_s:.1f} s. Rendering takes {alone_s:.1f} s of CPU,"
        f" at least {least_s:.1f} s on {cores} cores: {least_s / took_s:.2f} of that."
    )

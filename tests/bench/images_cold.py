"""A cold start's CPU seconds: importing the deployed function beside `import boto3, PIL`.

Both run in new processes, in turn, with the deployed zip and layer and what Lambda's Python has.
The other one makes clients of S3 and SNS, which the function can do without.
"""

from __future__ import annotations

import io
import os
import resource
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from statistics import median

from ops.local.runtime.sandbox import link_runtime
from provision import interpreter, package
from provision.pillow_layer import Target

RUNS = 11
OURS = "import lambda_function"
PLAIN = "import boto3, PIL; boto3.client('s3'); boto3.client('sns')"
ENVIRONMENT = {
    "OUTPUT_BUCKET": "outputs",
    "SNS_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:image-pipeline",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
}


def main() -> int:
    """Print the medians, their ratio, and what is uploaded."""
    runtime = interpreter.own_runtime()
    code = package.build_function(runtime).zip
    layer = package.build_layer(Target(runtime, interpreter.architecture(), this_machine=True)).zip
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        _unzip(code, root / "task")
        _unzip(layer, root / "opt")
        paths = [root / "task", root / "opt" / "python", link_runtime(root / "runtime")]
        seconds: dict[str, list[float]] = {OURS: [], PLAIN: []}
        for turn in range(RUNS + 1):
            for program, measured in seconds.items():
                used = _run(program, paths)
                if turn:  # the first warms the disk
                    measured.append(used)
    ours, plain = median(seconds[OURS]), median(seconds[PLAIN])
    print(f"\ncold start: {ours:.3f} s, plain boto3 and PIL {plain:.3f} s: {ours / plain:.2f}")
    print(f"function {len(code) / 1e3:.0f} kB, layer {len(layer) / 1e6:.2f} MB")
    return 0


def _unzip(content: bytes, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)


def _run(program: str, paths: list[Path]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-S", "-c", program],
        env=ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(map(str, paths))},
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    sys.exit(main())

"""How fast a full bucket goes, against `aws s3 rb --force` in the same run.

`python -m tests.bench.down [OBJECTS]` fills two buckets of a local AWS, empties and deletes one
with each program in turn, and prints seconds and the ratio of the rates.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

from moto.s3.models import s3_backends

from ops.local.server import serve
from provision import aws
from provision.aws import Aws
from provision.emptying import empty_bucket
from tests.bench import peers


def fill(connection: Aws, bucket: str, objects: int) -> None:
    """Put small objects past the network: the filling is not what is measured."""
    connection.s3.create_bucket(Bucket=bucket)
    backend: Any = s3_backends[connection.caller.account]["aws"]
    for number in range(objects):
        backend.put_object(bucket, f"uploads/{number:07}.jpg", b"x")


def ours(connection: Aws, bucket: str) -> float:
    began = time.perf_counter()
    empty_bucket(connection, "input-bucket", bucket, connection.caller.account)
    connection.s3.delete_bucket(Bucket=bucket)
    return time.perf_counter() - began


def theirs(program: str, url: str, bucket: str) -> float:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "LOCALAWSACCESSKEY000",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    began = time.perf_counter()
    subprocess.run(
        [program, "s3", "rb", "--force", f"s3://{bucket}"],
        env=environment, stdout=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    return time.perf_counter() - began


def _line(name: str, objects: int, seconds: float) -> str:
    return f"{name:17} {objects:7,} objects {seconds:8.1f} s {objects / seconds:8.0f} a second"


def main() -> int:
    objects = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    program = str(peers.program("aws"))
    with serve() as server:
        connection = aws.connect_local(server.url, "us-east-1")
        fill(connection, "ours", objects)
        mine = ours(connection, "ours")
        print(_line("pipeline-ctl", objects, mine))
        fill(connection, "theirs", objects)
        other = theirs(program, server.url, "theirs")
        print(_line("aws s3 rb --force", objects, other))
        print(f"rate of pipeline-ctl over aws: {other / mine:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

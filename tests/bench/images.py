"""The image benchmark: the function's CPU seconds beside those of sharp, libvips and the tutorial.

`python -m tests.bench.images [ROUNDS]` runs every contender over every file in turn, round after
round, each warm in a process of its own with one thread, and prints medians, ratios, their
geometric means, and SSIM of the brightness and error of the colours against a float LANCZOS of the
full image; at last a cold start, beside
plain boto3. The peers are installed into a cache folder with npm and pip; it needs node and the
photographs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from statistics import geometric_mean, mean, median
from typing import Any

from tests.bench import images_cold
from tests.bench.images_corpus import Case, corpus

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pipeline-ctl" / "bench"
SHARP, PYVIPS, VIPS_BINARY = "sharp@0.35.5", "pyvips==3.2.0", "pyvips-binary==8.18.7"
REFERENCES = CACHE / "references"
FOLDERS = ("large", "medium", "thumbnails")
WAYS = ("function", "sharp cascade", "sharp usual", "vips cascade", "vips usual", "naive")


class Worker:
    """A process that answers one JSON line with another."""

    def __init__(self, *command: str | Path, environment: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"VIPS_CONCURRENCY": "1"} | (environment or {}),
        )

    def ask(self, **job: Any) -> dict[str, Any]:
        """Return the answer to a job."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(f"{job['path']}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def workers() -> dict[str, Worker]:
    """Install the peers where they are missing, and start one process a library."""
    node = CACHE / "node"
    if not (node / "node_modules" / "sharp").exists():
        node.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--prefix", node, "--silent", SHARP], check=True)
    python = CACHE / "vips" / "bin" / "python"
    if not python.exists():
        venv.create(CACHE / "vips", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", PYVIPS, VIPS_BINARY], check=True)
    modules = {"NODE_PATH": str(node / "node_modules")}
    return {
        "function": Worker(sys.executable, HERE / "images_pillow.py"),
        "naive": Worker(sys.executable, HERE / "images_pillow.py"),
        "sharp": Worker("node", HERE / "images_sharp.js", environment=modules),
        "vips": Worker(python, HERE / "images_vips.py"),
    }


def measure(pool: dict[str, Worker], case: Case, rounds: int) -> dict[str, dict[str, Any]]:
    """Return for each way its median CPU seconds, the bytes and the SSIM of its outputs."""
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    results: dict[str, dict[str, Any]] = {}
    for number in range(rounds + 1):
        for way in WAYS:
            if way == "naive" and number > 1:
                continue  # it takes longest, and its time says least
            save = CACHE / "outputs" / case.name / way.replace(" ", "-")
            save.mkdir(parents=True, exist_ok=True)
            library, _, variant = way.partition(" ")
            job = {"way": variant or way, "path": str(case.path), "format": case.output}
            answer = pool[library].ask(**job, save=str(save) if number == 0 else "")
            if number > 0:  # round 0 warms up and keeps the outputs
                seconds[way].append(answer["seconds"])
                continue
            outputs = [str(save / folder) for folder in FOLDERS]
            likeness = pool["vips"].ask(
                way="likeness",
                path=str(case.path),
                outputs=outputs,
                references=str(REFERENCES),
            )
            results[way] = {"bytes": sum(answer["bytes"]), **likeness}
    for way, times in seconds.items():
        results[way]["seconds"] = median(times)
    return results


def show(name: str, results: dict[str, dict[str, Any]]) -> None:
    """Print one file: seconds, ratio to the function, bytes, and quality at 1024, 512 and 128."""
    print(name)
    ours = results["function"]["seconds"]
    for way, found in results.items():
        likeness = " ".join(f"{value:.4f}" for value in found["ssim"])
        colours = " ".join(f"{value:5.2f}" for value in found["colour_error"])
        ratio = ours / found["seconds"]
        print(
            f"  {way:14} {found['seconds']:7.3f} s  function/this {ratio:5.2f}"
            f"  {found['bytes'] / 1e3:7.0f} kB  SSIM {likeness}  colours {colours}"
        )


def summarise(family: str, measured: list[dict[str, dict[str, Any]]]) -> None:
    """Print the geometric means of the function's time over each peer's, and mean SSIM."""
    print(f"\n{family}: function / peer, geometric mean over {len(measured)} files")
    for way in WAYS[1:]:
        ratio = geometric_mean(m["function"]["seconds"] / m[way]["seconds"] for m in measured)
        print(f"  {way:14} {ratio:5.2f}")
    for way in ("function", "sharp cascade", "sharp usual", "naive"):
        likeness = [mean(m[way]["ssim"][at] for m in measured) for at in range(len(FOLDERS))]
        colours = [mean(m[way]["colour_error"][at] for m in measured) for at in range(len(FOLDERS))]
        print(
            f"  {way:14} mean SSIM",
            " ".join(f"{value:.4f}" for value in likeness),
            " colours",
            " ".join(f"{value:.2f}" for value in colours),
        )


def main() -> int:
    """Run the benchmark; without the photographs or node there is nothing to run."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    folder = CACHE / "corpus"
    folder.mkdir(parents=True, exist_ok=True)
    REFERENCES.mkdir(exist_ok=True)
    cases = corpus(folder)
    if not cases:
        print("The photographs (../shared/photos) are not here.", file=sys.stderr)
        return 1
    pool = workers()
    families: dict[str, list[dict[str, dict[str, Any]]]] = {}
    for case in cases:
        results = measure(pool, case, rounds)
        show(case.name, results)
        families.setdefault(case.family, []).append(results)
    for family, measured in families.items():
        summarise(family, measured)
    for worker in pool.values():
        worker.close()
    return images_cold.main()


if __name__ == "__main__":
    sys.exit(main())

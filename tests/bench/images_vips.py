"""Answers jobs on standard input with pyvips, and measures how near outputs are to a reference.

"usual" calls thumbnail once for each size, "cascade" decodes once and makes each size from the one
above. Runs in an environment of its own, which has nothing but pyvips.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

os.environ["VIPS_CONCURRENCY"] = "1"

import pyvips

pyvips.cache_set_max(0)

SIZES = {"large": 1024, "medium": 512, "thumbnails": 128}
SUFFIXES = {"jpeg": ".jpg[Q=80,strip]", "webp": ".webp[Q=80,strip]", "png": ".png[strip]"}


def usual(body, suffix):
    """Thumbnail the file once for each size."""
    return [_shrunk(body, px).write_to_buffer(suffix) for px in SIZES.values()]


def cascade(body, suffix):
    """Decode once; each size comes from the one above."""
    outputs, image = [], None
    for px in SIZES.values():
        smaller = (
            _shrunk(body, px)
            if image is None
            else image.thumbnail_image(px, height=px, size="down")
        )
        image = smaller.copy_memory()
        outputs.append(image.write_to_buffer(suffix))
    return outputs


def _shrunk(body, px):
    return pyvips.Image.thumbnail_buffer(body, px, height=px, size="down", export_profile="srgb")


def likeness(job):
    """Compare each output with a float LANCZOS of the full image.

    Returns the SSIM of the brightness, and the root mean square error of the two colours.
    """
    found = {"ssim": [], "colour_error": []}
    for path in job["outputs"]:
        output = _apart(pyvips.Image.new_from_file(path))
        reference = _reference(job, output.width, output.height)
        difference = reference[1:3] - output[1:3]
        found["ssim"].append(_ssim(reference[0], output[0]))
        found["colour_error"].append((difference * difference).avg() ** 0.5)
    return found


def _reference(job, width, height):
    """Return the full image at this size; what was made once is kept in a file."""
    kept = Path(job["references"]) / f"{Path(job['path']).name}-{width}x{height}.v"
    if not kept.exists():
        full = pyvips.Image.new_from_file(job["path"]).autorot()
        if full.get_typeof("icc-profile-data"):
            full = full.icc_transform("srgb", embedded=True)
        scale = width / full.width, height / full.height
        resized = _apart(full).resize(scale[0], vscale=scale[1], kernel="lanczos3", gap=0)
        resized.crop(0, 0, width, height).write_to_file(str(kept))
    return pyvips.Image.new_from_file(str(kept))


def _apart(image):
    """Return brightness and two colours, as JPEG defines them."""
    image = image.colourspace("srgb") if image.bands < 3 else image
    if image.hasalpha():
        image = image.flatten(background=255)
    luma = [0.299, 0.587, 0.114]
    return image.cast("float").recomb(
        [luma, [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]]
    )


def _ssim(reference, output):
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

    def blur(image):
        return image.gaussblur(1.5, precision="float", min_ampl=0.01)

    mu_x, mu_y = blur(reference), blur(output)
    var_x = blur(reference * reference) - mu_x * mu_x
    var_y = blur(output * output) - mu_y * mu_y
    both = blur(reference * output) - mu_x * mu_y
    top = (2 * mu_x * mu_y + c1) * (2 * both + c2)
    return (top / ((mu_x * mu_x + mu_y * mu_y + c1) * (var_x + var_y + c2))).avg()


def answer(job):
    """Run one job and return its CPU seconds and the bytes of the outputs, or the likeness."""
    if job["way"] == "likeness":
        return likeness(job)
    body = Path(job["path"]).read_bytes()
    began = time.process_time()
    outputs = (usual if job["way"] == "usual" else cascade)(body, SUFFIXES[job["format"]])
    seconds = time.process_time() - began
    if job.get("save"):
        for folder, output in zip(SIZES, outputs, strict=True):
            (Path(job["save"]) / folder).write_bytes(output)
    return {"seconds": seconds, "bytes": [len(output) for output in outputs]}


def main():
    """Answer a JSON line with a JSON line until the input ends."""
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()

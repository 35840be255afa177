"""Any key that S3 takes, up to 1,021 bytes, comes out under the right names."""

from __future__ import annotations

import json
import random

from PIL import Image

from tests.unit.function.fakes import Bench, encoded

TINY = encoded(Image.new("RGB", (2, 2)), "PNG")
ALPHABETS = [
    "abcXYZ019",
    " !-_.*'()&$@=;:+,?/",
    '\\{}^%`[]"><~#|',
    "äéñßøЖ中文字한글हिन्दी",
    "🦆👩‍👩‍👧🏳️‍🌈",
    "\t\n\r\x01\x7f\u2028\u00a0",
    "%2F%20+",
]


def key_of(choose: random.Random) -> str:
    """Return a random key under uploads/ of at most 1,021 bytes that names no folder."""
    length = choose.choice((1, 5, 40, 300, 1021))
    letters = "".join(choose.sample(ALPHABETS, choose.randint(1, len(ALPHABETS))))
    rest = "".join(choose.choices(letters, k=length)).encode()[: 1021 - len("uploads/x")]
    return "uploads/" + rest.decode(errors="ignore") + "x"


def test_a_thousand_random_keys_come_out_under_the_right_names() -> None:
    choose = random.Random(2026)
    for key in {key_of(choose) for _ in range(1000)}:
        bench = Bench()

        bench.process(TINY, key)

        rest = key.removeprefix("uploads/")
        assert bench.s3.outputs().keys() == {
            f"{f}/{rest}" for f in ("thumbnails", "medium", "large")
        }
        (message,) = bench.sns.messages
        assert json.loads(message.texts["sqs"])["key"] == key
        assert len(json.dumps(message.texts).encode()) < 256 * 1024
        assert len(message.subject) < 100
        assert message.subject.isprintable()

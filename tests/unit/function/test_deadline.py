"""The function ends by itself before Lambda ends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from body import Body
from deadline import Deadline, OutOfTimeError
from decoding import decode
from renditions import encoding_ms
from tests.unit.function.fakes import Bench, body, encoded, logged, picture, record


def running_out(first: int, *, reads: int) -> Deadline:
    """Return a deadline with `first` ms that is nearly over after `reads` looks at it."""
    times: Iterator[int] = iter([first] * (reads + 1))
    return Deadline(lambda: next(times, 100))


def test_time_enough_is_no_error() -> None:
    Deadline(lambda: 30_000).check()


def test_the_margin_is_kept_back() -> None:
    deadline = running_out(30_000, reads=0)

    with pytest.raises(OutOfTimeError, match="30 s"):
        deadline.check()


def test_a_very_short_timeout_keeps_most_of_its_time() -> None:
    assert Deadline(lambda: 3000).margin_ms == 1000


def test_a_read_looks_at_the_clock() -> None:
    file: Body = body(b"data", running_out(30_000, reads=1))

    file.read(1)

    with pytest.raises(OutOfTimeError):
        file.read(1)


def test_an_image_that_takes_too_long_is_refused_with_one_mail_and_nothing_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    bench.s3.upload("uploads/photo.jpg", encoded(picture()))

    bench.pipeline.handle({"Records": [record("uploads/photo.jpg")]}, running_out(30_000, reads=3))

    ((message, fields),) = logged(caplog)
    assert (message, fields["code"]) == ("refused", "out-of-time")
    assert "--timeout" in bench.sns.texts()[0]
    assert not bench.s3.outputs()


def test_a_newer_version_that_comes_too_late_is_left_to_lambdas_retry() -> None:
    bench, times = Bench(), [30_000]
    bench.s3.upload("uploads/photo.jpg", encoded(picture()))
    put_object = bench.s3.put_object

    def replaced_meanwhile(*arguments: Any) -> None:
        put_object(*arguments)
        bench.s3.upload("uploads/photo.jpg", encoded(picture(size=(800, 600))))
        times.clear()

    bench.s3.put_object = replaced_meanwhile  # type: ignore[method-assign, assignment]
    deadline = Deadline(lambda: times[0] if times else 100)

    with pytest.raises(OutOfTimeError):
        bench.pipeline.handle({"Records": [record("uploads/photo.jpg")]}, deadline)

    assert not bench.sns.texts()


def test_an_upload_is_not_refused_for_the_time_that_another_took() -> None:
    bench = Bench()
    bench.s3.upload("uploads/photo.jpg", encoded(picture()))
    times: Iterator[int] = iter([30_000, 5_000, 5_000])

    with pytest.raises(OutOfTimeError):
        bench.pipeline.handle(
            {"Records": [record("uploads/photo.jpg")]}, Deadline(lambda: next(times, 100))
        )

    assert not bench.sns.texts()


def test_what_takes_long_to_encode_is_not_begun_too_late() -> None:
    bench = Bench(FORMAT="webp")
    bench.s3.upload("uploads/photo.jpg", encoded(picture()))
    decoded = decode(body(encoded(picture())), 1024)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        times: Iterator[int] = iter([30_000, 30_000])

        bench.pipeline.handle(
            {"Records": [record("uploads/photo.jpg")]}, Deadline(lambda: next(times, 4_000))
        )

    assert encoding_ms(decoded, bench.settings, 256) > 2_000
    assert not bench.s3.outputs()

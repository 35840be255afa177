"""An event through the whole function, between a fake S3 and a fake SNS."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from processing import KeepsChangingError
from tests.unit.function.fakes import (
    INPUT,
    Bench,
    client_error,
    encoded,
    logged,
    opened,
    picture,
    record,
)

PHOTO = encoded(picture())
RED = encoded(picture().point(lambda value: value // 2))


def test_an_upload_becomes_three_pictures_under_its_own_name() -> None:
    bench = Bench()

    outputs = bench.process(PHOTO, "uploads/a b/ünï + 100% (1).jpg")

    assert {key: opened(stored).size for key, stored in outputs.items()} == {
        "thumbnails/a b/ünï + 100% (1).jpg": (128, 96),
        "medium/a b/ünï + 100% (1).jpg": (512, 384),
        "large/a b/ünï + 100% (1).jpg": (1024, 768),
    }


def test_outputs_carry_the_marks_of_their_source_and_settings() -> None:
    bench = Bench()
    etag = bench.s3.upload("uploads/photo.jpg", PHOTO)

    bench.deliver("uploads/photo.jpg")

    stored = bench.s3.outputs()["large/photo.jpg"]
    marks = {"source-etag": etag.strip('"'), "settings": bench.settings.fingerprint}
    assert (stored.content_type, stored.metadata) == ("image/jpeg", marks)


def test_a_processed_upload_is_logged_with_its_figures(caplog: pytest.LogCaptureFixture) -> None:
    Bench().process(PHOTO)

    ((message, fields),) = logged(caplog)
    assert message == "processed"
    assert fields["source"]["format"] == "jpeg"
    assert (fields["source"]["width"], fields["source"]["height"]) == (1600, 1200)
    assert [output["size"] for output in fields["outputs"]] == ["thumbnails", "medium", "large"]
    assert {"read", "decode", "encode", "write", "notify", "total"} <= fields["stages_ms"].keys()


def test_an_event_without_records_is_ignored() -> None:
    bench = Bench()

    bench.handle({"Service": "Amazon S3", "Event": "s3:TestEvent"})

    assert not bench.sns.messages


def test_one_bad_upload_does_not_lose_the_others(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    for name in ("first", "last"):
        bench.s3.upload(f"uploads/{name}.jpg", PHOTO)
    bench.s3.upload("uploads/bad.jpg", b"no picture at all")

    bench.deliver("uploads/first.jpg", "uploads/bad.jpg", "uploads/gone.jpg", "uploads/last.jpg")

    assert {"large/first.jpg", "large/last.jpg"} <= bench.s3.outputs().keys()
    told = [message for message, _ in logged(caplog)]
    assert told == ["processed", "refused", "skipped", "processed"]


def test_a_record_that_is_none_does_not_lose_the_others() -> None:
    bench = Bench()
    bench.s3.upload("uploads/photo.jpg", encoded(picture()))

    with pytest.raises(KeyError):
        bench.handle({"Records": [{"x": 1}, record("uploads/photo.jpg")]})

    assert len(bench.s3.outputs()) == 3


def test_a_fault_is_raised_after_the_other_uploads_had_their_turn() -> None:
    bench = Bench()
    for name in ("first", "last"):
        bench.s3.upload(f"uploads/{name}.jpg", PHOTO)

    def slow_down(key: str) -> None:
        if "first" in key:
            raise client_error("PutObject", 503, "SlowDown")

    bench.s3.before_put = slow_down

    with pytest.raises(ClientError, match="SlowDown"):
        bench.deliver("uploads/first.jpg", "uploads/last.jpg")

    assert "large/last.jpg" in bench.s3.outputs()


def test_no_write_is_under_way_when_a_fault_is_raised() -> None:
    with ThreadPoolExecutor(3) as executor:
        bench = Bench(executor)
        refused = threading.Event()

        def one_fails_another_is_slow(key: str) -> None:
            if key.startswith("large/"):
                refused.set()
                raise client_error("PutObject", 503, "SlowDown")
            refused.wait(5)
            time.sleep(0.2)

        bench.s3.before_put = one_fails_another_is_slow

        with pytest.raises(ClientError, match="SlowDown"):
            bench.process(PHOTO)

        assert bench.s3.outputs().keys() == {"medium/photo.jpg", "thumbnails/photo.jpg"}


def test_a_deleted_object_is_skipped(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()

    bench.deliver("uploads/gone.jpg")

    ((message, fields),) = logged(caplog)
    assert (message, fields["code"], bench.sns.messages) == ("skipped", "gone", [])


def test_an_object_deleted_after_it_was_read_counts_as_processed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    bench.s3.upload("uploads/photo.jpg", PHOTO)

    def delete(key: str) -> None:
        bench.s3.objects.pop((INPUT, "uploads/photo.jpg"), None)

    bench.s3.before_put = delete

    bench.deliver("uploads/photo.jpg")

    assert [message for message, _ in logged(caplog)] == ["processed"]


def test_a_missing_permission_is_raised() -> None:
    bench = Bench()

    def deny(key: str) -> None:
        text = "User: arn:aws:sts::1:x is not authorized to perform: s3:GetObject on s3:ListBucket"
        raise client_error("GetObject", 403, "AccessDenied", text)

    bench.s3.before_get = deny

    with pytest.raises(ClientError, match="s3:GetObject"):
        bench.deliver("uploads/photo.jpg")


def test_an_object_replaced_while_it_is_written_is_written_again() -> None:
    bench = Bench()
    bench.s3.upload("uploads/photo.jpg", PHOTO)
    replaced: list[str] = []

    def replace_once(key: str) -> None:
        if not replaced:
            replaced.append(bench.s3.upload("uploads/photo.jpg", RED))

    bench.s3.before_put = replace_once

    bench.deliver("uploads/photo.jpg")

    etags = {stored.metadata["source-etag"] for stored in bench.s3.outputs().values()}
    assert etags == {replaced[0].strip('"')}


def test_an_object_that_never_rests_is_left_to_lambdas_retry() -> None:
    bench = Bench()
    versions = iter(range(100))
    bench.s3.upload("uploads/photo.jpg", PHOTO)

    def replace(key: str) -> None:
        bench.s3.upload("uploads/photo.jpg", PHOTO + bytes(next(versions)))

    bench.s3.before_put = replace

    with pytest.raises(KeepsChangingError):
        bench.deliver("uploads/photo.jpg")


@pytest.mark.parametrize(
    ("notify", "mails"),
    [("all", ["processed", "refused"]), ("failures", ["refused"]), ("none", [])],
)
def test_notify_decides_which_mails_are_sent(notify: str, mails: list[str]) -> None:
    bench = Bench(NOTIFY=notify)
    bench.s3.upload("uploads/good.jpg", PHOTO)
    bench.s3.upload("uploads/bad.jpg", b"no picture at all")

    bench.deliver("uploads/good.jpg", "uploads/bad.jpg")

    sent = [message.attributes["status"] for message in bench.sns.messages]
    assert sent == mails


def test_a_mail_that_cannot_be_sent_is_a_fault() -> None:
    bench = Bench()

    def throttle() -> None:
        raise client_error("Publish", 400, "Throttling")

    bench.sns.before_publish = throttle

    with pytest.raises(ClientError, match="Throttling"):
        bench.process(b"no picture at all")


@pytest.mark.parametrize(
    ("key", "code"), [("elsewhere/photo.jpg", "not-in-uploads"), ("uploads/album/", "folder")]
)
def test_what_is_no_upload_is_skipped_unread(
    key: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench()

    bench.handle(
        {"Records": [{"s3": {"bucket": {"name": INPUT}, "object": {"key": key, "size": 0}}}]}
    )

    ((message, fields),) = logged(caplog)
    assert (message, fields["code"]) == ("skipped", code)


def test_a_key_too_long_for_its_outputs_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    Bench().process(PHOTO, "uploads/" + "é" * 507)

    ((message, fields),) = logged(caplog)
    assert (message, fields["code"]) == ("refused", "key-too-long")


def test_a_key_of_1021_bytes_is_processed() -> None:
    key = "uploads/" + "x" * 1013

    outputs = Bench().process(PHOTO, key)

    assert len(outputs) == 3

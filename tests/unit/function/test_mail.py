"""Subjects, bodies and attributes of the messages to the topic."""

from __future__ import annotations

import json

import pytest

from mail import printable, short_name
from tests.unit.function.fakes import Bench, encoded, picture

PHOTO = encoded(picture())


@pytest.mark.parametrize(
    "name", ["photo.jpg", "x" * 900 + ".jpg", "🦆" * 200 + ".jpg", "a\nb\x00\u2028c.jpg", "  .jpg"]
)
def test_a_subject_fits_sns_whatever_the_name(name: str) -> None:
    bench = Bench()

    bench.process(PHOTO, f"uploads/{name}")

    subject = bench.sns.messages[0].subject
    assert len(subject.encode("utf-16-le")) // 2 < 100
    assert subject.isprintable()


def test_a_short_name_keeps_its_ending() -> None:
    name = short_name("uploads/album/" + "holiday" * 20 + " 2026.jpeg")

    assert name.startswith("holidayholiday")
    assert name.endswith("y 2026.jpeg")


def test_the_text_says_what_was_made_of_what_and_where_it_is() -> None:
    bench = Bench()

    bench.process(PHOTO, "uploads/a b.jpg")

    (text,) = bench.sns.texts()
    assert "uploads/a b.jpg was processed." in text
    assert "JPEG, 1600 x 1200" in text
    assert "large: JPEG, 1024 x 768" in text
    assert "s3://photos-out/thumbnails/a b.jpg" in text
    assert "prefix=medium/a%20b.jpg" in text
    assert " ms" in text


def test_a_name_with_line_breaks_cannot_add_lines_to_the_text() -> None:
    bench = Bench()

    bench.process(PHOTO, "uploads/a\nWhy: because.jpg")

    (text,) = bench.sns.texts()
    assert "\nWhy: because" not in text


def test_programs_get_json_with_the_exact_key() -> None:
    bench = Bench()

    bench.process(PHOTO, "uploads/a\nb.jpg")

    texts = bench.sns.messages[0].texts
    data = json.loads(texts["sqs"])
    assert texts["lambda"] == texts["http"] == texts["https"] == texts["sqs"]
    assert (data["status"], data["key"], data["outputs"][2]["width"]) == (
        "processed",
        "uploads/a\nb.jpg",
        1024,
    )


def test_a_refusal_says_why_and_can_be_filtered() -> None:
    bench = Bench()

    bench.process(b"%PDF-1.7 and so on", "uploads/report.pdf")

    (text,) = bench.sns.texts()
    assert "This is a PDF" in text
    assert bench.sns.messages[0].attributes == {
        "status": "refused",
        "bucket": "photos-in",
        "key": "uploads/report.pdf",
        "code": "not-an-image",
    }


def test_printable_keeps_every_visible_character() -> None:
    assert printable("Ünï çødé 日本 🦆 + 100%") == "Ünï çødé 日本 🦆 + 100%"

"""The function's environment variables."""

from __future__ import annotations

import pytest

from settings import Settings, SettingsError

REQUIRED = {"OUTPUT_BUCKET": "out", "SNS_TOPIC_ARN": "arn:aws:sns:eu-west-1:123456789012:t"}


def test_the_originals_three_sizes_are_the_default() -> None:
    settings = Settings.from_environment(REQUIRED)

    assert settings.sizes == {"thumbnails": 128, "medium": 512, "large": 1024}
    assert (settings.notify, settings.quality, settings.format) == ("all", 80, "keep")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OUTPUT_BUCKET", ""),
        ("SNS_TOPIC_ARN", ""),
        ("SIZES", ""),
        ("SIZES", "large"),
        ("SIZES", "large=0"),
        ("SIZES", "large=1k"),
        ("SIZES", "a/b=10"),
        ("NOTIFY", "some"),
        ("QUALITY", "101"),
        ("QUALITY", "high"),
        ("FORMAT", "gif"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment(REQUIRED | {name: value})


@pytest.mark.parametrize(
    ("name", "value"), [("SIZES", "large=1000"), ("QUALITY", "81"), ("FORMAT", "webp")]
)
def test_the_fingerprint_changes_with_what_changes_pixels(name: str, value: str) -> None:
    plain = Settings.from_environment(REQUIRED)
    other = Settings.from_environment(REQUIRED | {name: value})

    assert plain.fingerprint != other.fingerprint


def test_the_fingerprint_stays_for_what_changes_no_pixels() -> None:
    plain = Settings.from_environment(REQUIRED)
    other = Settings.from_environment(
        REQUIRED | {"NOTIFY": "none", "SIZES": "large=1024 medium=512 thumbnails=128"}
    )

    assert plain.fingerprint == other.fingerprint

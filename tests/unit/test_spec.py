"""Settings: where they come from and what they may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provision.errors import UsageError
from provision.spec import Settings, from_tags, read_file, resolve, to_tags


def test_the_defaults_are_those_of_the_original() -> None:
    settings = resolve({}, {}, {}, {})

    assert (settings.runtime, settings.memory, settings.timeout) == ("python3.12", 256, 30)
    assert settings.folders == {"thumbnails": 128, "medium": 512, "large": 1024}


@pytest.mark.parametrize(
    ("flag", "environment", "file", "recorded", "expected"),
    [
        ("512", "600", 700, "800", 512),
        (None, "600", 700, "800", 600),
        (None, None, 700, "800", 700),
        (None, None, None, "800", 800),
        (None, None, None, None, 256),
    ],
)
def test_flag_beats_environment_beats_file_beats_recorded_beats_default(
    flag: str | None, environment: str | None, file: int | None, recorded: str | None, expected: int
) -> None:
    settings = resolve(
        {"memory": flag},
        {"PIPELINE_CTL_MEMORY": environment} if environment else {},
        {"memory": file} if file else {},
        {"memory": recorded} if recorded else {},
    )

    assert settings.memory == expected


def test_what_differs_from_the_defaults_survives_the_tags_of_the_function() -> None:
    settings = Settings(memory=512, sizes="tiny=64 large=2048", notify="failures")

    tags = to_tags(settings, Settings())
    again = resolve({}, {}, {}, from_tags(tags))

    assert again == settings
    assert tags["pipeline-ctl:memory"] == "512"
    assert len(tags) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memory", "127"),
        ("memory", "10241"),
        ("memory", "lots"),
        ("memory", True),
        ("timeout", "901"),
        ("timeout", "-1"),
        ("arch", "mips"),
        ("runtime", "python2.7"),
        ("retention", "2"),
        ("notify", "some"),
        ("quality", "0"),
        ("sizes", "thumbnails"),
        ("sizes", "a=1 a=2"),
        ("sizes", {"../x": 12}),
        ("sizes", ""),
        ("input_bucket", "No_Good"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(UsageError) as refused:
        resolve({}, {}, {name: value}, {})

    assert name.replace("_", "-") in f"{refused.value.what} {refused.value.fix}"


def test_sizes_can_be_a_table_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text("[sizes]\nsmall = 100\nhuge = 4000\n")

    assert resolve({}, {}, read_file(path), {}).sizes == "small=100 huge=4000"


def test_an_unknown_key_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text("memroy = 512\n")

    with pytest.raises(UsageError, match="memroy") as refused:
        read_file(path)

    assert "memory" in refused.value.why


def test_a_file_that_is_no_toml_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.toml"
    path.write_text("memory = \n")

    with pytest.raises(UsageError) as refused:
        read_file(path)

    assert "line 1" in refused.value.why


def test_no_file_is_no_settings(tmp_path: Path) -> None:
    assert read_file(tmp_path / "pipeline.toml") == {}


def test_one_bucket_for_both_is_refused_when_it_would_loop() -> None:
    both = {"input_bucket": "my-photos", "output_bucket": "my-photos"}

    assert resolve(both, {}, {}, {}).input_bucket == "my-photos"
    with pytest.raises(UsageError, match="for ever"):
        resolve(both, {}, {"sizes": "uploads=100"}, {})

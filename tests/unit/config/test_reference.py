from __future__ import annotations

import re
from pathlib import Path

import pytest

from hostpod.config import Config, parse_config
from hostpod.config.ranges import duration_text, settings
from hostpod.config.reference import example_file, settings_page, write

ROOT = Path(__file__).parents[3]


def test_the_committed_files_are_current(tmp_path: Path) -> None:
    for name in ("docs/settings.md", "examples/hostpod.yaml"):
        (tmp_path / name).parent.mkdir()
    write(tmp_path)
    for name in ("docs/settings.md", "examples/hostpod.yaml"):
        assert (ROOT / name).read_text() == (tmp_path / name).read_text(), "run: python -m hostpod.config"


def test_the_example_with_its_comment_signs_taken_away_is_the_defaults() -> None:
    text = re.sub(r"^#((?:  )?\w+:)", r"\1", example_file(), flags=re.MULTILINE)
    config = parse_config(text, file="example")
    assert config == Config(node_name="myhost")


def test_every_setting_has_its_row_with_a_description() -> None:
    page = settings_page()
    for keys, field in settings():
        assert f"| `{'.'.join(keys)}` |" in page
        assert field.description


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (0.005, "5ms"), (1, "1s"), (60, "60s"), (90, "90s"), (900, "15m"), (86400, "24h")]
)
def test_durations_are_written_as_people_do(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text

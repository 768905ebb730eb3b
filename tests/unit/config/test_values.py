from __future__ import annotations

import pytest
from pydantic import ValidationError

from hostpod.config import Config, ManifestConfig, parse_duration


@pytest.mark.parametrize(
    ("value", "seconds"), [("20s", 20), ("1m30s", 90), ("500ms", 0.5), ("1h", 3600), (3, 3), (0.25, 0.25)]
)
def test_durations(value: object, seconds: float) -> None:
    assert parse_duration(value) == seconds


@pytest.mark.parametrize("value", ["", "20", "s", "1m 30s", "-1s", "1d"])
def test_what_is_no_duration_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(value)


def test_values_are_frozen() -> None:
    config = Config()
    with pytest.raises(ValidationError):
        config.max_pods = 3  # type: ignore[misc]


def test_names_of_attributes_and_of_keys_both_build_a_section() -> None:
    assert ManifestConfig(rescan_interval_s=5).rescan_interval_s == 5
    assert ManifestConfig.model_validate({"rescanInterval": "5s"}).rescan_interval_s == 5

from __future__ import annotations

import pytest

from hostpod.config import ConfigError, parse_config
from hostpod.config.amounts import Threshold, is_share


@pytest.mark.parametrize(
    ("text", "capacity", "left"),
    [
        ("100Mi", 1 << 30, 100 << 20), ("5%", 1000, 50), ("0.5%", 1000, 5), (4096, 10_000, 4096), ("0", 1000, 0),
        ("0%", 1000, 0), ("1Gi", 1000, 1000), ("100%", 1000, 1000),
    ],
)  # fmt: skip
def test_how_much_is_to_be_left(text: object, capacity: int, left: int) -> None:
    assert Threshold.parse(text).of(capacity) == left


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lots", '"lots" is no amount, write for example 100Mi, or 10% of all there is'),
        ("101%", '"101%" is more than all there is'),
        ("-1Mi", '"-1Mi" must not be less than 0'),
        ("5 %", '"5 %" is no amount'),
        ("", '"" is no amount'),
    ],
)
def test_what_is_no_amount(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        Threshold.parse(text)


def test_a_share_is_a_percentage() -> None:
    assert str(is_share(Threshold.parse("3%"))) == "3%"
    with pytest.raises(ValueError, match='"5Mi" is no percentage, write for example 5%'):
        is_share(Threshold.parse("5Mi"))


def test_what_is_wrong_in_the_file_is_told_with_its_line() -> None:
    reserved = "reserved:\n  cpu: -1\n  memory: much\n"
    text = f"{reserved}eviction:\n  memoryAvailable: 120%\n  minimumReclaim: 5Mi\n  pidAvailable: [1]\n"
    with pytest.raises(ConfigError) as refused:
        parse_config(text, file="h.yaml")
    assert str(refused.value).splitlines() == [
        'h.yaml:2: reserved.cpu: "-1" must not be less than 0',
        'h.yaml:3: reserved.memory: "much" is not a quantity, write for example 500m, 2, 64Mi or 1.5Gi',
        'h.yaml:5: eviction.memoryAvailable: "120%" is more than all there is',
        'h.yaml:6: eviction.minimumReclaim: "5Mi" is no percentage, write for example 5%',
        'h.yaml:7: eviction.pidAvailable: "[1]" is no amount, write for example 100Mi, or 10% of all there is',
    ]

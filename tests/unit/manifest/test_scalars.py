"""Unquoted words mean what they mean to Kubernetes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.manifest.scalars import Scalar, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("Null", None), ("nULL", "nULL"),
        ("yes", True), ("On", True), ("y", True), ("TRUE", True), ("no", False),
        ("OFF", False), ("N", False), ("oN", "oN"),
        ("0", 0), ("80", 80), ("+80", 80), ("-80", -80), ("0644", 420), ("0o644", 420), ("0x1F", 31), ("-0b11", -3),
        ("1_000", 1000), ("08", 8), ("0_8", 8), ("_1", "_1"), ("12:30", "12:30"), ("2026-11-21", "2026-11-21"),
        ("18446744073709551616", 2**64), ("1.5", 1.5), (".5", 0.5), ("5.", 5), ("80.0", 80), ("1e3", 1000),
        ("1e-3", 0.001), ("1e400", "1e400"), ("1e30", 1e30), ("1.2.3", "1.2.3"), ("-", "-"), ("+", "+"), (".", "."),
        ("0x", "0x"), ("1 2", "1 2"), ("9" * 500, "9" * 500), ("nginx", "nginx"), ("-.inf", -math.inf), ("٣", "٣"),
    ],
)  # fmt: skip
def test_resolve(text: str, value: Scalar) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_not_a_number() -> None:
    assert math.isnan(float(str(resolve(".nan"))))


@given(st.integers(min_value=-(10**30), max_value=10**30))
def test_every_integer_is_one(number: int) -> None:
    assert resolve(str(number)) == number


@given(st.text())
def test_any_text_has_a_value(text: str) -> None:
    resolve(text)

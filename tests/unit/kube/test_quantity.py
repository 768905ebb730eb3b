"""Quantities are exact, canonical as in Kubernetes, and refuse what is none."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hostpod.kube import Quantity, QuantityError, ResourceRequirements, to_json
from hostpod.kube.quantity import LARGEST_NANO

SUFFIXES = {
    "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": Fraction(1), "k": Fraction(1000),
    "M": Fraction(10**6), "G": Fraction(10**9), "T": Fraction(10**12), "P": Fraction(10**15), "E": Fraction(10**18),
    "Ki": Fraction(2**10), "Mi": Fraction(2**20), "Gi": Fraction(2**30), "Ti": Fraction(2**40),
    "Pi": Fraction(2**50), "Ei": Fraction(2**60), "e3": Fraction(1000), "E-2": Fraction(1, 100), "e+1": Fraction(10),
}  # fmt: skip
texts = st.builds(
    lambda sign, whole, fraction, suffix: (sign, whole, fraction, suffix),
    st.sampled_from(["", "+", "-"]),
    st.text("0123456789", min_size=1, max_size=20),
    st.none() | st.text("0123456789", max_size=20),
    st.sampled_from(list(SUFFIXES)),
)


def written(parts: tuple[str, str, str | None, str]) -> str:
    sign, whole, fraction, suffix = parts
    return sign + whole + ("" if fraction is None else f".{fraction}") + suffix


@given(texts)
def test_amounts_are_exact_rounded_away_from_zero_and_capped(parts: tuple[str, str, str | None, str]) -> None:
    sign, whole, fraction, suffix = parts
    exact = Fraction(int(whole + (fraction or "")), 10 ** len(fraction or "")) * SUFFIXES[suffix] * 10**9
    nano = min(-(-exact.numerator // exact.denominator), LARGEST_NANO)
    assert Quantity.parse(written(parts)).nano == (-nano if sign == "-" else nano)


@given(texts)
def test_canonical_form_is_the_same_amount_and_canonical(parts: tuple[str, str, str | None, str]) -> None:
    quantity = Quantity.parse(written(parts))
    again = Quantity.parse(quantity.canonical())
    assert again == quantity
    assert again.canonical() == quantity.canonical()
    assert "." not in quantity.canonical()


@given(texts, texts)
def test_order_is_that_of_the_amounts(
    one: tuple[str, str, str | None, str], other: tuple[str, str, str | None, str]
) -> None:
    left, right = Quantity.parse(written(one)), Quantity.parse(written(other))
    assert (left < right) == (left.nano < right.nano)
    assert (left == right) == (left.nano == right.nano)


@given(st.text() | st.text("+-0123456789.eEinumkMGTP", max_size=8))
def test_any_text_is_a_quantity_or_refused(text: str) -> None:
    try:
        quantity = Quantity.parse(text)
    except QuantityError:
        return
    assert quantity.text == text.strip()


@pytest.mark.parametrize(
    ("text", "canonical", "value", "milli"),
    [
        ("100m", "100m", 1, 100), ("1.5", "1500m", 2, 1500), ("0.5Gi", "512Mi", 2**29, 2**29 * 1000),
        ("1024Mi", "1Gi", 2**30, 2**30 * 1000), ("1000m", "1", 1, 1000), ("1e3", "1e3", 1000, 10**6),
        ("1.5e3", "1500", 1500, 1500000), ("1000000", "1M", 10**6, 10**9), ("512", "512", 512, 512000),
        ("0.5Ki", "512", 512, 512000), ("1.0001Ki", "1024102400u", 1025, 1024103), ("0", "0", 0, 0),
        ("-1.5", "-1500m", -2, -1500), ("0.1n", "1n", 1, 1), ("1E", "1E", 10**18, 10**21), (".5", "500m", 1, 500),
        ("5.", "5", 5, 5000), (" 7 ", "7", 7, 7000), ("9999999E", "9223372036854775807", 2**63 - 1, (2**63 - 1) * 1000),
        ("1e999999999", "9223372036854775807e0", 2**63 - 1, (2**63 - 1) * 1000), ("1e-999999999", "1e-9", 1, 1),
        ("0.0001Ki", "102400u", 1, 103), ("1Ei", "1Ei", 2**60, 2**60 * 1000),
        ("2.5E", "2500P", 25 * 10**17, 25 * 10**20),
    ],
)  # fmt: skip
def test_forms(text: str, canonical: str, value: int, milli: int) -> None:
    quantity = Quantity.parse(text)
    assert (quantity.canonical(), quantity.value, quantity.milli) == (canonical.removesuffix("e0"), value, milli)
    assert str(quantity) == text.strip()


@pytest.mark.parametrize(
    "text", ["", "-", ".", "m", "1i", "1ki", "1 Gi", "1e", "1e1.5", "0x10", "1_000", "٣", "1Mi1", "9" * 600]
)
def test_refused(text: str) -> None:
    with pytest.raises(QuantityError, match="is not a quantity, write for example"):
        Quantity.parse(text)


@pytest.mark.parametrize(("number", "text"), [(2, "2"), (0.5, "0.5"), (1e16, "1e+16"), (1e-7, "1e-07")])
def test_numbers(number: float, text: str) -> None:
    assert Quantity.parse(number).text == text


def test_sums_and_rounding() -> None:
    assert (Quantity.parse("100m") + Quantity.parse("0.9")).text == "1"
    assert Quantity.parse("0.0001").rounded_to_milli().text == "1m"
    assert Quantity.parse("9E") + Quantity.parse("9E") == Quantity(nano=LARGEST_NANO)


def test_in_a_model() -> None:
    limits = ResourceRequirements.model_validate({"limits": {"cpu": 0.5, "memory": Quantity.parse("1Gi")}})
    assert to_json(limits) == {"limits": {"cpu": "0.5", "memory": "1Gi"}}
    assert limits.model_dump(mode="json")["limits"] == {"cpu": "0.5", "memory": "1Gi"}
    for wrong in (True, None, ["1"], "1 GB"):
        with pytest.raises(ValidationError, match="quantity"):
            ResourceRequirements.model_validate({"limits": {"cpu": wrong}})

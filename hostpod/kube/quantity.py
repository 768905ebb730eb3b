"""Kubernetes quantities, exactly: `100m`, `1.5Gi`, `1e3` as whole numbers of billionths, with their canonical form.

The rules are those of k8s.io/apimachinery/pkg/api/resource: nothing is finer than a billionth and nothing larger than
2^63 - 1; what is finer is rounded away from zero, what is larger is capped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

NANO = 10**9
MILLI = 10**6
LARGEST_NANO = (2**63 - 1) * NANO

Form = Literal["decimal", "binary", "exponent"]

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX = {power: suffix for suffix, power in _DECIMAL.items()}
_BINARY_SUFFIX = ("", *_BINARY)
_PARTS = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:([eE])([+-]?\d{1,9})|([KMGTPE]i|[numkMGTPE])?)", re.ASCII)
_LONGEST = 512
_HUGE_EXPONENT = 64


class QuantityError(ValueError):
    """A text is not a Kubernetes quantity."""

    def __init__(self, text: str) -> None:
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        super().__init__(f'"{shown}" is not a quantity, write for example 500m, 2, 64Mi or 1.5Gi')


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class Quantity:
    """An amount of something; compares by amount alone, keeps the text that it was read from for output."""

    nano: int
    form: Form = field(default="decimal", compare=False)
    text: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.text:
            object.__setattr__(self, "text", self.canonical())

    @staticmethod
    def parse(value: str | float) -> Quantity:
        """A text, or a number as YAML and JSON allow it, to a quantity; QuantityError otherwise."""
        return _parse(value if isinstance(value, str) else repr(value))

    @property
    def value(self) -> int:
        """Whole units, rounded away from zero."""
        return _rounded_away(self.nano, NANO)

    @property
    def milli(self) -> int:
        """Thousandths, rounded away from zero."""
        return _rounded_away(self.nano, MILLI)

    def rounded_to_milli(self) -> Quantity:
        """The same amount in whole thousandths (rounded up as Kubernetes does), written in its canonical form."""
        return Quantity(nano=self.milli * MILLI, form=self.form)

    def __add__(self, other: Quantity) -> Quantity:
        form = self.form if self.nano else other.form
        return Quantity(nano=_capped(self.nano + other.nano), form=form)

    def __str__(self) -> str:
        return self.text

    def canonical(self) -> str:
        """The form that Kubernetes prints: no fraction, the largest suffix that loses nothing."""
        if self.form == "binary" and abs(self.nano) >= 1024 * NANO and self.nano % NANO == 0:
            return _canonical_binary(self.nano // NANO)
        return _canonical_decimal(self.nano, exponent_form=self.form == "exponent")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _validated, serialization=core_schema.to_string_ser_schema(when_used="always")
        )


def _validated(value: object) -> Quantity:
    if isinstance(value, Quantity):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a quantity, write for example 500m, 2, 64Mi or 1.5Gi")  # noqa: TRY004  # pydantic reports it
    return Quantity.parse(value)


@lru_cache(maxsize=256)
def _parse(text: str) -> Quantity:
    stripped = text.strip()
    found = _PARTS.fullmatch(stripped) if len(stripped) <= _LONGEST else None
    if found is None or not (found[2] or found[3]):
        raise QuantityError(text)
    sign, whole, fraction, exponent_mark, exponent, suffix = found.groups(default="")
    digits = int(whole + fraction)
    form: Form = "exponent" if exponent_mark else "binary" if suffix in _BINARY else "decimal"
    if form == "binary":
        digits <<= _BINARY[suffix]
    power = int(exponent) if exponent_mark else _DECIMAL.get(suffix, 0)
    nano = _capped(_scaled(digits, power - len(fraction) + 9))
    if form == "binary" and nano < NANO:
        form = "decimal"
    return Quantity(nano=-nano if sign == "-" else nano, form=form, text=stripped)


def _scaled(digits: int, power: int) -> int:
    """digits times 10^power, rounded up; the power is bounded first, so that 1e999999999 costs nothing."""
    if power >= 0:
        return digits * int(10 ** min(power, _HUGE_EXPONENT))
    return -(-digits // int(10 ** min(-power, _LONGEST + _HUGE_EXPONENT)))


def _capped(nano: int) -> int:
    return max(-LARGEST_NANO, min(nano, LARGEST_NANO))


def _rounded_away(nano: int, unit: int) -> int:
    return -(-nano // unit) if nano >= 0 else nano // unit


def _canonical_decimal(nano: int, *, exponent_form: bool) -> str:
    if nano == 0:
        return "0"
    power = -9
    while nano % 1000 == 0:
        nano //= 1000
        power += 3
    if exponent_form:
        return f"{nano}e{power}" if power else str(nano)
    return f"{nano}{_DECIMAL_SUFFIX[power]}"


def _canonical_binary(units: int) -> str:
    step = 0
    while units % 1024 == 0 and step < len(_BINARY):
        units //= 1024
        step += 1
    return f"{units}{_BINARY_SUFFIX[step]}"

"""Amounts in settings: Kubernetes quantities, and how much must be left of something, as an amount or a percentage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer, PlainValidator

from hostpod.kube.quantity import Quantity, QuantityError

_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)%", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """How much is to be left; nothing at all where both are 0."""

    text: str
    amount: int = 0
    percent: float = 0.0

    @staticmethod
    def parse(value: object) -> Threshold:
        """`100Mi`, `5%` or a number of bytes; ValueError otherwise."""
        if isinstance(value, Threshold):
            return value
        text = str(value).strip()
        if found := _PERCENT.fullmatch(text):
            percent = float(found[1])
            if percent > 100:
                raise ValueError(f'"{text}" is more than all there is')
            return Threshold(text=text, percent=percent)
        try:
            return Threshold(text=text, amount=not_negative(Quantity.parse(text)).value)
        except QuantityError as error:
            raise ValueError(f'"{text}" is no amount, write for example 100Mi, or 10% of all there is') from error

    def of(self, capacity: int) -> int:
        """The amount, where there is so much in all; never more than that."""
        return min(capacity, self.amount + int(capacity * self.percent / 100))

    def __str__(self) -> str:
        return self.text


def not_negative(quantity: Quantity) -> Quantity:
    if quantity.nano < 0:
        raise ValueError(f'"{quantity}" must not be less than 0')
    return quantity


def is_share(threshold: Threshold) -> Threshold:
    """Refuse what is no percentage."""
    if threshold.amount:
        raise ValueError(f'"{threshold}" is no percentage, write for example 5%')
    return threshold


Amount = Annotated[Quantity, AfterValidator(not_negative)]
Left = Annotated[Threshold, PlainValidator(Threshold.parse), PlainSerializer(str)]
Share = Annotated[Left, AfterValidator(is_share)]

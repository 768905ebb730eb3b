"""Label selectors in their equality form: `app=web,tier!=db,canary,!old`. Pure."""

from __future__ import annotations

from collections.abc import Mapping


class SelectorError(ValueError):
    """A selector that cannot be read."""


def matches(selector: str, labels: Mapping[str, str]) -> bool:
    """Whether labels meet every requirement of a selector. Raises SelectorError."""
    return all(_meets(part.strip(), labels) for part in selector.split(",") if part.strip())


def _meets(requirement: str, labels: Mapping[str, str]) -> bool:
    if "(" in requirement or ")" in requirement or " " in requirement:
        raise SelectorError(f'cannot read selector "{requirement}": write key=value, key!=value, key or !key')
    if "!=" in requirement:
        key, _, value = requirement.partition("!=")
        return labels.get(key) != value
    if "=" in requirement:
        key, _, value = requirement.partition("=")
        return labels.get(key) == value.removeprefix("=")
    if requirement.startswith("!"):
        return requirement[1:] not in labels
    return requirement in labels

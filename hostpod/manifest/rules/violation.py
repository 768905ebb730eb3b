"""What a rule reports, and the few checks that nearly every rule is made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""The way from the pod to a field: camelCase names, indexes and keys of maps."""

SHOWN_CHARACTERS = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """A rule of Kubernetes that a pod breaks: where, and what is wrong with what to do about it."""

    path: Path
    message: str


Violations = Iterator[Violation]
Format = Callable[[str], str | None]
"""Says what a text must be, or None where it is."""


def quoted(value: object) -> str:
    """A value as messages show it: quoted, shortened, on one line."""
    text = " ".join(str(value).splitlines())
    return f'"{text}"' if len(text) <= SHOWN_CHARACTERS else f'"{text[:SHOWN_CHARACTERS]}…"'


def listed(choices: Iterable[str]) -> str:
    """`a, b or c`, in the order given."""
    *others, last = (quoted(choice) for choice in choices)
    return f"{', '.join(others)} or {last}" if others else last


def required(path: Path, value: object, hint: str = "must be set") -> Violations:
    """The value may be neither absent nor empty."""
    if value is None or value in ("", (), {}):
        yield Violation(path=path, message=f"is missing, {hint}")


def formatted(path: Path, value: str, *formats: Format) -> Violations:
    """The text has the form; of several forms the first that it has not is told."""
    for expectation in (form(value) for form in formats):
        if expectation is not None:
            yield Violation(path=path, message=f"{quoted(value)} must be {expectation}")
            return


def optional(path: Path, value: str | None, *formats: Format) -> Violations:
    """A text that may be absent or empty, and has the form otherwise."""
    if value:
        yield from formatted(path, value, *formats)


def named(path: Path, value: str | None, form: Format, hint: str = "must be set") -> Violations:
    """A name that must be there and have the form."""
    yield from formatted(path, value, form) if value else required(path, value, hint)


def chosen(path: Path, value: str | None, choices: Collection[str]) -> Violations:
    """The value is one of a closed list; absent is left to `required`."""
    if value is not None and value not in choices:
        yield Violation(path=path, message=f"{quoted(value)} is not known, write {listed(choices)}")


def within(path: Path, value: int | None, lowest: int, highest: int) -> Violations:
    """The number is in a range, both ends included; absent is fine."""
    if value is not None and not lowest <= value <= highest:
        yield Violation(path=path, message=f"{value} is out of range, must be between {lowest} and {highest}")


def at_least(path: Path, value: int | None, lowest: int) -> Violations:
    """The number is not below a bound; absent is fine."""
    if value is not None and value < lowest:
        yield Violation(path=path, message=f"{value} is too small, must be {lowest} or more")


def unique(entries: Iterable[tuple[Path, Hashable]], message: str) -> Violations:
    """No value comes twice: every repetition is told at its own path; `{}` in the message is the value."""
    seen: set[Hashable] = set()
    for path, value in entries:
        if value in seen:
            yield Violation(path=path, message=message.format(quoted(value)))
        seen.add(value)


def forbidden(path: Path, value: object, message: str) -> Violations:
    """The field may not be set here."""
    if value is not None and value not in ("", (), {}):
        yield Violation(path=path, message=message)


def exactly_one(path: Path, present: Iterable[str], choices: Iterable[str]) -> Violations:
    """Of several fields one is set: told at the parent where there is none, at each one too many otherwise."""
    names = tuple(present)
    if not names:
        yield Violation(path=path, message=f"is empty, set one of {listed(choices)}")
    for other in names[1:]:
        yield Violation(path=(*path, other), message=f'stands beside "{names[0]}", only one of them may be set')

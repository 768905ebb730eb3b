"""Ids that users of the host have for containers of their own: /etc/subuid and /etc/subgid."""

from __future__ import annotations

from pathlib import Path

FILES = (Path("/etc/subuid"), Path("/etc/subgid"))


def subordinate_ids(files: tuple[Path, ...] = FILES) -> tuple[range, ...]:
    """Every range that is given to somebody. A file that is not there gives nothing, a line that is none as well."""
    return tuple(found for file in files for line in _lines(file) if (found := _range(line)) is not None)


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _range(line: str) -> range | None:
    match line.strip().split(":"):
        case [_, first, count] if first.isdecimal() and count.isdecimal():
            return range(int(first), int(first) + int(count))
        case _:
            return None

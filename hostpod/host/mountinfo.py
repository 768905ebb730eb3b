"""/proc/self/mountinfo as values. Pure: the text is an argument."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, kw_only=True, slots=True)
class MountEntry:
    """One mount; `root` is the part of the file system that it shows, `super_options` are the file system's own."""

    mount_id: int
    parent_id: int
    device: str
    root: str
    target: Path
    options: tuple[str, ...]
    propagation: tuple[str, ...]
    fstype: str
    source: str
    super_options: tuple[str, ...]


def parse_mountinfo(text: str) -> tuple[MountEntry, ...]:
    """Every mount in the order of the file: a later entry with the same target lies on top of an earlier one.

    Lines end with a newline alone: whatever else Python takes for the end of one may be in the name of a directory.
    """
    return tuple(_entry(line) for line in text.split("\n") if line)


def _entry(line: str) -> MountEntry:
    before, _, after = line.partition(" - ")
    mount_id, parent_id, device, root, target, options, *propagation = before.split(" ")
    # A source may be empty, and then two blanks follow each other: split at single blanks only.
    fstype, source, super_options = after.split(" ", 2)
    return MountEntry(
        mount_id=int(mount_id),
        parent_id=int(parent_id),
        device=device,
        root=unescape(root),
        target=Path(unescape(target)),
        options=tuple(options.split(",")),
        propagation=tuple(propagation),
        fstype=fstype,
        source=unescape(source),
        super_options=tuple(unescape(option) for option in super_options.split(",")),
    )


def unescape(text: str) -> str:
    r"""The kernel writes blank, tab, newline, backslash and # as octal: `\040` is a blank; the rest stays as it is."""
    if "\\" not in text:
        return text
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)

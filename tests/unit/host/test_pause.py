from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from hostpod.host.pause import PauseError, make_pause_root, needs_libraries


def elf(*kinds: int, order: str = "<") -> bytes:
    """A 64-bit ELF header and program headers of these kinds."""
    head = bytearray(64)
    head[:6] = b"\x7fELF\x02" + (b"\x01" if order == "<" else b"\x02")
    struct.pack_into(f"{order}Q", head, 0x20, 64)
    struct.pack_into(f"{order}HH", head, 0x36, 56, len(kinds))
    return bytes(head) + b"".join(struct.pack(f"{order}I", kind) + bytes(52) for kind in kinds)


def program(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "catatonit"
    path.write_bytes(content)
    path.chmod(0o755)
    return str(path)


def test_what_cannot_pause_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PauseError, match="cannot run pods without no-such-program"):
        make_pause_root("no-such-program", tmp_path)
    with pytest.raises(PauseError, match="not linked statically"):
        make_pause_root(program(tmp_path, elf(1, 3)), tmp_path)
    (tmp_path / "pause").write_text("")
    with pytest.raises(PauseError, match="cannot make the root of pause containers: "):
        make_pause_root(program(tmp_path, elf(1)), tmp_path / "pause")


def test_programs_that_need_libraries_are_told_apart() -> None:
    assert needs_libraries(Path(sys.executable).read_bytes())
    assert needs_libraries(b"#!/bin/sh\n")
    assert not needs_libraries(elf(1, 6, order=">"))
    assert needs_libraries(elf(1, 3, order=">"))

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hostpod.host.sealed import sealed_copy


def test_a_sealed_copy_runs_and_cannot_be_written() -> None:
    echo = shutil.which("echo")
    assert echo is not None
    with sealed_copy(echo) as path:
        assert path.startswith(f"/proc/{os.getpid()}/fd/")
        done = subprocess.run([path, "hello"], check=False, capture_output=True, text=True)
        assert done.stdout == "hello\n"
        assert not os.get_inheritable(int(Path(path).name))
        with pytest.raises(PermissionError), Path(path).open("r+b") as opened:
            opened.write(b"x")
    assert not Path(path).exists()


def test_a_script_and_what_cannot_be_read_stay_where_they_are(tmp_path: Path) -> None:
    script = tmp_path / "runc"
    script.write_text("#!/bin/sh\n")
    with sealed_copy(str(script)) as path:
        assert path == str(script)
    with sealed_copy("/nowhere/runc") as path:
        assert path == "/nowhere/runc"


def test_an_old_kernel_knows_fewer_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    create = os.memfd_create

    def old(name: str, flags: int) -> int:
        if flags & 0x10:
            raise OSError(22, "Invalid argument")
        return create(name, flags)

    monkeypatch.setattr(os, "memfd_create", old)
    true = shutil.which("true")
    assert true is not None
    with sealed_copy(true) as path:
        assert subprocess.run([path], check=False).returncode == 0


def test_where_there_is_no_memory_for_it_the_program_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, flags: int) -> int:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(os, "memfd_create", refuse)
    with sealed_copy("/bin/true") as path:
        assert path == "/bin/true"

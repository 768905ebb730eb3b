"""The engine on a machine without root: namespaces are plain files, all else is in machine.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path

import pytest

from hostpod.engine import sandbox
from hostpod.host.namespaces import Kind, Namespaces
from tests.unit.engine.machine import Machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    def plain_files(kinds: Sequence[Kind], *, hostname: str | None) -> Namespaces:
        return Namespaces({kind: FileIO("/dev/null") for kind in kinds})

    monkeypatch.setattr(sandbox, "make", plain_files)
    with Machine(tmp_path) as made:
        yield made

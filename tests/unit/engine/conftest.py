"""The engine on a machine without root: namespaces are plain files, all else is in machine.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hostpod.engine import adoption, sandbox
from hostpod.host.store import remove_tree
from tests.unit.engine.machine import Machine


def _pin(directory: Path, *, kinds: Sequence[str], hostname: str | None) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for kind in kinds:
        (directory / kind).touch()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setattr(sandbox, "pin", _pin)
    monkeypatch.setattr(sandbox, "unpin", remove_tree)
    monkeypatch.setattr(adoption, "pinned", lambda directory: [path.name for path in directory.iterdir()])
    with Machine(tmp_path) as made:
        yield made

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hostpod.cli.main import cli
from tests.unit.server.fake import Served


@pytest.fixture(autouse=True)
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("HOSTPOD_SOCKET", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path).running() as server:
        yield server


class Hostpod:
    """The command in this process, speaking to a socket."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(cli, ["--socket", str(self.socket), *arguments], input=stdin)


@pytest.fixture
def hostpod(served: Served) -> Hostpod:
    return Hostpod(served.path)

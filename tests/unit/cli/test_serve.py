from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hostpod.cli.serve import EXIT_CONFIG
from hostpod.host import journal
from hostpod.host.catalog import MESSAGE_IDS
from tests.unit.cli.conftest import Hostpod


def test_it_needs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "h.yaml"
    config.write_text("nodeName: lab\n")
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    as_nobody = Hostpod(tmp_path / "x")("serve", "--config", str(config))
    assert as_nobody.exit_code == 1
    assert as_nobody.stderr == (
        "error: hostpod serve needs root: it makes namespaces, mounts and control groups (sudo hostpod serve)\n"
    )


def test_settings_that_cannot_be_used(tmp_path: Path) -> None:
    config = tmp_path / "h.yaml"
    config.write_text("maxPods: none\nlogLevel: loud\n")
    result = Hostpod(tmp_path / "x")("serve", "--config", str(config))
    assert result.exit_code == EXIT_CONFIG
    assert result.stderr == (
        f'{config}:1: maxPods: "none" is not a whole number\n'
        f'{config}:2: logLevel: "loud" is not known, must be one of debug, info, warning, error\n'
        "error: the settings cannot be used\n"
    )


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """What a service would have sent to the journal, which its stderr is."""
    sent: list[list[str]] = []
    monkeypatch.setattr(journal, "stderr_is_the_journal", lambda: True)
    monkeypatch.setattr(journal, "_journal", lambda: lambda *fields: sent.append([each.decode() for each in fields]))
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield sent
    root.handlers[:] = handlers
    root.setLevel(level)


def test_in_the_journal_each_mistake_of_the_settings_is_an_error_with_an_id(
    tmp_path: Path, entries: list[list[str]]
) -> None:
    config = tmp_path / "h.yaml"
    config.write_text("maxPods: none\nlogLevel: loud\n")
    result = Hostpod(tmp_path / "x")("serve", "--config", str(config))
    assert (result.exit_code, result.stderr) == (EXIT_CONFIG, "")
    assert [entry[0] for entry in entries] == [
        f'MESSAGE=the settings cannot be used: {config}:1: maxPods: "none" is not a whole number',
        (
            f'MESSAGE=the settings cannot be used: {config}:2: logLevel: "loud" is not known, '
            "must be one of debug, info, warning, error"
        ),
    ]
    for entry in entries:
        wanted = {"PRIORITY=3", "HOSTPOD_EVENT=CannotRun", f"MESSAGE_ID={MESSAGE_IDS['CannotRun']}"}
        assert wanted <= set(entry)

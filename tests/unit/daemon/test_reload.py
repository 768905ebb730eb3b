from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from hostpod.config import Config, load_config
from hostpod.daemon.reload import reload_on


def reload(monkeypatch: pytest.MonkeyPatch, held: Config, read: Callable[[], Config]) -> tuple[list[str], list[Config]]:
    """What systemd is told, and the settings that are handed on, by one reload."""
    told: list[str] = []
    handed: list[Config] = []
    monkeypatch.setattr("hostpod.daemon.reload.notify.reloading", lambda: told.append("reloading"))

    async def run() -> None:
        asked, over = asyncio.Event(), asyncio.Event()
        asked.set()

        def ready() -> None:
            told.append("ready")
            over.set()

        monkeypatch.setattr("hostpod.daemon.reload.notify.ready", ready)
        async with asyncio.TaskGroup() as tasks:
            reloads = tasks.create_task(reload_on(asked, read, lambda: held, handed.append))
            await over.wait()
            assert not asked.is_set()
            reloads.cancel()

    asyncio.run(run())
    return told, handed


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    return tmp_path / "hostpod.yaml"


def test_what_took_effect_and_what_needs_a_restart_is_a_line_each(
    settings: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.write_text("maxPods: 5\nlogLevel: debug\nnetwork: {bridge: br1}\nhttp: {readOnlyPort: 0}\n")
    with caplog.at_level(logging.INFO):
        told, (config,) = reload(monkeypatch, Config(), lambda: load_config(settings))
    assert told == ["reloading", "ready"]
    assert (config.max_pods, config.network.bridge) == (5, "hostpod0")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "settings reloaded: maxPods 110 → 5, logLevel info → debug"),
        ("WARNING", "needs a restart: http.readOnlyPort, network.bridge"),
    ]


def test_a_broken_file_changes_nothing_and_is_told_line_by_line(
    settings: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.write_text("maxPods: 0\nlogLevel: loud\n")
    told, handed = reload(monkeypatch, Config(), lambda: load_config(settings))
    assert (told, handed) == (["reloading", "ready"], [])
    loud = 'logLevel: "loud" is not known, must be one of debug, info, warning, error'
    assert [record.getMessage() for record in caplog.records] == [
        f"settings stay as they were: {settings}:1: maxPods: 0 is out of range, must be from 1 to 10000",
        f"settings stay as they were: {settings}:2: {loud}",
    ]


def test_a_file_that_says_what_holds_hands_nothing_on(
    settings: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.write_text("maxPods: 110\n")
    with caplog.at_level(logging.INFO):
        _, handed = reload(monkeypatch, Config(), lambda: load_config(settings))
    assert handed == []
    assert [record.getMessage() for record in caplog.records] == ["settings reloaded: nothing to change"]

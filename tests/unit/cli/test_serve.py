from __future__ import annotations

import os
from pathlib import Path

import pytest

from hostpod.cli.serve import EXIT_CONFIG
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

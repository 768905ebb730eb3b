from __future__ import annotations

import json
from pathlib import Path

import click

from hostpod.cli.doctor import check_lines
from hostpod.host.check import Check
from tests.unit.cli.conftest import Hostpod


def test_what_is_wrong_says_how_to_mend_it() -> None:
    checks = [
        Check(name="kernel", level="ok", found="6.1.0"),
        Check(name="forwarding", level="warn", found="off", mend="hostpod turns it on"),
        Check(name="runc", level="fail", found="not\x1b here", mend="apt install runc"),
    ]
    assert [click.unstyle(line) for line in check_lines(checks)] == [
        "ok    kernel      6.1.0",
        "warn  forwarding  off",
        "                  → hostpod turns it on",
        "fail  runc        not^[ here",
        "                  → apt install runc",
    ]


def test_this_host_is_judged(tmp_path: Path) -> None:
    config = tmp_path / "h.yaml"
    config.write_text("binaries: {runc: /nowhere/runc}\n")
    hostpod = Hostpod(tmp_path / "x")
    result = hostpod("doctor", "--config", str(config))
    assert result.exit_code == 1
    assert "fail  runc" in result.stdout
    report = json.loads(hostpod("doctor", "--config", str(config), "-o", "json").stdout)
    assert {check["level"] for check in report} <= {"ok", "warn", "fail"}
    assert all(check["mend"] for check in report if check["level"] == "fail")


def test_settings_that_cannot_be_used(tmp_path: Path) -> None:
    result = Hostpod(tmp_path / "x")("doctor", "--config", str(tmp_path / "none.yaml"))
    assert result.exit_code == 1
    assert result.stderr == f"{tmp_path}/none.yaml: there is no such file\nerror: the settings cannot be used\n"

"""Control groups are plain directories here, and systemctl is a script."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab import leaks
from lab.leaks import Traces
from lab.names import Names


@pytest.fixture
def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Traces:
    monkeypatch.setattr(leaks, "_hierarchies", lambda: iter([tmp_path]))
    monkeypatch.setattr(leaks, "_SYSTEMD", tmp_path / "none")
    names = replace(Names.fresh(), cgroup_root="hostpod-test-1")
    return Traces(names=names, directories=(tmp_path / "x",), runtime=tmp_path / "x")


@pytest.mark.parametrize(
    "path",
    [
        "hostpod-test-1/burstable/podu1",
        "hostpod.slice/hostpod-test.slice/hostpod-test-1.slice/hostpod-test-1-podu_1.slice",
    ],
)
def test_cgroups_of_pods_are_found_whoever_made_them(traces: Traces, tmp_path: Path, path: str) -> None:
    (tmp_path / "hostpod.slice/hostpod-test.slice/hostpod-test-2.slice").mkdir(parents=True)
    assert traces.cgroups() == []
    (tmp_path / path).mkdir(parents=True)
    assert tmp_path / path in traces.cgroups()
    assert f"cgroup {tmp_path / path}" in traces.of_pods()
    assert not any("hostpod-test-2" in str(each) for each in traces.cgroups())


def test_parents_of_pods_are_left_only_when_the_daemon_is_gone(traces: Traces, tmp_path: Path) -> None:
    parent = tmp_path / "hostpod.slice/hostpod-test.slice/hostpod-test-1.slice/hostpod-test-1-besteffort.slice"
    parent.mkdir(parents=True)
    assert not any(str(parent) in line for line in traces.of_pods())
    assert f"cgroup {parent}" in traces.of_instance()


def test_units_are_found_where_systemd_runs(traces: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert traces.units() == []
    scope, pod, parent = "hostpod-test-1-c1.scope", "hostpod-test-1-podu_1.slice", "hostpod-test-1-besteffort.slice"
    systemctl = tmp_path / "systemctl"
    lines = "\\n".join(f"{name} loaded active active of a pod" for name in (scope, pod, parent))
    systemctl.write_text(f"#!/bin/sh\nprintf '{lines}\\n'\n")
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(leaks, "_SYSTEMD", tmp_path)
    assert traces.units() == [scope, pod, parent]
    assert [line for line in traces.of_pods() if line.startswith("unit")] == [f"unit {scope}", f"unit {pod}"]
    monkeypatch.setattr(Traces, "_has_table", lambda _: False)
    assert f"unit {parent}" in traces.of_instance()

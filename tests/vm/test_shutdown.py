"""A real systemd and a real logind: a shutdown of the host waits until pods have ended in order, and they run again."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab.nspawn import Container
from tests.integration.harness import statuses
from tests.vm.conftest import NewPackage, NewSystem
from tests.vm.service import Service

OUT = "/var/tmp/out"
PODS = ("deaf-lab", "web-lab", "db-lab", "dns-lab")
NOTE = "cat /proc/uptime > /out/$NAME"
# Each writes down when it was asked to end and when it had.
SLOW = f"""
trap '{NOTE}.asked; sleep 0.2; {NOTE}.ended; exit 0' TERM
while :; do sleep 3600 & wait $!; done
"""
# Side by side is what two are of which each sees the other asked before it has ended itself.
WEB = SLOW.replace("sleep 0.2", "until test -e /out/deaf.asked; do sleep 0.1; done")
DEAF = f"""
trap '{NOTE}.asked; until test -e /out/web.asked; do sleep 0.1; done; {NOTE}.saw' TERM
while :; do sleep 3600 & wait $!; done
"""
WRITTEN = {"web.asked", "web.ended", "deaf.asked", "deaf.saw", "db.asked", "db.ended", "dns.asked", "dns.ended"}


def pod(name: str, script: str, **spec: Any) -> dict[str, Any]:
    container = {
        "name": "c",
        "image": "busybox",
        "command": ["sh", "-c", script],
        "env": [{"name": "NAME", "value": name}],
        "volumeMounts": [{"name": "out", "mountPath": "/out"}],
    }
    volumes = [{"name": "out", "hostPath": {"path": OUT}}]
    spec = {"containers": [container], "volumes": volumes, **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def uptime(path: Path) -> float:
    return float(path.read_text().split()[0])


@pytest.mark.needs("disk")
def test_a_shutdown_waits_for_pods_in_order_and_they_run_again_afterwards(
    new_system: NewSystem, package: NewPackage
) -> None:
    with new_system() as system:
        assert isinstance(system, Container)
        system.install(package())
        service = Service(system)
        service.wait_ready()
        _is_held_up(service)
        service.configure(shutdownGracePeriod="30s", shutdownGracePeriodCriticalPods="14s")
        system.run("systemctl", "reload", "hostpod")
        system.run("mkdir", "-p", OUT)
        service.drop("deaf.yaml", pod("deaf", DEAF, terminationGracePeriodSeconds=600))
        service.drop("web.yaml", pod("web", WEB))
        service.drop("db.yaml", pod("db", SLOW, priority=7))
        service.drop("dns.yaml", pod("dns", SLOW, priorityClassName="system-node-critical"))
        before = service.wait_running(*PODS, within_s=60)
        system.switch_off(within_s=120)
        _look_back(system)
        system.switch_on()
        after = service.wait_running(*PODS, within_s=60)
        for name in PODS:
            assert statuses(after[name])["c"]["restartCount"] == 0
            assert after[name]["status"]["startTime"] > before[name]["status"]["startTime"]
        assert len(service.monitors()) == len(PODS)


def _is_held_up(service: Service) -> None:
    def held() -> list[str]:
        lines = service.system.run("systemd-inhibit", "--list").splitlines()
        return [line for line in lines if line.startswith("hostpod") and "shutdown" in line and "delay" in line]

    service.system.until(held, "an inhibitor is held")
    assert "logind holds up" not in service.system.journal("-u", "hostpod"), "the package's drop-in is enough"


def _look_back(system: Container) -> None:
    times = {path.name: uptime(path) for path in (system.place / "var/tmp/out").iterdir()}
    assert times.keys() == WRITTEN, _journal_of(system)
    assert times["web.ended"] < times["db.asked"] < times["db.ended"] < times["dns.asked"]
    # The deaf one is killed, but not before it had some seconds: 16 s are there for two waves.
    assert times["db.asked"] - times["deaf.asked"] > 2
    journal = _journal_of(system)
    assert "the host shuts down: pods end within 30 s" in journal
    assert "web-lab: NodeShutdown: Pod was terminated in response to imminent node shutdown." in journal


def _journal_of(system: Container) -> str:
    """Of a system that is off."""
    argv = ["journalctl", f"--directory={system.place}/var/log/journal", "--no-pager", "-u", "hostpod"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

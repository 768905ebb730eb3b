"""Pods as units of systemd: what becomes of them when somebody stops one, and when the cgroup driver changes."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.integration.harness import FOREVER, statuses
from tests.vm.service import SETTINGS, Pods, Service, pod

NAMES = ("one-lab", "two-lab", "once-lab")


@pytest.fixture
def pods(service: Service) -> Iterator[Pods]:
    """Two pods that are started again when they end, and one that is not; nothing is left of them at the end."""
    service.drop("one.yaml", pod("one", FOREVER, FOREVER))
    service.drop("two.yaml", pod("two", FOREVER))
    service.drop("once.yaml", pod("once", FOREVER, restartPolicy="Never"))
    yield service.wait_running(*NAMES, within_s=60)
    service.clear()
    service.system.until(lambda: units(service) <= {"hostpod.slice"} | BESIDE, "no unit of a pod is left")
    assert service.monitors() == []


BESIDE = {"hostpod-burstable.slice", "hostpod-besteffort.slice", "hostpod-monitors.slice"}


def units(service: Service) -> set[str]:
    """Slices and scopes of hostpod, failed ones too."""
    shown = service.system.run("systemctl", "list-units", "--all", "--output=json", "hostpod*.slice", "hostpod*.scope")
    return {unit["unit"] for unit in json.loads(shown)}


def slice_of(pods: Pods, name: str) -> str:
    return f"hostpod-besteffort-pod{pods[name]['metadata']['uid']}.slice"


def restarts(pods: Pods, name: str) -> list[int]:
    return [status["restartCount"] for status in statuses(pods[name]).values()]


def wait_restarted(service: Service, name: str, count: int) -> Pods:
    """Until all containers of a pod run that often again."""
    service.wait_for(lambda pods: min(restarts(pods, name)) >= count, f"{name} restarted", within_s=60)
    return service.wait_running(name, within_s=60)


OF_SLICE = ("Description", "DefaultDependencies", "Transient", "CPUWeight", "TasksMax")


def test_a_pod_whose_slice_is_stopped_comes_back_as_it_was(service: Service, pods: Pods) -> None:
    name = slice_of(pods, "one-lab")
    before = service.system.unit(name, *OF_SLICE)
    service.system.run("systemctl", "stop", name)
    now = wait_restarted(service, "one-lab", 1)
    assert service.system.unit(name, *OF_SLICE) == before
    assert restarts(now, "one-lab") == [1, 1]
    assert restarts(now, "two-lab") == [0]
    assert now["one-lab"]["status"]["podIP"] == pods["one-lab"]["status"]["podIP"]


def test_a_slice_is_stopped_though_its_processes_take_their_time(service: Service, pods: Pods) -> None:
    service.drop("slow.yaml", pod("slow", "trap 'sleep 5; exit 0' TERM; while :; do sleep 1; done"))
    slow = service.wait_running("slow-lab")
    service.system.run("systemctl", "stop", slice_of(slow, "slow-lab"))
    wait_restarted(service, "slow-lab", 1)
    assert restarts(service.pods(), "one-lab") == restarts(pods, "one-lab")


def test_a_container_whose_scope_is_stopped_comes_back(service: Service, pods: Pods) -> None:
    cid = statuses(pods["two-lab"])["c0"]["containerID"].rpartition("/")[2]
    service.system.run("systemctl", "stop", f"hostpod-{cid}.scope")
    wait_restarted(service, "two-lab", 1)


def test_a_monitor_whose_scope_is_stopped_is_replaced_with_its_container(service: Service, pods: Pods) -> None:
    """Without conmon nobody would read what a container writes, nor hear how it ends."""
    cid = statuses(pods["two-lab"])["c0"]["containerID"].rpartition("/")[2]
    service.system.run("systemctl", "stop", f"hostpod-conmon-{cid}.scope")
    wait_restarted(service, "two-lab", 1)


def test_all_monitors_come_back_with_their_containers_when_their_slice_is_stopped(service: Service, pods: Pods) -> None:
    service.system.run("systemctl", "stop", "hostpod-monitors.slice")
    for name in ("one-lab", "two-lab"):
        assert set(restarts(wait_restarted(service, name, 1), name)) == {1}
    assert "hostpod-monitors.slice" in units(service)
    assert restarts(pods, "once-lab") == [0]
    for cid in (each["containerID"].rpartition("/")[2] for each in statuses(service.pods()["one-lab"]).values()):
        above = service.system.unit(f"hostpod-conmon-{cid}.scope", "Slice")["Slice"]
        assert above == "hostpod-monitors.slice", "where no limit of the pod holds"


@pytest.mark.parametrize("daemon_runs", [True, False])
def test_all_pods_come_back_by_their_policy_when_the_root_slice_is_stopped(
    service: Service, pods: Pods, *, daemon_runs: bool
) -> None:
    if not daemon_runs:
        service.system.run("systemctl", "stop", "hostpod.socket", "hostpod-readonly.socket", "hostpod.service")
    service.system.run("systemctl", "stop", "hostpod.slice")
    if not daemon_runs:
        assert service.monitors() == []
        service.system.run("systemctl", "start", "hostpod.socket", "hostpod-readonly.socket", "hostpod.service")
    for name in ("one-lab", "two-lab"):
        wait_restarted(service, name, 1)
    assert service.pods()["once-lab"]["status"]["phase"] == "Succeeded", "it ended by itself, with exit code 0"
    assert slice_of(pods, "one-lab") in units(service)


def test_slices_of_unknown_pods_are_ended_at_the_start(service: Service, pods: Pods) -> None:
    stray = ("hostpod-podstray_1.slice", "hostpod-burstable-podstray_2.slice")
    for number, name in enumerate(stray):
        service.system.run(
            "systemd-run", "--quiet", "--collect", f"--unit=stray{number}", f"--slice={name}", "sleep", "1000"
        )
    lost = pods["one-lab"]["metadata"]["uid"]
    service.system.run("systemctl", "stop", "hostpod.socket", "hostpod-readonly.socket", "hostpod.service")
    before = service.monitors()
    service.system.shell(f"rm /run/hostpod/pods/{lost}/pod.json")
    service.system.run("systemctl", "start", "hostpod.socket", "hostpod-readonly.socket", "hostpod.service")
    assert not units(service) & {*stray}
    assert service.system.attempt("systemctl", "is-active", "stray0", "stray1").code != 0
    now = service.wait_running("one-lab", "two-lab", "once-lab")
    assert restarts(now, "one-lab") == [0, 0], "it is a new pod"
    assert len(set(before) & set(service.monitors())) == 2, "those of the two others go on"


@pytest.fixture
def driver(service: Service) -> Iterator[None]:
    """The settings may be changed."""
    before = service.system.read(SETTINGS)
    yield
    service.system.write(SETTINGS, before)
    service.system.run("systemctl", "restart", "hostpod")


@pytest.mark.usefixtures("driver")
def test_pods_go_on_when_the_driver_changes_and_again(service: Service, pods: Pods) -> None:
    for number, (name, place) in enumerate((("cgroupfs", "/sys/fs/cgroup/hostpod/"), ("systemd", ".slice/hostpod-"))):
        before, monitors = service.identity(), service.monitors()
        service.configure(cgroups={"driver": name})
        service.system.run("systemctl", "restart", "hostpod")
        assert (service.identity(), service.monitors()) == (before, monitors)
        service.drop(f"{name}.yaml", pod(name, FOREVER))
        now = service.wait_running(f"{name}-lab", within_s=60)
        assert place in service.cgroup(now[f"{name}-lab"], "c0")
        service.system.shell(f"kill -9 {service.first_processes(now['two-lab'])['c0']}")
        now = wait_restarted(service, "two-lab", number + 1)
        assert slice_of(pods, "two-lab") in service.cgroup(now["two-lab"], "c0"), "where its pod is"
    service.clear()
    service.system.until(lambda: not service.monitors(), "no monitor is left")
    service.system.run("systemctl", "restart", "hostpod")
    assert not service.system.exists("/sys/fs/cgroup/hostpod")

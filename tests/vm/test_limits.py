"""Limits and what they are set on, where the kernel enforces them on control groups v2 under systemd's hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from hostpod.host.catalog import MESSAGE_IDS
from tests.integration.harness import FOREVER, statuses
from tests.vm.service import Pods, Service, pod

pytestmark = pytest.mark.needs("controllers")

HIERARCHY = "/sys/fs/cgroup"
MIB = 1 << 20
PIDS_LIMIT = 40
KILLS = 5
# A shell would read its lines; this keeps all of what never ends, as there is no end of a line.
HUNGRY = "exec tail /dev/zero"
HUNGRY_CHILD = "tail /dev/zero & wait $!; echo went on; sleep 3600"


def with_resources(manifest: dict[str, Any], **resources: Mapping[str, str]) -> dict[str, Any]:
    """The same `limits` and `requests` for each container of a pod."""
    for container in manifest["spec"]["containers"]:
        container["resources"] = resources
    return manifest


@pytest.fixture(scope="module")
def limited(service: Service) -> Service:
    """Three pods, one of each class of service; the pod of the class Guaranteed has two containers."""
    service.configure(cgroups={"pidsLimit": PIDS_LIMIT}, backoff={"initial": "1s", "max": "1s"})
    service.system.run("systemctl", "restart", "hostpod")
    both = with_resources(pod("sure", FOREVER, FOREVER), limits={"cpu": "200m", "memory": "64Mi"})
    service.drop("sure.yaml", both)
    service.drop("burst.yaml", with_resources(pod("burst", FOREVER), requests={"cpu": "500m"}))
    service.drop("best.yaml", pod("best", FOREVER))
    service.wait_running("sure-lab", "burst-lab", "best-lab", within_s=60)
    return service


@contextmanager
def dropped(service: Service, *manifests: Mapping[str, Any]) -> Iterator[None]:
    """Pods that go in the end."""
    names = [manifest["metadata"]["name"] for manifest in manifests]
    for name, manifest in zip(names, manifests, strict=True):
        service.drop(f"{name}.yaml", manifest)
    try:
        yield
    finally:
        service.remove(*(f"{name}.yaml" for name in names))


def slice_of(service: Service, name: str, infix: str = "") -> str:
    """The unit of a pod."""
    uid = service.pods()[f"{name}-lab"]["metadata"]["uid"].replace("-", "_")
    return f"hostpod{infix}-pod{uid}.slice"


def files(service: Service, directory: str, *names: str) -> dict[str, str]:
    """Control files' contents."""
    return {name: service.system.read(f"{directory}/{name}").strip() for name in names}


def numbers(text: str) -> dict[str, int]:
    """`cpu.stat`, `memory.events` and the like."""
    return {key: int(value) for key, value in (line.split() for line in text.splitlines())}


def test_a_pod_s_limits_are_on_its_slice_and_a_container_s_on_its_scope(limited: Service) -> None:
    pod_slice = f"{HIERARCHY}/hostpod.slice/{slice_of(limited, 'sure')}"
    assert files(limited, pod_slice, "memory.max", "cpu.max", "cpu.weight", "pids.max") == {
        "memory.max": str(2 * 64 * MIB),
        "cpu.max": "40000 100000",
        "cpu.weight": str(1 + (409 - 2) * 9999 // 262142),
        "pids.max": str(PIDS_LIMIT),
    }
    scope = limited.cgroup(limited.pods()["sure-lab"], "c0")
    assert scope.startswith(f"{pod_slice}/hostpod-")
    assert scope.endswith(".scope")
    assert files(limited, scope, "memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "pids.max") == {
        "memory.max": str(64 * MIB),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "cpu.max": "20000 100000",
        "pids.max": "max",
    }


def test_a_pod_s_own_limits_and_memory_that_slows_down(limited: Service) -> None:
    whole = pod("whole", FOREVER, FOREVER)
    whole["spec"]["resources"] = {"requests": {"cpu": "250m"}, "limits": {"cpu": "500m", "memory": "128Mi"}}
    near = with_resources(pod("near", FOREVER), requests={"memory": "20Mi"}, limits={"memory": "40Mi"})
    settings = {"cgroups": {"pidsLimit": PIDS_LIMIT}, "backoff": {"initial": "1s", "max": "1s"}}
    limited.configure(**settings, memoryQos={"enabled": True}, memorySwap={"swapBehavior": "LimitedSwap"})
    limited.system.run("systemctl", "reload", "hostpod")
    try:
        with dropped(limited, whole, near):
            shown = limited.wait_running("whole-lab", "near-lab", within_s=60)
            inside = f"{HIERARCHY}/hostpod.slice/hostpod-burstable.slice/{slice_of(limited, 'whole', '-burstable')}"
            assert files(limited, inside, "memory.max", "cpu.max", "cpu.weight") == {
                "memory.max": str(128 * MIB),
                "cpu.max": "50000 100000",
                "cpu.weight": str(1 + (256 - 2) * 9999 // 262142),
            }
            scope = limited.cgroup(shown["whole-lab"], "c1")
            assert files(limited, scope, "memory.max", "cpu.max") == {
                "memory.max": str(128 * MIB),
                "cpu.max": "50000 100000",
            }
            swap_kib = int(limited.system.shell("awk '/^SwapTotal/ {print $2}' /proc/meminfo"))
            memory = files(limited, limited.cgroup(shown["near-lab"], "c0"), "memory.high", "memory.swap.max")
            assert memory["memory.high"] == str(38 * MIB)
            assert (memory["memory.swap.max"] == "0") == (swap_kib == 0)
    finally:
        limited.configure(**settings)
        limited.system.run("systemctl", "reload", "hostpod")


@pytest.mark.parametrize(("name", "infix", "shares"), [("burst", "-burstable", 512), ("best", "-besteffort", 2)])
def test_classes_of_service_have_slices_of_their_own(limited: Service, name: str, infix: str, shares: int) -> None:
    unit = slice_of(limited, name, infix)
    inside = f"{HIERARCHY}/hostpod.slice/hostpod{infix}.slice/{unit}"
    assert files(limited, inside, "cpu.weight", "cpu.max", "memory.max") == {
        "cpu.weight": str(1 + (shares - 2) * 9999 // 262142),
        "cpu.max": "max 100000",
        "memory.max": "max",
    }
    assert limited.cgroup(limited.pods()[f"{name}-lab"], "c0").startswith(inside)


def test_units_say_what_they_are(limited: Service) -> None:
    shown = limited.system.run("systemctl", "list-units", "--full", "--no-legend", "--plain", "hostpod*").splitlines()
    described = [line.split(None, 4)[4] for line in shown]
    for wanted in (
        *("Pods of hostpod", "Burstable pods of hostpod", "BestEffort pods of hostpod"),
        *("pod default/sure-lab", "pod default/burst-lab", "pod default/best-lab"),
        *("container c0 of pod default/sure-lab", "container c1 of pod default/sure-lab"),
        *("conmon of container c0 of pod default/sure-lab", "conmon of container c0 of pod default/best-lab"),
    ):
        assert described.count(wanted) == 1, shown


def test_systemctl_sees_a_pod_s_limits_and_what_it_uses(limited: Service) -> None:
    shown = limited.system.unit(
        slice_of(limited, "sure"), "MemoryMax", "CPUQuotaPerSecUSec", "TasksMax", "TasksCurrent"
    )
    assert shown["MemoryMax"] == str(2 * 64 * MIB)
    assert shown["CPUQuotaPerSecUSec"] == "400ms"
    assert shown["TasksMax"] == str(PIDS_LIMIT)
    assert int(shown["TasksCurrent"]) >= 2, "two containers"


def test_a_reload_of_systemd_leaves_the_limits(limited: Service) -> None:
    directory = f"{HIERARCHY}/hostpod.slice/{slice_of(limited, 'sure')}"
    scope = limited.cgroup(limited.pods()["sure-lab"], "c0")
    names = ("memory.max", "cpu.max", "pids.max")
    before = files(limited, directory, *names), files(limited, scope, *names)
    limited.system.run("systemctl", "daemon-reload")
    assert (files(limited, directory, *names), files(limited, scope, *names)) == before


def test_a_pod_of_small_limits_starts_as_its_containers_alone_are_under_them(limited: Service) -> None:
    """What makes a container is a Go program of a dozen threads, and not the pod's."""
    tiny = with_resources(pod("tiny", FOREVER, FOREVER), limits={"cpu": "50m", "memory": "8Mi"})
    with dropped(limited, tiny):
        shown = limited.wait_running("tiny-lab", within_s=240)["tiny-lab"]
        assert _running(limited, "tiny-lab"), "at the first attempt"
        inside = f"{HIERARCHY}/hostpod.slice/{slice_of(limited, 'tiny')}"
        assert files(limited, inside, "memory.max", "cpu.max") == {
            "memory.max": str(2 * 8 * MIB),
            "cpu.max": "10000 100000",
        }
        cid = statuses(shown)["c0"]["containerID"].rpartition("/")[2]
        assert limited.system.exists(f"{HIERARCHY}/hostpod.slice/hostpod-monitors.slice/hostpod-conmon-{cid}.scope")


def test_no_more_cpu_than_the_quota(limited: Service) -> None:
    busy = with_resources(pod("busy", "while :; do :; done"), limits={"cpu": "200m"}, requests={"cpu": "10m"})
    with dropped(limited, busy):
        scope = limited.cgroup(limited.wait_running("busy-lab", within_s=60)["busy-lab"], "c0")
        look = f"cut -d' ' -f1 /proc/uptime; sed -n 's/^usage_usec //p; s/^nr_throttled //p' {scope}/cpu.stat"
        began_s, used_us, throttled, ended_s, used_more_us, throttled_more = (
            float(each) for each in limited.system.shell(f"{look}; sleep 5; {look}").split()
        )
        assert throttled_more > throttled
        # A period's worth may be left over from before.
        assert (used_more_us - used_us) / 1e6 <= 0.2 * (ended_s - began_s) + 0.1


def test_no_more_processes_than_the_limit(limited: Service) -> None:
    many = pod("many", "for n in $(seq 100); do sleep 3600 & done; wait", restartPolicy="Never")
    with dropped(limited, many):
        limited.wait_for(lambda pods: _phase(pods, "many-lab") == "Failed", "it cannot fork", within_s=60)
        assert "can't fork" in limited.command("logs", "many-lab")
    assert _running(limited, "sure-lab", "burst-lab", "best-lab"), "others go on"


def _phase(pods: Pods, name: str) -> str:
    return str(pods[name]["status"]["phase"]) if name in pods else ""


def _running(service: Service, *names: str) -> bool:
    pods = service.pods()
    states = [status for name in names for status in statuses(pods[name]).values()]
    return all("running" in each["state"] and each["restartCount"] == 0 for each in states)


def test_every_kill_for_memory_is_told_as_one(limited: Service) -> None:
    """Whether its first process is killed or a child of it; systemd removes the scope before conmon looks or not."""
    limits = {"memory": "16Mi"}
    first = with_resources(pod("first", HUNGRY), limits=limits)
    child = with_resources(pod("child", HUNGRY_CHILD), limits=limits)
    with dropped(limited, first, child):
        names = ("first-lab", "child-lab")
        limited.wait_for(
            lambda pods: all(_restarts(pods, name) >= KILLS for name in names), "they are killed", within_s=240
        )
        shown = statuses(limited.pods()["first-lab"])["c0"]["lastState"]["terminated"]
        assert (shown["reason"], shown["exitCode"]) == ("OOMKilled", 137)
        for name in names:
            died = limited.system.entries("HOSTPOD_EVENT=Died", f"HOSTPOD_POD={name}")
            told = [(each["HOSTPOD_CAUSE"], each["HOSTPOD_EXIT_CODE"], each["MESSAGE_ID"]) for each in died]
            assert len(told) >= KILLS
            assert set(told) == {("OOMKilled", "137", MESSAGE_IDS["OOMKilled"])}
            assert died[0]["MESSAGE"] == f"{name}/c0: Died: OOMKilled, exit code 137"
            assert died[0]["PRIORITY"] == "4"
        assert "went on" not in limited.command("logs", "child-lab"), "memory.oom.group takes the whole container"


def _restarts(pods: Pods, name: str) -> int:
    shown = statuses(pods[name]) if name in pods else {}
    return int(shown["c0"]["restartCount"]) if "c0" in shown else 0


def test_the_neighbour_of_a_container_that_is_killed_goes_on(limited: Service) -> None:
    both = with_resources(pod("both", HUNGRY, FOREVER, restartPolicy="Never"), limits={"memory": "16Mi"})
    with dropped(limited, both):
        pods = limited.wait_for(
            lambda pods: "terminated" in _state(pods, "both-lab", "c0") and "running" in _state(pods, "both-lab", "c1"),
            "one is killed, and the other runs",
            within_s=60,
        )
        assert _state(pods, "both-lab", "c0")["terminated"]["reason"] == "OOMKilled"
        cid = statuses(pods["both-lab"])["c1"]["containerID"].rpartition("/")[2]
        limited.system.run("systemctl", "kill", "--signal=KILL", f"hostpod-{cid}.scope")
        pods = limited.wait_for(lambda pods: "terminated" in _state(pods, "both-lab", "c1"), "it is killed too")
        ended = _state(pods, "both-lab", "c1")["terminated"]
        assert (ended["reason"], ended["exitCode"]) == ("Error", 137), "but not for memory"


def _state(pods: Pods, name: str, container: str) -> Mapping[str, Any]:
    shown = statuses(pods[name]) if name in pods else {}
    state: Mapping[str, Any] = shown[container]["state"] if container in shown else {}
    return state


def test_an_operator_bounds_all_pods_by_the_root_slice(limited: Service) -> None:
    in_use = int(limited.system.read(f"{HIERARCHY}/hostpod.slice/memory.current"))
    bound = (in_use // MIB + 64) * MIB
    limited.system.run("systemctl", "set-property", "--runtime", "hostpod.slice", f"MemoryMax={bound}")
    try:
        assert limited.system.read(f"{HIERARCHY}/hostpod.slice/memory.max").strip() == str(bound)
        limited.system.run("systemctl", "restart", "hostpod")
        assert limited.system.read(f"{HIERARCHY}/hostpod.slice/memory.max").strip() == str(bound), "it stays"
        with dropped(limited, pod("greedy", HUNGRY, restartPolicy="Never")):
            pods = limited.wait_for(lambda pods: _phase(pods, "greedy-lab") == "Failed", "it is killed", within_s=120)
            ended = _state(pods, "greedy-lab", "c0")["terminated"]
            assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)
        events = numbers(limited.system.read(f"{HIERARCHY}/hostpod.slice/memory.events.local"))
        assert events["oom"] >= 1, "it was this bound that was met"
        assert _running(limited, "sure-lab", "burst-lab", "best-lab"), "others go on"
    finally:
        limited.system.run("systemctl", "set-property", "--runtime", "hostpod.slice", "MemoryMax=infinity")


def test_doctor_knows_the_controllers(limited: Service) -> None:
    assert "v2 with cpu, memory, pids" in limited.command("doctor")

"""A machine that is switched off and on: pods end in order, start anew, and nothing of the former boot is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab.qemu import Machine
from tests.integration.harness import FOREVER, statuses
from tests.vm.service import CLASSIC, CLASSIC_POD, Service, pod

pytestmark = pytest.mark.needs("kernel")

OUT = "/var/tmp/out"
# Each writes down when it was asked to end and when it had.
SLOW = """
trap 'cat /proc/uptime > /out/$NAME.asked; sleep 1; cat /proc/uptime > /out/$NAME.ended; exit 0' TERM
while :; do sleep 3600 & wait $!; done
"""
DEAF = "trap 'cat /proc/uptime > /out/$NAME.asked' TERM; while :; do sleep 1; done"
COUNTING = "n=0; while :; do echo $n; n=$((n+1)); sleep 1; done"
# Fails until it is told that all is well.
FAILING = f"test -e /out/well || exit 3; {FOREVER}"
LEAVES_A_FILE = f"ls /cache; touch /cache/of-this-boot; {FOREVER}"
PODS = ("web-lab", "db-lab", "dns-lab", "deaf-lab", "counting-lab", "failing-lab", "leaving-lab", CLASSIC_POD)


def with_out(name: str, script: str, **spec: Any) -> dict[str, Any]:
    """A pod that has a directory of the host at /out, and an emptyDir at /cache."""
    volumes = [{"name": "out", "hostPath": {"path": OUT}}, {"name": "cache", "emptyDir": {}}]
    made = pod(name, script, grace_s=30, volumes=volumes, **spec)
    (container,) = made["spec"]["containers"]
    container["env"] = [{"name": "NAME", "value": name}]
    container["volumeMounts"] = [{"name": each["name"], "mountPath": f"/{each['name']}"} for each in volumes]
    return made


@pytest.fixture(scope="module")
def machine(service: Service) -> Machine:
    assert isinstance(service.system, Machine)
    return service.system


@pytest.fixture(scope="module")
def busy(service: Service, machine: Machine) -> Service:
    """Pods of several priorities, one that was restarted, and the classic one."""
    service.configure(shutdownGracePeriod="40s", shutdownGracePeriodCriticalPods="15s", backoff={"initial": "1s"})
    machine.run("systemctl", "reload", "hostpod")
    machine.run("mkdir", "-p", OUT)
    service.drop("deaf.yaml", with_out("deaf", DEAF))
    service.drop("web.yaml", with_out("web", SLOW))
    service.drop("db.yaml", with_out("db", SLOW, priority=7))
    service.drop("dns.yaml", with_out("dns", SLOW, priorityClassName="system-node-critical"))
    service.drop("counting.yaml", pod("counting", COUNTING))
    service.drop("failing.yaml", with_out("failing", FAILING))
    service.drop("leaving.yaml", with_out("leaving", LEAVES_A_FILE))
    service.drop("nginx.yaml", CLASSIC)
    service.wait_for(lambda pods: restarts(pods.get("failing-lab", {})) > 0, "one is restarted", within_s=60)
    machine.write(f"{OUT}/well", "")
    service.wait_running(*PODS, within_s=120)
    return service


def restarts(shown: Mapping[str, Any]) -> int:
    return sum(each["restartCount"] for each in statuses(shown).values()) if shown else 0


@pytest.fixture(scope="module")
def rebooted(busy: Service, machine: Machine) -> Service:
    """After `systemctl reboot`, with nothing done by hand."""
    machine.reboot()
    return busy


def uptime(service: Service, name: str) -> float:
    return float(service.system.read(f"{OUT}/{name}").split()[0])


def test_a_shutdown_waits_for_pods_in_order_of_their_priority(rebooted: Service) -> None:
    events = ("web.asked", "web.ended", "db.asked", "db.ended", "dns.asked", "dns.ended")
    times = [uptime(rebooted, name) for name in events]
    assert times == sorted(times), dict(zip(events, times, strict=True))
    assert uptime(rebooted, "deaf.asked") < uptime(rebooted, "db.asked")
    assert not rebooted.system.exists(f"{OUT}/deaf.ended"), "it was killed when its time was over"


def test_the_reason_is_on_record(rebooted: Service) -> None:
    said = rebooted.system.journal("-u", "hostpod", "--boot=-1")
    assert "the host shuts down: pods end within 40 s" in said
    for name in ("web-lab", "db-lab", "dns-lab", "deaf-lab"):
        assert f"{name}: NodeShutdown: Pod was terminated in response to imminent node shutdown." in said


def test_every_pod_runs_again_as_on_its_first_day(rebooted: Service) -> None:
    pods = rebooted.wait_running(*PODS, within_s=120)
    assert sorted(pods) == sorted(PODS)
    assert {name: restarts(shown) for name, shown in pods.items()} == dict.fromkeys(PODS, 0)
    assert "Welcome to nginx!" in rebooted.page(f"http://{pods[CLASSIC_POD]['status']['podIP']}/")
    addresses = [shown["status"]["podIP"] for shown in pods.values()]
    assert len(set(addresses)) == len(PODS)


def test_logs_and_files_begin_anew(rebooted: Service) -> None:
    lines = rebooted.command("logs", "counting-lab").split()
    assert lines == [str(number) for number in range(len(lines))]
    assert rebooted.command("logs", "leaving-lab") == "", "an emptyDir is empty"


def test_nothing_of_the_former_boot_is_left(rebooted: Service) -> None:
    assert traces(rebooted) == expected(rebooted)
    assert rebooted.system.entries("--boot", "-p", "warning", "_SYSTEMD_UNIT=hostpod.service") == []


def test_pulling_the_plug_is_healed_too(rebooted: Service, machine: Machine) -> None:
    machine.run("sync")  # the manifests are on disk; what hostpod writes meanwhile may be lost
    machine.cut_power()
    rebooted.wait_ready()
    pods = rebooted.wait_running(*PODS, within_s=120)
    assert {name: restarts(shown) for name, shown in pods.items()} == dict.fromkeys(PODS, 0)
    assert traces(rebooted) == expected(rebooted)
    lines = rebooted.command("logs", "counting-lab").split()
    assert lines == [str(number) for number in range(len(lines))]
    assert "Welcome to nginx!" in rebooted.page(f"http://{pods[CLASSIC_POD]['status']['podIP']}/")


def test_at_the_end_all_goes(rebooted: Service) -> None:
    rebooted.clear(within_s=120)
    rebooted.system.until(lambda: not any(traces(rebooted).values()), "nothing is left of any pod")


def traces(service: Service) -> dict[str, set[str]]:
    """What there is of pods on the host: uids, the beginnings of container ids, addresses, and how many links."""
    shell = service.system.shell
    mounted = "sed -n 's,^[^ ]* [^ ]* [^ ]* [^ ]* /run/hostpod/pods/[^/]*/containers/\\([^/]*\\)/rootfs .*,\\1,p'"
    slices = "find /sys/fs/cgroup/hostpod.slice -maxdepth 2 -name '*-pod*.slice' -printf '%f\\n'"
    links = 'ip -json link show type veth | grep -o \'"ifname":"hp[^"]*\' || true'
    leases = "ls /run/hostpod/leases | grep -x '[0-9.]*' || true"
    return {
        "records": set(shell("ls /run/hostpod/pods").split()),
        "states": set(shell("ls /var/lib/hostpod/pods").split()),
        "mounts": set(shell(f"{mounted} /proc/self/mountinfo").split()),
        "slices": {each.partition("-pod")[2].removesuffix(".slice") for each in shell(slices).split()},
        "links": set(map(str, range(len(shell(links).split())))),
        "leases": set(shell(leases).split()),
    }


def expected(service: Service) -> dict[str, set[str]]:
    """The same of the pods that there are."""
    pods = list(service.pods().values())
    uids = {shown["metadata"]["uid"] for shown in pods}
    ids = [each["containerID"].rpartition("/")[2][:12] for shown in pods for each in statuses(shown).values()]
    return {
        "records": uids,
        "states": uids,
        "mounts": set(ids),
        "slices": {uid.replace("-", "_") for uid in uids},
        "links": set(map(str, range(len(uids)))),
        "leases": {shown["status"]["podIP"] for shown in pods},
    }

"""What the containers of a pod share with each other, with pause and with the host; and a pod whose pause is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.fakehost import UPLINK, UPLINK_ADDRESS
from tests.integration.harness import FOREVER, Daemon, pod, statuses

pytestmark = pytest.mark.integration

KEPT = ("net", "ipc", "uts")
KINDS = (*KEPT, "pid", "mnt", "cgroup")


def namespaces(pid: int) -> dict[str, str]:
    return {kind: str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in KINDS}


def first(node: Daemon, name: str) -> dict[str, int]:
    """The first process of pause and of each container."""
    return {each: pids[0] for each, pids in node.processes(name).items()}


def of_pod(node: Daemon, name: str) -> dict[str, dict[str, str]]:
    """The namespaces of pause and of each container's first process."""
    return {each: namespaces(pid) for each, pid in first(node, name).items()}


def shared(of: dict[str, dict[str, str]]) -> set[str]:
    """The kinds of namespace in which pause and all containers are together."""
    return {kind for kind in KINDS if len({each[kind] for each in of.values()}) == 1}


def with_host(of: dict[str, dict[str, str]]) -> set[str]:
    """The kinds of namespace in which every container of the pod is together with this process."""
    own = namespaces(os.getpid())
    return {kind for kind in KINDS if all(each[kind] == own[kind] for name, each in of.items() if name != "pause")}


def test_containers_share_the_network_ipc_and_host_name_that_pause_owns(node: Daemon) -> None:
    node.drop("two.yaml", pod("two", f"tail -f /dev/null | nc -l -p 7000 > /tmp/got & {FOREVER}", FOREVER))
    node.wait_running("two-lab")
    of = of_pod(node, "two-lab")
    assert set(of) == {"pause", "c0", "c1"}
    assert shared(of) == {"net", "ipc", "uts"}
    assert with_host(of) == set()
    hello = node.cli(
        "exec",
        "two",
        "-c",
        "c1",
        "--",
        "sh",
        "-c",
        "until echo hello | nc 127.0.0.1 7000; do :; done; df /dev/shm | wc -l; echo x > /dev/shm/x",
    )
    assert hello.returncode == 0, hello.stderr
    script = "until [ -s /tmp/got ]; do usleep 20000; done; cat /dev/shm/x /tmp/got; ls /proc | grep -c '^[0-9]'"
    look = node.cli("exec", "two", "-c", "c0", "--", "sh", "-c", script)
    assert look.stdout.split()[:2] == ["x", "hello"]
    assert int(look.stdout.split()[2]) < 8, "only its own processes are seen"


@pytest.mark.everywhere
def test_a_shared_process_namespace(node: Daemon) -> None:
    node.drop("ps.yaml", pod("ps", FOREVER, "ps -o pid,comm; " + FOREVER, shareProcessNamespace=True))
    node.wait_running("ps-lab")
    assert shared(of_pod(node, "ps-lab")) == {"net", "ipc", "uts", "pid"}
    shown = node.wait_said("ps-lab", "ps", "c1")
    assert dict(line.split() for line in shown.splitlines()[1:])["1"].startswith("catatonit")


def test_the_hosts_network(node: Daemon) -> None:
    node.drop(
        "host.yaml", pod("host", f"ip -o -4 address; echo; cat /etc/hosts; echo done; {FOREVER}", hostNetwork=True)
    )
    host = node.wait_running("host-lab")["host-lab"]
    assert with_host(of_pod(node, "host-lab")) == {"net", "uts"}
    assert host["status"]["podIP"] == host["status"]["hostIP"] == UPLINK_ADDRESS
    links, _, hosts = node.wait_said("host-lab", "done").partition("\n\n")
    assert f"{UPLINK}    inet {UPLINK_ADDRESS}/24" in links
    assert Path("/etc/hosts").read_text().strip() in hosts
    assert [path.name for path in (node.runtime / "leases").glob("[0-9]*")] == []


def test_the_hosts_processes(node: Daemon) -> None:
    node.drop("host.yaml", pod("host", f"cat /proc/{os.getpid()}/comm; {FOREVER}", hostPID=True))
    assert node.wait_said("host-lab", "\n") == Path("/proc/self/comm").read_text()
    assert with_host(of_pod(node, "host-lab")) == {"pid"}


def test_the_hosts_ipc(node: Daemon) -> None:
    node.drop("host.yaml", pod("host", FOREVER, hostIPC=True))
    node.wait_running("host-lab")
    of = of_pod(node, "host-lab")
    assert with_host(of) == {"ipc"}
    assert shared(of) == {"net", "ipc", "uts"}


def test_all_of_the_host(node: Daemon) -> None:
    node.drop("host.yaml", pod("host", FOREVER, hostIPC=True, hostPID=True, hostNetwork=True))
    node.wait_running("host-lab")
    assert with_host(of_pod(node, "host-lab")) == {"net", "uts", "pid", "ipc"}
    before = first(node, "host-lab")
    node.restart()
    node.wait_running("host-lab")
    assert first(node, "host-lab") == before


@pytest.mark.parametrize("spec", [{}, {"hostNetwork": True}, {"hostPID": True}])
def test_a_pause_that_is_killed_comes_back_and_nothing_else_changes(node: Daemon, spec: dict[str, Any]) -> None:
    node.drop("web.yaml", pod("web", FOREVER, FOREVER, **spec))
    before = node.wait_running("web-lab")["web-lab"]
    processes, kept = first(node, "web-lab"), of_pod(node, "web-lab")
    killed = processes.pop("pause")
    os.kill(killed, signal.SIGKILL)
    node.wait_for(lambda _pods: first(node, "web-lab").get("pause", killed) != killed, what="another pause")
    after = node.wait_running("web-lab")["web-lab"]
    now, found = first(node, "web-lab"), of_pod(node, "web-lab")
    assert now.pop("pause") != killed
    assert now == processes
    assert [found["pause"][kind] for kind in KEPT] == [kept["pause"][kind] for kind in KEPT]
    assert after["status"]["podIP"] == before["status"]["podIP"]
    assert statuses(after) == statuses(before)


def test_a_pause_that_all_processes_depend_on_takes_them_along(node: Daemon) -> None:
    # It is process 1 of the namespace: the kernel kills the others with it.
    node.drop("ps.yaml", pod("ps", FOREVER, shareProcessNamespace=True))
    before = node.wait_running("ps-lab")["ps-lab"]
    os.kill(first(node, "ps-lab")["pause"], signal.SIGKILL)
    node.wait_container(
        "ps-lab", lambda status: status["restartCount"] == 1 and "running" in status["state"], what="again"
    )
    after = node.pods()["ps-lab"]
    assert after["status"]["podIP"] == before["status"]["podIP"]
    assert statuses(after)["c0"]["lastState"]["terminated"]["exitCode"] == 137
    assert shared(of_pod(node, "ps-lab")) == {"net", "ipc", "uts", "pid"}

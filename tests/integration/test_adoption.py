"""The daemon ends, or is killed, and starts again: pods go on as they are, what happened meanwhile is noticed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lab.place import patient
from tests.integration.crash_kit import (
    container_id,
    first_processes,
    identity,
    monitors,
    reboot,
    run,
    until,
)
from tests.integration.harness import FOREVER, Daemon, pod, reasons, statuses

pytestmark = pytest.mark.integration

COUNTING = "i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done"


def _await_file(path: str, then: str) -> str:
    return f"while [ ! -e {path} ]; do sleep 0.02; done; {then}"


def with_host_path(manifest: dict[str, Any], path: Path, at: str = "/host") -> dict[str, Any]:
    """The pod with a directory of the host in its first container."""
    manifest["spec"]["volumes"] = [*manifest["spec"].get("volumes", []), {"name": "h", "hostPath": {"path": str(path)}}]
    manifest["spec"]["containers"][0].setdefault("volumeMounts", []).append({"name": "h", "mountPath": at})
    return manifest


# As they are


@pytest.mark.parametrize("way", ["kill -9", "SIGTERM"])
@pytest.mark.everywhere
def test_pods_are_found_again_as_they_are(node: Daemon, way: str) -> None:
    node.drop("one.yaml", pod("one", FOREVER, COUNTING))
    node.drop("two.yaml", pod("two", FOREVER, FOREVER, shareProcessNamespace=True))
    node.drop("host.yaml", pod("host", FOREVER, hostNetwork=True, hostIPC=True))
    names = ("one-lab", "two-lab", "host-lab")

    def seen() -> list[object]:
        pods = node.wait_running(*names)
        return [*((identity(pods[name]), first_processes(node, name)) for name in names), monitors(node)]

    before, written = seen(), len(node.said("one-lab", "c1").split())
    for _ in range(2):
        told = node.events()
        if way == "kill -9":
            node.kill()
        else:
            assert node.stop() == 0
        node.start()
        assert seen() == before
        assert [event for event in node.events() if event not in told] == []
    numbers = [int(line) for line in node.said("one-lab", "c1").split()]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > written


def test_sigterm_with_no_pods_takes_away_what_pods_stand_on(node: Daemon) -> None:
    assert node.names.bridge in node.traces.links()
    assert node.stop() == 0
    assert node.traces.of_instance() == []
    node.start()
    assert node.names.bridge in node.traces.links()


@pytest.mark.everywhere
def test_a_second_daemon_is_refused(node: Daemon, tmp_path: Path) -> None:
    node.drop("one.yaml", pod("one"))
    before = identity(node.wait_running("one-lab")["one-lab"])
    second = node.cli("serve", "--config", str(node.config))
    assert second.returncode == 1
    assert second.stderr == (f"hostpod: another hostpod runs on {node.runtime}: stop it, or set directories.runtime\n")
    other = tmp_path / "other.yaml"
    other.write_text(node.config.read_text().replace(str(node.runtime), str(tmp_path / "run")))
    second = node.cli("serve", "--config", str(other))
    assert second.returncode == 1
    assert second.stderr == f"hostpod: another hostpod runs on {node.state}: stop it, or set directories.state\n"
    assert identity(node.wait_running("one-lab")["one-lab"]) == before


# Meanwhile


def test_what_ended_meanwhile_is_noticed(node: Daemon, tmp_path: Path) -> None:
    ends = {"never": "exit 4", "always": "exit 5", "done": "exit 0"}
    policies = {"never": "Never", "always": "Always", "done": "OnFailure"}
    for name, end in ends.items():
        once = _await_file("/host/now", f"if [ -e /host/{name} ]; then {FOREVER}; fi; touch /host/{name}; {end}")
        node.drop(f"{name}.yaml", with_host_path(pod(name, once, restartPolicy=policies[name]), tmp_path))
    node.drop("killed.yaml", pod("killed"))
    pods = node.wait_running(*(f"{name}-lab" for name in (*ends, "killed")))
    victim, lasting = first_processes(node, "killed-lab")["c0"], container_id(pods["never-lab"])
    node.kill()
    (tmp_path / "now").touch()
    os.kill(victim, signal.SIGKILL)
    until(lambda: not monitors(node), "every container ended")
    ended_before = time.time()
    time.sleep(1.1)  # times are shown in whole seconds
    node.start()
    pods = node.wait_running("always-lab", "killed-lab")

    failed = node.wait_phase("never-lab", "Failed")
    state = statuses(failed)["c0"]["state"]["terminated"]
    assert (state["exitCode"], state["reason"], container_id(failed)) == (4, "Error", lasting)
    assert state["finishedAt"] <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ended_before))
    done = statuses(node.wait_phase("done-lab", "Succeeded"))["c0"]
    assert (done["state"]["terminated"]["exitCode"], done["restartCount"]) == (0, 0)
    for name, code in (("always", 5), ("killed", 137)):
        status = statuses(pods[f"{name}-lab"])["c0"]
        assert (status["restartCount"], status["lastState"]["terminated"]["exitCode"]) == (1, code)


@pytest.mark.everywhere
def test_manifests_that_changed_meanwhile(node: Daemon) -> None:
    names = ("gone", "changed", "broken", "same")
    for name in names:
        node.drop(f"{name}.yaml", pod(name))
    pods = node.wait_running(*(f"{name}-lab" for name in names))
    before = {name: identity(pods[f"{name}-lab"]) for name in names}
    old = pods["changed-lab"]["metadata"]["uid"]
    node.kill()
    node.remove("gone.yaml")
    node.drop("changed.yaml", pod("changed", f"echo new; {FOREVER}"))
    node.drop("broken.yaml", "kind: Pod\nspec: [")
    node.drop("new.yaml", pod("new"))
    node.start()
    node.wait_gone("gone-lab")
    node.wait_for(
        lambda pods: pods.get("changed-lab", {}).get("metadata", {}).get("uid", old) != old, what="the changed pod"
    )
    pods = node.wait_running("changed-lab", "new-lab", "broken-lab", "same-lab")
    assert sorted(pods) == ["broken-lab", "changed-lab", "new-lab", "same-lab"]
    assert {name: identity(pods[f"{name}-lab"]) == before[name] for name in ("changed", "broken", "same")} == {
        "changed": False,
        "broken": True,
        "same": True,
    }
    assert [(problem["file"], problem["keptPod"]) for problem in node.problems()] == [
        (str(node.manifests / "broken.yaml"), "broken-lab")
    ]


def test_a_grace_period_goes_on_where_it_was(node: Daemon, tmp_path: Path) -> None:
    deaf = "trap 'echo asked >> /host/asked' TERM; echo ready; while :; do sleep 0.05; done"
    node.drop("deaf.yaml", with_host_path(pod("deaf", deaf, grace_s=3), tmp_path))
    node.wait_said("deaf-lab", "ready")
    began = time.monotonic()
    node.remove("deaf.yaml")
    until((tmp_path / "asked").exists, "asked to end")
    deadline = node.pods()["deaf-lab"]["metadata"]["deletionTimestamp"]
    for _ in range(2):
        node.restart()
        assert node.pods()["deaf-lab"]["metadata"]["deletionTimestamp"] == deadline
    node.wait_gone("deaf-lab")
    assert time.monotonic() - began > 2.9
    assert (tmp_path / "asked").read_text() == "asked\n"


def test_links_that_went_meanwhile_are_made_again(node: Daemon) -> None:
    names = ("one-lab", "two-lab")
    for name in names:
        node.drop(f"{name}.yaml", pod(name.removesuffix("-lab")))
    pods = node.wait_running(*names)
    before = [(identity(pods[name]), first_processes(node, name)) for name in names]
    addresses = [pods[name]["status"]["podIP"] for name in names]

    def all_answer() -> bool:
        return all(_answers(address) for address in addresses)

    assert all_answer()
    for lost in (node.names.bridge, next(link for link in node.traces.links() if link != node.names.bridge)):
        node.kill()
        run("ip", "link", "delete", lost)
        assert not all_answer()
        node.start()
        until(all_answer, "reached again")
        pods = node.wait_running(*names)
        assert [(identity(pods[name]), first_processes(node, name)) for name in names] == before


def _answers(address: str) -> bool:
    """Whether somebody is at an address: nobody listens there, and says so."""
    try:
        socket.create_connection((address, 9), timeout=0.2).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


# Reboot


def _with_volumes(name: str) -> dict[str, Any]:
    mark = "for d in / /disk /memory /sized; do ls $d | grep mark; touch $d/mark; done"
    manifest = pod(name, f"{mark}; echo ready; {FOREVER}")
    volumes: dict[str, Any] = {"disk": {}, "memory": {"medium": "Memory"}, "sized": {"sizeLimit": "10Mi"}}
    manifest["spec"]["volumes"] = [{"name": each, "emptyDir": source} for each, source in volumes.items()]
    manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": each, "mountPath": f"/{each}"} for each in volumes]
    return manifest


@pytest.mark.loop
def test_after_a_reboot_everything_starts_anew_and_nothing_is_stale(node: Daemon) -> None:
    for name in ("stays", "goes"):
        node.drop(f"{name}.yaml", _with_volumes(name))
        node.wait_said(f"{name}-lab", "ready")
    before = node.wait_running("stays-lab", "goes-lab")
    reboot(node)
    node.remove("goes.yaml")
    node.start()
    after = node.wait_running("stays-lab")
    assert sorted(after) == ["stays-lab"]
    stays = after["stays-lab"]
    assert container_id(stays) != container_id(before["stays-lab"])
    assert statuses(stays)["c0"]["restartCount"] == 0
    assert node.wait_said("stays-lab", "ready") == "ready\n"
    uid = stays["metadata"]["uid"]
    assert _names(node.state, "pods/*") == [uid]
    assert _names(node.state, "pods/*/containers/*") == [container_id(stays)[:12]]
    assert _names(node.logs, "pods/*") == [f"default_stays-lab_{uid}"]
    assert _names(node.runtime, "leases/*.*.*.*") == [stays["status"]["podIP"]]


def _names(directory: Path, pattern: str) -> list[str]:
    return [path.name for path in directory.glob(pattern)]


# Damage


def test_damaged_records(node: Daemon) -> None:
    names = ("fine", "pod", "half", "missing", "types", "pause")
    for name in names:
        node.drop(f"{name}.yaml", pod(name))
    pods = node.wait_running(*(f"{name}-lab" for name in names))
    before = {name: identity(pods[f"{name}-lab"]) for name in names}
    pause = {name: first_processes(node, f"{name}-lab")["pause"] for name in names}
    directories = {name: node.runtime / "pods" / str(before[name][0]) for name in names}
    records = {name: next(directories[name].glob("containers/*/record.json")) for name in names}
    node.kill()
    record = directories["pod"] / "pod.json"
    record.write_bytes(record.read_bytes()[:300])
    records["half"].write_bytes(records["half"].read_bytes()[:40])
    records["missing"].unlink()
    records["types"].write_text(json.dumps({**json.loads(records["types"].read_text()), "created_at": "noon"}))
    (directories["pause"] / "pause" / "started").write_text("{")
    (directories["fine"] / "containers" / "0123456789ab").mkdir()
    (directories["fine"] / "containers" / ".tmp").touch()
    node.start()
    pods = node.wait_running(*(f"{name}-lab" for name in names))
    after = {name: identity(pods[f"{name}-lab"]) for name in names}
    assert after["fine"] == before["fine"]
    assert after["pause"] == before["pause"]
    node.wait_for(lambda _: "pause" in node.processes("pause-lab"), what="pause again")
    assert first_processes(node, "pause-lab")["pause"] != pause["pause"]
    for name in ("half", "missing", "types"):
        assert after[name][:3] == before[name][:3], name
        assert after[name][3] != before[name][3], name
        assert first_processes(node, f"{name}-lab")["pause"] == pause[name]
        assert len(list(directories[name].glob("containers/*"))) == 1
        assert len(list((node.state / "pods" / str(after[name][0])).glob("containers/*"))) == 1
    assert len(monitors(node)) == len(names)
    assert len(list((node.logs / "containers").iterdir())) == len(names)


def test_things_that_belong_to_no_pod_are_removed(node: Daemon, tmp_path: Path) -> None:
    node.drop("fine.yaml", pod("fine"))
    before = identity(node.wait_running("fine-lab")["fine-lab"])
    node.kill()
    stray = node.runtime / "pods" / "stray"
    (stray / "files").mkdir(parents=True)
    run("mount", "-t", "tmpfs", "none", stray / "files")
    (node.runtime / "pods" / "file").touch()
    _fill(node.state / "pods" / "stray" / "containers" / "0123456789ab" / "upper")
    for name in ("exits", "attach", "runc"):
        _fill(node.runtime / name / "stray")
    (node.logs / "pods" / "default_stray_stray").mkdir()
    (node.logs / "containers" / "stray.log").symlink_to(node.logs / "pods" / "default_stray_stray" / "0.log")
    subnet = node.names.subnet.removesuffix(".0.0/16")
    for address, content in ((f"{subnet}.7.7", "stray"), (f"{subnet}.7.8", ""), ("192.0.2.1", "x"), ("cursor", "?")):
        (node.runtime / "leases" / address).write_text(content)
    run("ip", "link", "add", f"{node.names.link_prefix}0123456789", "type", "veth")
    orphan = _in_a_cgroup(node, "stray")
    _runc_container(node, tmp_path)
    node.start()
    assert identity(node.wait_running("fine-lab")["fine-lab"]) == before
    assert orphan.wait(5) == -signal.SIGKILL
    node.remove("fine.yaml")
    node.wait_gone("fine-lab")  # and `clear` looks for all the rest
    told = reasons(node.events(), "fine-lab")
    assert told[-1] == "Killing"
    assert told.count("Started") <= 1


def _fill(directory: Path) -> None:
    directory.mkdir(parents=True)
    (directory / "file").write_text("x")


def _in_a_cgroup(node: Daemon, uid: str) -> subprocess.Popen[bytes]:
    """A process in a cgroup that looks like a pod's, in every hierarchy."""
    process = subprocess.Popen(["sleep", "60"])
    root = node.names.cgroup_root
    below = {
        root: f"besteffort/pod{uid}/c",
        f"{root}.slice": f"{root}-besteffort.slice/{root}-besteffort-pod{uid}.slice/c",
    }
    for path in [each / below[each.name] for each in node.traces.cgroups() if each.name in below]:
        path.mkdir(parents=True)
        with suppress(OSError):  # cpuset takes none before it has processors
            (path / "cgroup.procs").write_text(str(process.pid))
    return process


def _runc_container(node: Daemon, bundle: Path) -> None:
    """A running container that no record tells of."""
    spec = {
        "ociVersion": "1.0.2",
        "process": {"cwd": "/", "args": ["/catatonit", "-P"], "user": {"uid": 0, "gid": 0}},
        "root": {"path": str(node.runtime / "pause" / "rootfs"), "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
        ],
        "linux": {
            "cgroupsPath": f"/{node.names.cgroup_root}/besteffort/podunknown/c",
            "namespaces": [{"type": kind} for kind in ("pid", "mount")],
        },
    }
    (bundle / "config.json").write_text(json.dumps(spec))
    log = bundle / "runc.log"
    argv: list[str | Path] = [
        "runc",
        "--log",
        log,
        "--root",
        node.runtime / "runc",
        "run",
        "--detach",
        "--bundle",
        bundle,
        "unknown",
    ]
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=patient(20),
        check=False,
    )
    assert done.returncode == 0, log.read_text()


def test_what_an_earlier_daemon_left_open_is_closed(node: Daemon) -> None:
    """Directories above all pods let everybody through: what is below one pod is for root alone."""
    node.drop("web.yaml", pod("web"))
    uid = node.wait_running("web-lab")["web-lab"]["metadata"]["uid"]
    node.kill()
    directories = [node.runtime / "pods" / uid, node.state / "pods" / uid]
    for directory in directories:
        directory.chmod(0o755)
    node.start()
    node.wait_running("web-lab")
    assert [oct(directory.stat().st_mode & 0o7777) for directory in directories] == ["0o700", "0o700"]

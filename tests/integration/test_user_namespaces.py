"""Pods with `hostUsers: false`: root inside, nobody outside. Seen from inside and from the host."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from hostpod.config import UserNamespacesConfig
from tests.integration.harness import FOREVER, Daemon, container, pod, seen

pytestmark = pytest.mark.integration

FIRST = UserNamespacesConfig().first_id
OWN_USERS: dict[str, Any] = {"hostUsers": False}


def ids(pid: int) -> list[int]:
    """Who a process is on the host: its users and groups."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return [int(word) for line in lines if line.startswith(("Uid:", "Gid:")) for word in line.split()[1:]]


def volume(name: str, **source: Any) -> dict[str, Any]:
    return {"name": name, **source}


def mount(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "mountPath": f"/v/{name}", **more}


def test_root_of_the_pod_is_nobody_on_the_host(node: Daemon) -> None:
    own = {"securityContext": {"capabilities": {"add": ["NET_ADMIN", "SYS_ADMIN"]}}}
    probe = {"exec": {"command": ["sh", "-c", "test $(id -u) = 0 && echo probed > /tmp/probed"]}, "periodSeconds": 1}
    script = (
        "cat /proc/self/uid_map; ip link set eth0 mtu 1300 && echo link; cat /proc/sys/net/ipv4/tcp_fin_timeout;"
        "mount -t tmpfs x /tmp && echo mounted; dd if=/dev/sda of=/dev/null 2>&1; touch /root/made; hostname;"
        "echo more >> /etc/hosts && echo hosts; echo gone > /dev/termination-log && echo told; "
        f"chown 1000:1000 /root/made && stat -c %u:%g /root/made; echo out > /dev/stdout; {FOREVER}"
    )
    first = container("c0", script, readinessProbe=probe, **own)
    second = container("c1", "id -u; ls /proc/1/exe; sleep 1000", securityContext={"runAsUser": 1000})
    spec = {"containers": [first, second], "shareProcessNamespace": True, **OWN_USERS}
    sysctls = [{"name": "net.ipv4.tcp_fin_timeout", "value": "17"}]
    node.drop("own.yaml", pod("own", securityContext={"sysctls": sysctls}, hostname="inside", **spec))
    node.wait_running("own-lab")
    shown = node.wait_said("own-lab", "out\n").splitlines()
    start = int(shown[0].split()[1])
    assert start >= FIRST
    assert shown[0].split() == ["0", str(start), "65536"]
    assert [line for line in shown[1:] if "sda" not in line] == [
        "link", "17", "mounted", "inside", "hosts", "told", "1000:1000", "out"
    ]  # fmt: skip
    node.wait_container("own-lab", lambda each: each["ready"], what="ready by a command inside")
    processes = node.processes("own-lab")
    assert set(ids(processes["c0"][0])) == {start}
    assert ids(processes["c1"][0])[:4] == [start + 1000] * 4
    assert set(ids(processes["pause"][0])) == {start + 65535}
    users = {os.stat(f"/proc/{pid}/ns/user").st_ino for each in processes.values() for pid in each}  # noqa: PTH116
    assert len(users) == 1
    assert users != {os.stat("/proc/self/ns/user").st_ino}  # noqa: PTH116
    assert node.cli("exec", "own-lab", "-c", "c0", "--", "id", "-u").stdout == "0\n"


def test_ids_are_a_pods_own_over_a_crash_and_given_back(node: Daemon) -> None:
    say = f"read id start rest < /proc/self/uid_map; echo $id:$start; {FOREVER}"
    for name in ("one", "two"):
        node.drop(f"{name}.yaml", pod(name, say, say, **OWN_USERS))
    node.wait_running("one-lab", "two-lab")
    starts = {name: node.wait_said(f"{name}-lab", "0:").split()[0] for name in ("one", "two")}
    assert len(set(starts.values())) == 2
    node.kill()
    node.start()
    os.kill(node.processes("one-lab")["c1"][0], signal.SIGKILL)
    node.wait_container("one-lab", lambda each: each["restartCount"] > 0, container="c1", what="made again")
    assert node.wait_said("one-lab", "0:", container="c1").split()[0] == starts["one"]
    assert node.cli("exec", "one-lab", "-c", "c0", "--", "id", "-u").stdout == "0\n"
    node.remove("one.yaml")
    node.wait_gone("one-lab")
    node.drop("three.yaml", pod("three", say, **OWN_USERS))
    assert node.wait_said("three-lab", "0:").split()[0] == starts["one"]


def test_files_belong_to_the_pod_whatever_lies_below(node: Daemon, tmp_path: Path) -> None:
    on_host = tmp_path / "data"
    (on_host / "part").mkdir(parents=True)
    for name, owner in (("roots", 0), ("users", 1000)):
        (on_host / name).write_text(name)
        (on_host / name).chmod(0o600)
        os.chown(on_host / name, owner, owner)
    node.drop(
        "s.yaml", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "secret"}}
    )
    volumes = [
        volume("disk", emptyDir={}),
        volume("memory", emptyDir={"medium": "Memory"}),
        volume("secret", secret={"secretName": "s", "defaultMode": 0o400}),
        volume("host", hostPath={"path": str(on_host)}),
        volume("file", hostPath={"path": str(on_host / "roots"), "type": "File"}),
        volume("image", image={"reference": "busybox", "pullPolicy": "IfNotPresent"}),
    ]
    mounts = [mount(each["name"]) for each in volumes]
    mounts += [
        mount("disk", mountPath="/v/sub", subPath="a/b"),
        mount("host", mountPath="/v/part", subPath="part", readOnly=True),
        mount("host", mountPath="/v/fresh", subPath="fresh/one"),
    ]
    script = (
        "cd /v; for each in disk memory sub part fresh; do stat -c '%n %u:%g' $each; done; cat secret/k; echo;"
        "cat host/roots file; echo; stat -c %u host/users; touch part/x 2>&1; touch secret/x 2>&1;"
        "for each in disk memory sub fresh host; do touch $each/made; done; stat -c '%n %u:%g' */made;"
        "chown 7:7 host/made; ls -d /root/..; stat -c '%u:%g' / /bin/busybox image/bin/busybox"
    )
    spec = {"volumes": volumes, **OWN_USERS, "securityContext": {"fsGroup": 2000}}
    assert seen(node, script, spec=spec, volumeMounts=mounts).splitlines() == [
        "disk 0:2000", "memory 0:2000", "sub 0:2000", "part 0:0", "fresh 0:0", "secret", "rootsroots", "1000",
        "touch: part/x: Read-only file system", "touch: secret/x: Read-only file system",
        "disk/made 0:2000", "fresh/made 0:0", "host/made 0:0", "memory/made 0:2000", "sub/made 0:2000",
        "/root/..", "0:0", "0:0", "0:0",
    ]  # fmt: skip
    made = (on_host / "made").stat()
    assert (made.st_uid, made.st_gid) == (7, 7), "the host has what the pod says, and no id of the pod's own"


def test_what_the_kernel_cannot_show_with_other_ids_is_refused(node: Daemon) -> None:
    spec = {"volumes": [volume("proc", hostPath={"path": "/proc/sys"})], **OWN_USERS}
    manifest = pod("no", FOREVER, **spec)
    manifest["spec"]["containers"][0]["volumeMounts"] = [mount("proc")]
    node.drop("no.yaml", manifest)
    told = node.wait_container("no-lab", lambda each: "message" in each["state"].get("waiting", {}), what="refused")
    assert told["state"]["waiting"]["message"].startswith(
        'volume "proc": hostUsers: false needs a file system that the kernel can show with other ids'
    )


def test_proc_without_masks(node: Daemon) -> None:
    script = "grep -c ' /proc/' /proc/mounts; true"
    assert int(seen(node, script, spec=OWN_USERS)) > 3
    assert seen(node, script, spec=OWN_USERS, securityContext={"procMount": "Unmasked"}) == "0\n"

"""Who a container's process is and what it may do, by the words of its securityContext, seen from inside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.registry import Registry
from tests.integration.derived import push_derived
from tests.integration.harness import FOREVER, Daemon, pod, seen, waiting

pytestmark = pytest.mark.integration

STATUS = "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp):?' /proc/self/status"
RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "runAsGroup": 3000,
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def status(node: Daemon, own: dict[str, Any], of_pod: dict[str, Any] | None = None) -> dict[str, list[str]]:
    """What the kernel says of a process of a container."""
    text = seen(node, "cat /proc/self/status", spec={"securityContext": of_pod or {}}, securityContext=own)
    return {name: value.split() for name, _, value in (line.partition(":") for line in text.splitlines())}


def refusal(node: Daemon, own: dict[str, Any], **container: Any) -> str:
    """Why a container is not made."""
    manifest = pod("no", FOREVER)
    manifest["spec"]["containers"][0] |= {"securityContext": own, **container}
    node.drop("no.yaml", manifest)
    told = node.wait_container("no-lab", lambda each: waiting(each) == "CreateContainerConfigError", what="refused")
    node.remove("no.yaml")
    node.wait_gone("no-lab")
    return str(told["state"]["waiting"]["message"])


def test_user_and_groups(node: Daemon) -> None:
    of_pod = {"runAsUser": 1000, "runAsGroup": 3000, "supplementalGroups": [4000, 4001]}
    found = status(node, {}, of_pod)
    assert (found["Uid"], found["Gid"], found["Groups"]) == (["1000"] * 4, ["3000"] * 4, ["3000", "4000", "4001"])
    found = status(node, {"runAsUser": 1001}, of_pod)
    assert (found["Uid"][0], found["Gid"][0]) == ("1001", "3000")


def test_groups_of_the_image_are_left_out_where_the_pod_says_strict(node: Daemon, registry: Registry) -> None:
    image = push_derived(registry, "grouped", User="daemon")
    spec: dict[str, Any] = {"securityContext": {"supplementalGroups": [4000]}}
    whole = seen(node, "id -G", spec=spec, image=image).split()
    spec["securityContext"]["supplementalGroupsPolicy"] = "Strict"
    assert seen(node, "id -G", spec=spec, image=image).split() == [whole[0], "4000"]
    assert "4000" in whole


def test_nobody_is_root_where_none_may_be(node: Daemon, registry: Registry) -> None:
    image = push_derived(registry, "daemons", User="daemon")
    assert seen(node, "id -u", image=image, securityContext={"runAsNonRoot": True}) == "1\n"
    assert refusal(node, {"runAsNonRoot": True}) == (
        "container has runAsNonRoot and image will run as root: set runAsUser"
    )
    assert "runAsUser is 0" in refusal(node, {"runAsNonRoot": True, "runAsUser": 0})


def test_a_restricted_container(node: Daemon) -> None:
    found = status(node, RESTRICTED)
    assert {int(found[name][0], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert (found["NoNewPrivs"], found["Seccomp"]) == (["1"], ["2"])
    tried = "touch /x 2>&1; touch /tmp/x 2>&1; touch /dev/shm/x && echo shm; true"
    shown = seen(node, tried, securityContext=RESTRICTED)
    assert shown.count("Read-only file system") == 2
    assert shown.endswith("shm\n")


def test_capabilities_are_added_and_dropped(node: Daemon) -> None:
    own = {"capabilities": {"add": ["NET_ADMIN"], "drop": ["CHOWN"]}}
    shown = seen(node, "ip link set lo mtu 1400 && echo set; chown 1:1 /tmp 2>&1; true", securityContext=own)
    assert shown.startswith("set\n")
    assert "Operation not permitted" in shown
    assert refusal(node, {"capabilities": {"add": ["FLY"]}}).startswith('this host has no capability "FLY" to give')


def test_who_is_privileged(node: Daemon) -> None:
    script = (
        "mount -t tmpfs x /tmp && echo mounted; test -w /proc/sys/kernel/hostname && echo sysctl;"
        "grep Seccomp: /proc/self/status; grep CapEff /proc/self/status"
    )
    shown = seen(node, script, securityContext={"privileged": True}).split()
    assert shown[:2] == ["mounted", "sysctl"]
    assert shown[shown.index("Seccomp:") + 1] == "0"
    own = {
        line.partition(":\t")[0]: line.partition(":\t")[2]
        for line in Path("/proc/self/status").read_text().splitlines()
    }
    assert shown[-1] == own["CapBnd"], "all that the daemon has"
    devices = set(seen(node, "ls /dev", securityContext={"privileged": True}).split())
    here = {each.name for each in Path("/dev").iterdir() if each.is_char_device() or each.is_block_device()}
    assert here - devices - {"console"} == set()


@pytest.mark.parametrize(
    ("profile", "mode"), [(None, "2"), ({"type": "RuntimeDefault"}, "2"), ({"type": "Unconfined"}, "0")]
)
def test_system_calls_are_filtered_unless_the_pod_says_otherwise(
    node: Daemon, profile: dict[str, str] | None, mode: str
) -> None:
    own = {"seccompProfile": profile} if profile else {}
    shown = seen(node, "grep Seccomp: /proc/self/status; unshare -U true 2>&1; true", securityContext=own)
    assert shown.split()[1] == mode
    assert ("Operation not permitted" in shown) == (mode == "2")


def test_a_filter_of_this_host(new_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    profiles = tmp_path / "profiles"
    profiles.mkdir()
    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}
    (profiles / "no-mkdir.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    (profiles / "broken.json").write_text("{")
    daemon = new_daemon(security={"seccompProfiles": str(profiles), "seccompDefault": False})
    daemon.start()
    own = {"seccompProfile": {"type": "Localhost", "localhostProfile": "no-mkdir.json"}}
    assert "not implemented" in seen(daemon, "mkdir /x 2>&1; true", securityContext=own)
    assert seen(daemon, "grep Seccomp: /proc/self/status").split()[1] == "0"
    for name, words in (("none.json", "no such file"), ("broken.json", "no JSON")):
        profile = {"type": "Localhost", "localhostProfile": name}
        message = refusal(daemon, {"seccompProfile": profile})
        assert message.startswith(f"cannot read seccomp profile {profiles}/{name}: ")
        assert words in message


def test_kernel_parameters_of_the_pod(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(security={"allowedUnsafeSysctls": ["kernel.msg*"]})
    daemon.start()
    before = Path("/proc/sys/net/ipv4/tcp_fin_timeout").read_text()
    wanted = {"net.ipv4.tcp_fin_timeout": "17", "kernel.msgmax": "9000"}
    sysctls = [{"name": name, "value": value} for name, value in wanted.items()]
    script = "cat /proc/sys/net/ipv4/tcp_fin_timeout /proc/sys/kernel/msgmax"
    assert seen(daemon, script, spec={"securityContext": {"sysctls": sysctls}}).split() == ["17", "9000"]
    assert Path("/proc/sys/net/ipv4/tcp_fin_timeout").read_text() == before
    sysctls = [{"name": "net.core.somaxconn", "value": "9"}]
    daemon.drop("no.yaml", pod("no", FOREVER, securityContext={"sysctls": sysctls}))
    status = daemon.wait_phase("no-lab", "Failed")["status"]
    assert status["reason"] == "SysctlForbidden"
    assert status["message"].startswith('Pod was rejected: forbidden sysctl: "net.core.somaxconn" not allowlisted')

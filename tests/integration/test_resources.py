"""What a pod asks for and may have, as its control groups and its processes have it, and what it is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.crash_kit import identity
from tests.integration.harness import FOREVER, Daemon, container, pod, reasons, waiting

pytestmark = pytest.mark.integration

MIB = 1 << 20
SERIAL = "example.com/serial"
DEVICES = [
    {"resource": SERIAL, "paths": ["/dev/full", "/dev/null"], "count": 2},
    {"resource": "example.com/absent", "paths": ["/dev/hp-not-there"]},
]
LOOK = "stat -c '%t:%T %n' /dev/kmsg 2>&1; head -c 1 /dev/full | wc -c; echo x > /dev/full"


def asking(name: str, script: str = FOREVER, **limits: str) -> dict[str, Any]:
    """A pod whose one container is limited so."""
    names = {
        "disk": "ephemeral-storage",
        "serial": SERIAL,
        "absent": "example.com/absent",
        "other": "example.com/other",
    }
    amounts = {names.get(key, key): amount for key, amount in limits.items()}
    return pod(name, containers=[container("c0", script, resources={"limits": amounts})])


def why(daemon: Daemon, name: str, reason: str) -> str:
    """The message of a pod that is refused or evicted."""
    pods = daemon.wait_for(
        lambda pods: name in pods and pods[name]["status"].get("reason") == reason, what=f"{name}: {reason}"
    )
    return str(pods[name]["status"]["message"])


def number(daemon: Daemon, controller: str, uid: str, file: str, below: str = "") -> int:
    """A control file of a pod's cgroup, or of a cgroup right below it."""
    (found,) = Path("/sys/fs/cgroup", controller, daemon.names.cgroup_root).glob(f"**/pod{uid}")
    return int((found / below / file).read_text())


@pytest.mark.controllers
def test_a_pod_has_limits_as_a_whole(new_daemon: Callable[..., Daemon]) -> None:
    if not Path("/sys/fs/cgroup/memory/memory.limit_in_bytes").exists():
        pytest.skip("control groups v1 alone have these files; those of v2 are looked at in tests/vm/test_limits.py")
    daemon = new_daemon(cgroups={"pidsLimit": 77})
    daemon.start()
    own = container("own", FOREVER, resources={"limits": {"memory": "32Mi"}})
    manifest = pod("whole", containers=[container("c0", FOREVER), own])
    manifest["spec"]["resources"] = {"requests": {"cpu": "250m"}, "limits": {"cpu": "500m", "memory": "128Mi"}}
    daemon.drop("whole.yaml", manifest)
    shown = daemon.wait_running("whole-lab")["whole-lab"]
    assert shown["status"]["qosClass"] == "Burstable"
    assert shown["spec"]["resources"]["requests"] == {"cpu": "250m", "memory": "32Mi"}
    assert shown["status"]["resources"] == shown["spec"]["resources"]
    uid = shown["metadata"]["uid"]
    assert number(daemon, "memory", uid, "memory.limit_in_bytes") == 128 * MIB
    assert number(daemon, "cpu", uid, "cpu.shares") == 256
    assert number(daemon, "cpu", uid, "cpu.cfs_quota_us") == 50_000
    assert number(daemon, "pids", uid, "pids.max") == 77
    cids = {each["name"]: each["containerID"].rpartition("/")[2] for each in shown["status"]["containerStatuses"]}
    assert number(daemon, "memory", uid, "memory.limit_in_bytes", cids["c0"]) == 128 * MIB, "the pod's"
    assert number(daemon, "memory", uid, "memory.limit_in_bytes", cids["own"]) == 32 * MIB
    assert number(daemon, "cpu", uid, "cpu.cfs_quota_us", cids["own"]) == 50_000

    manifest["spec"]["resources"]["limits"]["memory"] = "64Mi"
    daemon.drop("whole.yaml", manifest)
    daemon.wait_for(
        lambda pods: "whole-lab" in pods and identity(pods["whole-lab"]) != identity(shown), what="another pod"
    )
    again = daemon.wait_running("whole-lab")["whole-lab"]
    assert number(daemon, "memory", again["metadata"]["uid"], "memory.limit_in_bytes") == 64 * MIB


def test_devices_and_disk(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(devices=DEVICES, eviction={"storageInterval": "1s"})
    daemon.start()
    daemon.drop("first.yaml", asking("first", f"{LOOK}; {FOREVER}", serial="1"))
    daemon.drop("second.yaml", asking("second", serial="1", memory="64Mi"))
    daemon.wait_running("first-lab", "second-lab")
    said = daemon.wait_said("first-lab", "space left")
    assert "/dev/kmsg" in said, "no other device of the host"
    assert "No such file" in said

    daemon.drop("third.yaml", asking("third", serial="1"))
    daemon.drop("other.yaml", asking("other", other="1"))
    daemon.drop("absent.yaml", asking("absent", absent="1"))
    daemon.drop("pages.yaml", asking("pages", memory="64Mi", **{"hugepages-2Mi": "900Gi"}))
    daemon.drop("large.yaml", asking("large", disk="900Ti"))
    daemon.drop("writes.yaml", asking("writes", f"head -c 3000000 /dev/zero > /had; {FOREVER}", disk="1Mi"))
    refused = "Pod was rejected: "
    assert why(daemon, "third-lab", "UnexpectedAdmissionError") == (
        f"{refused}Allocate failed due to requested number of devices unavailable for {SERIAL}. "
        "Requested: 1, Available: 0, which is unexpected"
    )
    assert why(daemon, "other-lab", "UnexpectedAdmissionError") == (
        f"{refused}no device of this host is called example.com/other: the setting devices names none"
    )
    assert "hugepages-2Mi" in why(daemon, "pages-lab", "OutOfhugepages-2Mi")
    assert "resource: ephemeral-storage, requested: " in why(daemon, "large-lab", "OutOfephemeral-storage")
    told = daemon.wait_container("absent-lab", waiting, what="it is refused")
    assert told["state"]["waiting"]["message"].endswith(
        "device /dev/hp-not-there of example.com/absent is not on this host"
    )
    assert why(daemon, "writes-lab", "Evicted") == (
        "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. "
    )
    assert "Evicted" in reasons(daemon.events(), "writes-lab")
    daemon.remove("first.yaml")
    daemon.wait_running("third-lab")

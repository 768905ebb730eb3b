"""What a pod asks for and may have, as its control groups and its processes have it, and what it is refused."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.crash_kit import identity
from tests.integration.harness import FOREVER, Daemon, container, pod, reasons, waiting

pytestmark = pytest.mark.integration

MIB = 1 << 20
SERIAL = "example.com/serial"
REFUSED = "Pod was rejected: "


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
    limit = {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}}
    first = container("c0", f"echo limit $LIMIT; {FOREVER}", env=[limit])
    manifest = pod("whole", containers=[first, own])
    manifest["spec"]["resources"] = {"requests": {"cpu": "250m"}, "limits": {"cpu": "500m", "memory": "128Mi"}}
    daemon.drop("whole.yaml", manifest)
    shown = daemon.wait_running("whole-lab")["whole-lab"]
    assert shown["status"]["qosClass"] == "Burstable"
    assert shown["spec"]["resources"]["requests"] == {"cpu": "250m", "memory": "32Mi"}
    assert shown["status"]["resources"] == shown["spec"]["resources"]
    assert daemon.wait_said("whole-lab", "limit") == f"limit {128 * MIB}\n"
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


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A device that containers do not have by themselves: that of the kernel's log, which nobody writes to here."""
    path = tmp_path / "serial"
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 11))
    return path


@pytest.mark.controllers
def test_devices_are_given_counted_and_kept(new_daemon: Callable[..., Daemon], device: Path) -> None:
    given = {"resource": SERIAL, "paths": [str(device)], "permissions": "w", "count": 2}
    absent = {"resource": "example.com/absent", "paths": ["/dev/hp-not-there"]}
    daemon = new_daemon(devices=[given, absent])
    daemon.start()
    look = f"ls -l {device}; : > {device} && echo opened; : < {device}"
    daemon.drop("first.yaml", asking("first", f"{look}; echo; {FOREVER}", serial="1"))
    second = asking("second", serial="1", memory="64Mi")
    daemon.drop("second.yaml", second)
    before = daemon.wait_running("first-lab", "second-lab")["second-lab"]
    said = daemon.wait_said("first-lab", "not permitted")
    assert re.search(r"^c.*1, +11 ", said)
    assert "\nopened\n" in said

    daemon.drop("third.yaml", asking("third", serial="1"))
    daemon.drop("other.yaml", asking("other", other="1"))
    daemon.drop("absent.yaml", asking("absent", absent="1"))
    assert why(daemon, "third-lab", "UnexpectedAdmissionError") == (
        f"{REFUSED}Allocate failed due to requested number of devices unavailable for {SERIAL}. "
        "Requested: 1, Available: 0, which is unexpected"
    )
    assert why(daemon, "other-lab", "UnexpectedAdmissionError") == (
        f"{REFUSED}no device of this host is called example.com/other: the setting devices names none"
    )
    told = daemon.wait_container(
        "absent-lab", lambda each: waiting(each) == "CreateContainerConfigError", what="it is refused"
    )
    assert told["state"]["waiting"]["message"].endswith(
        "device /dev/hp-not-there of example.com/absent is not on this host"
    )

    second["spec"]["containers"][0]["resources"]["limits"]["memory"] = "96Mi"
    daemon.drop("second.yaml", second)
    given_more = {"memory": "96Mi", SERIAL: "1"}
    daemon.wait_container("second-lab", lambda each: each["resources"]["limits"] == given_more, what="is resized")
    assert identity(daemon.pods()["second-lab"]) == identity(before)
    opened = daemon.cli("exec", "second-lab", "--", "sh", "-c", f": > {device} && echo still")
    assert opened.stdout == "still\n"
    daemon.remove("first.yaml")
    daemon.wait_running("third-lab")


def test_disk_and_huge_pages(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(eviction={"storageInterval": "1s"})
    daemon.start()
    daemon.drop("pages.yaml", asking("pages", memory="64Mi", **{"hugepages-2Mi": "900Gi"}))
    daemon.drop("large.yaml", asking("large", disk="900Ti"))
    daemon.drop("writes.yaml", asking("writes", f"head -c 3000000 /dev/zero > /had; {FOREVER}", disk="1Mi"))
    assert "hugepages-2Mi" in why(daemon, "pages-lab", "OutOfhugepages-2Mi")
    message = why(daemon, "large-lab", "OutOfephemeral-storage")
    assert message.startswith(f"{REFUSED}Node didn't have enough resource: ephemeral-storage, requested: ")
    message = why(daemon, "writes-lab", "Evicted")
    assert message == "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. "
    assert "Evicted" in reasons(daemon.events(), "writes-lab")

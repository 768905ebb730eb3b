"""What pods have on disk where the file system counts it: ext4 with project quotas needs a kernel of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.harness import FOREVER
from tests.vm.service import Pods, Service, pod

pytestmark = pytest.mark.needs("kernel")

STATE = "/var/lib/hostpod/pods"
MIB = 1 << 20
# The package's own modules: what the file system says, and what a walk finds with the directory itself.
BOTH = """\
import json, sys
from pathlib import Path
sys.path.insert(0, "/usr/lib/hostpod")
from hostpod.host.project_quota import projects_usage
from hostpod.host.usage import disk_usage
top = Path(sys.argv[1])
counted = projects_usage(top, (top / "containers").glob("*"))
walked = disk_usage((top,)).used_bytes + top.stat().st_blocks * 512
print(json.dumps([counted and counted.used_bytes, walked]))
"""


@pytest.fixture(scope="module")
def counting(service: Service) -> Iterator[Service]:
    """The pods' directory is a file system of its own that counts projects."""
    service.configure(eviction={"storageInterval": "1s", "transitionPeriod": "1h"})
    run = service.system.run
    run("systemctl", "stop", "hostpod")
    run("truncate", "--size=256M", "/root/disk.ext4")
    run("mkfs.ext4", "-q", "-O", "quota,project", "/root/disk.ext4")
    run("mkdir", "-p", STATE)
    run("mount", "-o", "loop,prjquota", "/root/disk.ext4", STATE)
    run("systemctl", "start", "hostpod")
    yield service
    service.clear()
    run("systemctl", "stop", "hostpod")
    run("umount", STATE)
    run("systemctl", "start", "hostpod")


def writer(name: str, script: str, *, limit: str, container_limit: bool = True) -> dict[str, Any]:
    """A pod whose first container writes, and whose second has no limit or one as well."""
    manifest = pod(name, f"{script}; {FOREVER}", FOREVER)
    limits = {"resources": {"limits": {"ephemeral-storage": limit}}}
    manifest["spec"]["containers"][0] |= limits
    if container_limit:
        manifest["spec"]["containers"][1] |= limits
    manifest["spec"]["volumes"] = [{"name": "scratch", "emptyDir": {}}]
    manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "scratch", "mountPath": "/scratch"}]
    return manifest


def usage(service: Service, name: str) -> tuple[int | None, int]:
    """Octets that the file system counts, and that a walk finds, of a pod."""
    uid = service.pods()[name]["metadata"]["uid"]
    counted, walked = json.loads(service.system.run("python3", "-c", BOTH, f"{STATE}/{uid}"))
    return counted, walked


@pytest.mark.parametrize("container_limit", [False, True])
def test_the_file_system_counts_what_a_walk_finds(counting: Service, *, container_limit: bool) -> None:
    script = (
        "for d in / /scratch; do head -c 3000000 /dev/zero >$d/file; mkdir $d/a; head -c 500000 /dev/zero >$d/a/b; done"
    )
    counting.drop("both.yaml", writer("both", script, limit="100Mi", container_limit=container_limit))
    counting.wait_running("both-lab", within_s=60)
    counting.system.until(lambda: usage(counting, "both-lab")[1] > 7_000_000, "all is written")
    counting.system.run("sync")
    counted, walked = usage(counting, "both-lab")
    assert counted == walked
    counting.system.run("systemctl", "restart", "hostpod")
    counting.wait_ready()
    assert usage(counting, "both-lab") == (counted, walked)
    counting.clear()


@pytest.mark.parametrize("where", ["/", "/scratch/"])
def test_who_has_too_much_is_evicted(counting: Service, where: str) -> None:
    counting.drop("much.yaml", writer("much", f"head -c {20 * MIB} /dev/zero >{where}file", limit="10Mi"))

    counting.wait_for(lambda pods: _evicted(pods, "much-lab"), "evicted", within_s=60)
    counting.clear()


def _evicted(pods: Pods, name: str) -> bool:
    return name in pods and pods[name]["status"].get("reason") == "Evicted"

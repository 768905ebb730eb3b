"""What the kernel says of the classic pod's containers and of a restricted one, whole: golden files.

Their OCI configs are golden files of tests/unit/oci.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hostpod.host.cgroup import Cgroups
from hostpod.oci.defaults import MASKED_PATHS
from tests.integration.harness import FOREVER, Daemon, container, pod
from tests.integration.test_security_context import RESTRICTED

pytestmark = pytest.mark.integration

GOLDEN = Path(__file__).parent / "golden"
CLASSIC = (Path(__file__).parents[2] / "examples/nginx.yaml").read_text()
QUICK = CLASSIC.replace(
    "spec:\n", "spec:\n  terminationGracePeriodSeconds: 1\n", 1
)  # one of its containers does not hear
STATUS = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")
IN_MEMORY = ("overlay", "tmpfs", "proc", "sysfs", "devpts", "mqueue")
FLAGS = ("ro", "rw", "nosuid", "nodev", "noexec")
CGROUPS = "/sys/fs/cgroup"
LIMITS = {
    "v1": {
        "cpu weight": "cpu/cpu.shares",
        "cpu quota": "cpu/cpu.cfs_quota_us",
        "memory limit": "memory/memory.limit_in_bytes",
        "pids limit": "pids/pids.max",
    },
    "v2": {
        "cpu weight": "cpu.weight",
        "cpu quota": "cpu.max",
        "memory limit": "memory.max",
        "pids limit": "pids.max",
    },
}


@pytest.fixture(scope="module")
def processes(shared_daemon: Daemon) -> Iterator[dict[str, Path]]:
    """The directory below /proc of each container's first process, by pod and container."""
    restricted = container("c0", FOREVER, securityContext=RESTRICTED)
    amounts = {"requests": {"cpu": "100m"}, "limits": {"cpu": "250m", "memory": "64Mi"}}
    restricted["resources"] = amounts
    shared_daemon.drop("nginx.yaml", QUICK)
    shared_daemon.drop("restricted.yaml", pod("restricted", containers=[restricted]))
    shared_daemon.wait_running("nginx-lab", "restricted-lab", within_s=30)
    yield {
        f"{name.removesuffix('-lab')}-{container}": Path(f"/proc/{pids[0]}")
        for name in ("nginx-lab", "restricted-lab")
        for container, pids in shared_daemon.processes(name).items()
    }
    shared_daemon.clear()


@pytest.mark.parametrize("name", ["nginx-nginx", "nginx-log-truncator", "nginx-pause", "restricted-c0"])
def test_rights_and_mounts(processes: dict[str, Path], name: str) -> None:
    process = processes[name]
    lines = (line.partition(":\t") for line in (process / "status").read_text().splitlines())
    status = {key: " ".join(value.split()) for key, _, value in lines if key in STATUS}
    lines_of_mounts = map(str.split, (process / "mounts").read_text().splitlines())
    # What is hidden is what a kernel has of a longer list (test_inside looks at it); control groups have test_limits.
    elsewhere = (CGROUPS, *MASKED_PATHS)
    mounts = {path: _mount(*words) for _, path, *words in lines_of_mounts if not path.startswith(elsewhere)}
    found = {"status": status, "mounts": mounts}
    assert found == _golden(f"{name}.json", found)


@pytest.mark.controllers
def test_limits(processes: dict[str, Path]) -> None:
    version = "v2" if Cgroups.detect("hostpod-test").layout.version == "v2" else "v1"
    found = {
        name: {what: _read(process, file) for what, file in LIMITS[version].items()}
        for name, process in processes.items()
        if not name.endswith("-pause")  # which has no view of control groups
    }
    assert found == _golden(f"limits-{version}.json", found)


def _mount(kind: str, options: str, *_: str) -> str:
    flags = [flag for flag in options.split(",") if flag in FLAGS]
    return " ".join([kind if kind in IN_MEMORY else "disk", *flags])


def _read(process: Path, file: str) -> str:
    return Path(f"{process}/root{CGROUPS}/{file}").read_text().strip()


def _golden(name: str, found: dict[str, Any]) -> dict[str, Any]:
    if os.environ.get("HOSTPOD_WRITE_GOLDEN"):
        (GOLDEN / name).write_text(json.dumps(found, indent=1) + "\n")
    kept: dict[str, Any] = json.loads((GOLDEN / name).read_text())
    return kept

"""The pause container: a process that does nothing, and so keeps a pod's namespaces and takes up its orphans.

Its root is one program, /dev/null and a place for /proc, made once for all pods. Each mount less is CPU saved.
"""

from __future__ import annotations

from collections.abc import Mapping

from hostpod.kube import Pod
from hostpod.oci.container import NOTHING, annotated, ids, joined
from hostpod.oci.defaults import OCI_VERSION, PROC
from hostpod.oci.resources import PAUSE_OOM_SCORE_ADJ
from hostpod.oci.values import Json, Privileges, SandboxPaths

PROGRAM = "catatonit"


def pause_spec(
    *,
    pod: Pod,
    namespaces: SandboxPaths,
    cgroups_path: str,
    rootfs: str,
    privileges: Privileges,
    annotations: Mapping[str, str] = NOTHING,
) -> Json:
    """The whole config.json of a pod's pause container. Its `pid` namespace is new, unless the pod has the host's."""
    own = ["mount"] if pod.spec.host_pid else ["mount", "pid"]
    return {
        "ociVersion": OCI_VERSION,
        "process": {
            "user": {"uid": 65535, "gid": 65535},
            "args": [f"/{PROGRAM}", "-P"],
            "env": [],
            "cwd": "/",
            "capabilities": {},
            "noNewPrivileges": True,
            "oomScoreAdj": privileges.allowed_oom_score_adj(PAUSE_OOM_SCORE_ADJ),
        },
        "root": {"path": rootfs, "readonly": True},
        "mounts": [
            PROC.to_json(),
            # With /dev bound runc makes no devices in it: the program opens none. The root is nosuid, and a pod with
            # ids of its own may not drop that.
            {"destination": "/dev", "type": "bind", "source": f"{rootfs}/dev", "options": ["bind", "ro", "nosuid"]},
        ],
        "linux": {
            "cgroupsPath": cgroups_path,
            "namespaces": [*({"type": kind} for kind in own), *joined(namespaces)],
            **ids(namespaces),
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            # Of the pod's namespaces: runc sets them where it joins them.
            **({"sysctl": pod.sysctls} if pod.sysctls else {}),
        },
        **annotated(annotations),
    }

"""Pods that the tests of this room make specs of."""

from __future__ import annotations

from typing import Any

from hostpod.host.privileges import Privileges
from hostpod.kube import Pod

FREE = Privileges(memory_bytes=4 << 30)
ON_V2 = Privileges(memory_bytes=4 << 30, cgroup_v2=True)
BOUND = Privileges(memory_bytes=4 << 30, may_raise_limits=False, oom_score_adj=0, hard_limits={"RLIMIT_NOFILE": 20_000})


def pod(*containers: dict[str, Any], name: str = "web-node1", **spec: Any) -> Pod:
    """A pod as its static pod is: named, with a uid, on a node. Keys are those of a manifest."""
    return Pod.model_validate(
        {
            "metadata": {"name": name, "namespace": "default", "uid": "0123456789abcdef0123456789abcdef"},
            "spec": {"nodeName": "node1", "containers": containers or ({"name": "main", "image": "busybox"},), **spec},
        },
        by_alias=True,
    )


def resources(requests: dict[str, str] | None = None, limits: dict[str, str] | None = None) -> dict[str, Any]:
    """A container that asks for and is limited to this much."""
    return {"name": "main", "image": "busybox", "resources": {"requests": requests or {}, "limits": limits or {}}}

"""Short ways to say a pod and what is seen of it."""

from __future__ import annotations

from typing import Any

from hostpod.kube import Pod
from hostpod.plan.observed import ObservedContainer, ObservedPod


def pod(*containers: str, uid: str = "u1", **spec: Any) -> Pod:
    """A pod with these containers; `spec` are more fields of its spec, by their JSON names."""
    names = containers or ("web",)
    return Pod.model_validate(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "namespace": "default", "uid": uid},
            "spec": {"containers": [{"name": name, "image": "img"} for name in names], **spec},
        }
    )


def attempt(name: str = "web", number: int = 0, **changes: Any) -> ObservedContainer:
    """A running attempt that was created at 100 and started at 101, but for the changes."""
    values: dict[str, Any] = {
        "name": name,
        "id": f"{name}{number}",
        "attempt": number,
        "phase": "running",
        "backoff_s": 0.0,
        "image": "img",
        "image_id": "sha256:1",
        "created_at": 100.0,
        "started_at": 101.0,
    }
    return ObservedContainer(**(values | changes))


def ended(name: str = "web", number: int = 0, **changes: Any) -> ObservedContainer:
    """An attempt that ended at 110 with exit code 1 and is cleaned, but for the changes."""
    values = {"phase": "exited", "finished_at": 110.0, "exit_code": 1, "cleaned": True}
    return attempt(name, number, **(values | changes))


def seen(of: Pod | None = None, **changes: Any) -> ObservedPod:
    """A pod whose sandbox is complete and that has no container yet, but for the changes."""
    values: dict[str, Any] = {
        "pod": of or pod(),
        "admitted_at": 99.0,
        "namespaces": True,
        "volumes": True,
        "network": True,
        "pause": True,
        "sandbox_at": 100.0,
        "ips": ("10.0.0.2",),
    }
    return ObservedPod(**(values | changes))

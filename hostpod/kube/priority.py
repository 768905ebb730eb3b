"""Which pods matter more."""

from __future__ import annotations

from hostpod.kube.pod import Pod

# Kubernetes' SystemCriticalPriority: system-cluster-critical, and system-node-critical above it.
CRITICAL = 2_000_000_000


def priority_of(pod: Pod) -> int:
    """spec.priority, else that of one of Kubernetes' own classes: nobody resolves class names on a lone host."""
    if pod.spec.priority is not None:
        return pod.spec.priority
    return {"system-cluster-critical": CRITICAL, "system-node-critical": CRITICAL + 1000}.get(
        pod.spec.priority_class_name or "", 0
    )

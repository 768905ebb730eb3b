"""Which probes of a pod should run now, and where they go."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hostpod.engine.prober import ProbeTarget
from hostpod.kube import Container
from hostpod.plan.observed import ObservedContainer, ObservedPod
from hostpod.plan.order import has_started, hook_is_over
from hostpod.plan.probing import ProbeKind, wanted_now
from hostpod.plan.restarts import pod_ends

LOOPBACK = "127.0.0.1"


def probe_targets(seen: ObservedPod, host_address: Callable[[], str | None]) -> Iterator[ProbeTarget]:
    """Of all running containers. `host_address` is asked where the pod is on the host's network."""
    ends = pod_ends(seen)
    for running in seen.containers:
        container = seen.pod.spec.container(running.name)
        if running.phase != "running" or not _has_probes(container):
            continue
        for kind in wanted_now(
            container,
            hook_over=hook_is_over(container, running),
            started=has_started(container, running),
            ends=ends or running.stopping is not None,
        ):
            yield ProbeTarget(
                cid=running.id,
                kind=kind,
                pod=seen.pod,
                container=container,
                address=seen.ip or host_address() or LOOPBACK,
                started_at=running.started_at or running.created_at,
                passing=_known(running, kind),
            )


def _has_probes(container: Container) -> bool:
    return bool(container.startup_probe or container.liveness_probe or container.readiness_probe)


def _known(running: ObservedContainer, kind: ProbeKind) -> bool | None:
    match kind:
        case "startup":
            return running.startup
        case "readiness":
            return running.ready
        case "liveness":
            return False if running.unhealthy else None

"""The variables that a pod sets in a container, found where they come from when the container is made."""

from __future__ import annotations

from hostpod.engine.edges import Edges
from hostpod.engine.room import room_now
from hostpod.engine.state import PodState
from hostpod.kube import Container
from hostpod.kube.config import Configs
from hostpod.kube.downward import RunningFacts
from hostpod.kube.pod_resources import whole
from hostpod.kube.quantity import MILLI, NANO, Quantity
from hostpod.oci import EnvSources, container_variables
from hostpod.volumes import read_text


def variables(state: PodState, container: Container, facts: RunningFacts, configs: Configs) -> dict[str, str]:
    """May read files of volumes. Raises SpecError or VolumeError for what is not there."""

    def read(volume: str, path: str) -> str | None:
        assert state.volumes is not None, "containers are made after their pod's volumes"
        return read_text(state.volumes, volume, path)

    sources = EnvSources(pod=state.record.pod, facts=facts, configs=configs, read_file=read)
    return container_variables(container, sources)


def running_facts(state: PodState, edges: Edges) -> RunningFacts:
    """What the pod is told of itself beyond its manifest."""
    host_ips = edges.network.uplink_addresses()
    room = room_now(edges)
    return RunningFacts(
        # Its lease has its address before it is attached, which goes on beside the making of containers.
        pod_ips=host_ips if state.record.pod.spec.host_network else edges.network.reserve(state.uid).ips,
        host_ips=host_ips,
        allocatable={
            "cpu": Quantity(nano=room.cpu_milli * MILLI),
            "memory": Quantity(nano=room.memory_bytes * NANO),
            **{name: Quantity(nano=amount * NANO) for name, amount in room.others.items()},
            **whole(state.record.pod.spec).limits,
        },
    )

"""How a pod is connected: the ports of the host that lead to it, and its bandwidth."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

from hostpod.engine.edges import Edges
from hostpod.engine.state import PodState
from hostpod.kube import Pod
from hostpod.kube.annotations import EGRESS_BANDWIDTH, INGRESS_BANDWIDTH
from hostpod.kube.quantity import Quantity
from hostpod.network import Attachment, Bandwidth, PublishedPort
from hostpod.plan.host_ports import is_anywhere, published_ports


def ports_of_host(pod: Pod) -> tuple[PublishedPort, ...]:
    """The ports of the host that lead to the pod."""
    return tuple(
        PublishedPort(
            protocol=port.protocol or "TCP",
            port=port.host_port or 0,
            pod_port=port.container_port,
            address=None if is_anywhere(port.host_ip) else ip_address(port.host_ip or ""),
        )
        for port in published_ports(pod)
    )


def bandwidth_of(pod: Pod) -> Bandwidth:
    """What the annotations say."""

    def bits_per_s(annotation: str) -> int | None:
        text = pod.metadata.annotations.get(annotation)
        return Quantity.parse(text).value if text is not None else None

    return Bandwidth(ingress_bits_per_s=bits_per_s(INGRESS_BANDWIDTH), egress_bits_per_s=bits_per_s(EGRESS_BANDWIDTH))


async def attach(state: PodState, netns: Path, edges: Edges) -> Attachment:
    """Join the pod to the network as its manifest says, also as it says only now."""
    pod = state.record.pod
    attachment = await edges.network.attach(state.uid, netns, ports_of_host(pod), bandwidth_of(pod))
    if bandwidth_of(state.record.pod) != bandwidth_of(pod):
        await edges.network.limit(state.uid, netns, bandwidth_of(state.record.pod))
    return attachment


async def change(state: PodState, desired: Pod, edges: Edges) -> None:
    """Another bandwidth holds at once. It comes before it is written down: a crash in between has it done again."""
    if state.networked and state.namespaces is not None and not desired.spec.host_network:
        bandwidth = bandwidth_of(desired)
        if bandwidth != bandwidth_of(state.record.pod):
            await edges.network.limit(state.uid, state.namespaces.path("net"), bandwidth)

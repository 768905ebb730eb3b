"""Ports of the host that pods take for themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from hostpod.kube import ContainerPort, Pod
from hostpod.kube.pod_resources import is_sidecar

_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared, not listened on


@dataclass(frozen=True, kw_only=True, slots=True, order=True)
class HostPort:
    """One port of the host, on one of its addresses or on all."""

    port: int
    protocol: str
    address: str

    def __str__(self) -> str:
        where = "" if self.address in _ANY else f"{self.address} "
        return f"{where}{self.protocol} {self.port}"


def host_ports(pod: Pod) -> frozenset[HostPort]:
    """All ports of the host that the containers and sidecars of a pod ask for; on the host's network that is each."""
    numbered = ((port.host_port or (port.container_port if pod.spec.host_network else 0), port) for port in _ports(pod))
    return frozenset(
        HostPort(port=number, protocol=port.protocol or "TCP", address=str(ip_address(port.host_ip or "0.0.0.0")))  # noqa: S104
        for number, port in numbered
        if number
    )


def published_ports(pod: Pod) -> tuple[ContainerPort, ...]:
    """The ports of containers that the host has to lead to the pod: none for a pod that is on the host's network."""
    return () if pod.spec.host_network else tuple(port for port in _ports(pod) if port.host_port)


def is_anywhere(address: str | None) -> bool:
    """Whether a port with this hostIP is one of all addresses of the host."""
    return not address or address in _ANY


def _ports(pod: Pod) -> Iterator[ContainerPort]:
    """Of all that runs while the pod does."""
    sidecars = (container for container in pod.spec.init_containers if is_sidecar(container))
    return (port for container in (*sidecars, *pod.spec.containers) for port in container.ports)


def conflict(asked: Iterable[HostPort], taken: Iterable[HostPort]) -> HostPort | None:
    """The first port asked for that another has: of the same number and protocol, where an address is that of both."""
    held = tuple(taken)
    return next((each for each in sorted(asked) if any(_collide(each, other) for other in held)), None)


def _collide(one: HostPort, other: HostPort) -> bool:
    if (one.port, one.protocol) != (other.port, other.protocol):
        return False
    return one.address == other.address or not _ANY.isdisjoint({one.address, other.address})

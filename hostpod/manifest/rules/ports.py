"""Rules for container ports and the host ports that they take."""

from __future__ import annotations

from collections.abc import Iterable

from hostpod.kube import Container, ContainerPort
from hostpod.manifest.rules.formats import ip_address, port_name
from hostpod.manifest.rules.violation import Path, Violation, Violations, chosen, formatted, unique, within

LAST_PORT = 65535
PROTOCOLS = ("TCP", "UDP", "SCTP")


def container_ports(path: Path, ports: tuple[ContainerPort, ...]) -> Violations:
    """The ports of one container."""
    for index, port in enumerate(ports):
        yield from _port((*path, index), port)
    names = (((*path, index, "name"), port.name) for index, port in enumerate(ports) if port.name)
    yield from unique(names, "{} is the name of another port of this container, take another")


def _port(path: Path, port: ContainerPort) -> Violations:
    if port.name:
        yield from formatted((*path, "name"), port.name, port_name)
    yield from within((*path, "containerPort"), port.container_port, 1, LAST_PORT)
    yield from within((*path, "hostPort"), port.host_port or None, 1, LAST_PORT)
    yield from chosen((*path, "protocol"), port.protocol, PROTOCOLS)
    if port.host_ip:
        yield from formatted((*path, "hostIP"), port.host_ip, ip_address)


def host_ports(containers: Iterable[tuple[Path, Container]]) -> Violations:
    """Containers that run at the same time take each host port once."""
    taken = (
        ((*path, "ports", index, "hostPort"), f"{port.host_port}/{port.protocol} {port.host_ip or ''}".rstrip())
        for path, container in containers
        for index, port in enumerate(container.ports)
        if port.host_port
    )
    yield from unique(taken, "{} is taken by another port of this pod")


def led_ports(containers: Iterable[tuple[Path, Container]]) -> Violations:
    """Ports of the host that have to be led to the pod."""
    for path, container in containers:
        for index, port in enumerate(container.ports):
            if port.host_port and ":" in (port.host_ip or ""):
                words = "is not supported by this version, host ports are of IPv4 alone: remove it"
                yield Violation(path=(*path, "ports", index, "hostIP"), message=words)


def host_network_ports(containers: Iterable[tuple[Path, Container]]) -> Violations:
    """In the host's network a port is the host's port."""
    for path, container in containers:
        for index, port in enumerate(container.ports):
            if port.host_port and port.host_port != port.container_port:
                yield Violation(
                    path=(*path, "ports", index, "hostPort"),
                    message=f"must be containerPort ({port.container_port}) or left away, hostNetwork is true",
                )

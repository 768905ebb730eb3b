"""Rules for containers: what all kinds share, and what init containers and sidecars may not have."""

from __future__ import annotations

from collections.abc import Iterator

from hostpod.kube import Container, PodSpec
from hostpod.manifest.rules.environment import bulk_environment, environment
from hostpod.manifest.rules.formats import dns_label, trimmed
from hostpod.manifest.rules.handlers import killing_probe, lifecycle, readiness_probe
from hostpod.manifest.rules.mounts import volume_devices, volume_mounts
from hostpod.manifest.rules.ports import container_ports, host_network_ports, host_ports, led_ports
from hostpod.manifest.rules.resources import container_resources, resize_policies
from hostpod.manifest.rules.restarts import container_restarts
from hostpod.manifest.rules.security import container_security
from hostpod.manifest.rules.violation import (
    Path,
    Violation,
    Violations,
    chosen,
    forbidden,
    named,
    optional,
    required,
    unique,
)

MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
# What the kubelet knows as signals of Linux; runtimes know the real-time ones by these names too.
_REAL_TIME = (*(f"RTMIN+{number}" for number in range(1, 16)), *(f"RTMAX-{number}" for number in range(1, 15)))
STOP_SIGNALS = tuple(
    f"SIG{name}"
    for name in (
        *("ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE"),
        *("POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU"),
        *("URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX", *_REAL_TIME),
    )
)
WINDOWS_STOP_SIGNALS = ("SIGKILL", "SIGTERM")


def containers(path: Path, spec: PodSpec) -> Violations:
    """All containers of a pod, and what they may not have in common."""
    yield from required((*path, "containers"), spec.containers, "a pod needs one container at least")
    regular = tuple(_placed((*path, "containers"), spec.containers))
    before = tuple(_placed((*path, "initContainers"), spec.init_containers))
    for where, container in regular:
        yield from _container(where, container, spec)
        yield from _serving(where, container, spec)
    for where, container in before:
        yield from _container(where, container, spec)
        yield from _init_container(where, container, spec)
        yield from host_ports([(where, container)])
    yield from host_ports(regular)
    yield from host_network_ports(regular) if spec.host_network else led_ports(regular)
    names = (((*where, "name"), container.name) for where, container in (*regular, *before) if container.name)
    yield from unique(names, "{} is the name of another container of this pod, take another")
    if spec.ephemeral_containers:
        yield Violation(
            path=(*path, "ephemeralContainers"), message="must be left away, they are only added to running pods"
        )


def _placed(path: Path, values: tuple[Container, ...]) -> Iterator[tuple[Path, Container]]:
    return (((*path, index), value) for index, value in enumerate(values))


def _container(path: Path, container: Container, spec: PodSpec) -> Violations:
    volumes = {volume.name: volume for volume in spec.volumes}
    yield from named((*path, "name"), container.name, dns_label)
    yield from required((*path, "image"), container.image, "name an image")
    yield from optional((*path, "image"), container.image, trimmed)
    yield from chosen((*path, "imagePullPolicy"), container.image_pull_policy, PULL_POLICIES)
    yield from chosen((*path, "terminationMessagePolicy"), container.termination_message_policy, MESSAGE_POLICIES)
    yield from container_ports((*path, "ports"), container.ports)
    yield from environment((*path, "env"), container.env)
    yield from bulk_environment((*path, "envFrom"), container.env_from)
    yield from volume_mounts((*path, "volumeMounts"), container, volumes)
    yield from volume_devices((*path, "volumeDevices"), container, volumes)
    claims = {claim.name for claim in spec.resource_claims}
    yield from container_resources((*path, "resources"), container.resources, claims)
    yield from container_security((*path, "securityContext"), container.security_context, spec)
    yield from container_restarts(path, container)
    yield from _stop_signal((*path, "lifecycle", "stopSignal"), container, spec)


def _serving(path: Path, container: Container, spec: PodSpec) -> Violations:
    """What a container has that runs beside others: hooks, probes, changes of its resources."""
    grace_s = spec.termination_grace_period_seconds
    yield from lifecycle((*path, "lifecycle"), container.lifecycle, grace_s)
    yield from killing_probe((*path, "livenessProbe"), container.liveness_probe, grace_s)
    yield from readiness_probe((*path, "readinessProbe"), container.readiness_probe, grace_s)
    yield from killing_probe((*path, "startupProbe"), container.startup_probe, grace_s)
    never = (container.restart_policy or spec.restart_policy) == "Never"
    yield from resize_policies((*path, "resizePolicy"), container.resize_policy, never_restarted=never)


def _init_container(path: Path, container: Container, spec: PodSpec) -> Violations:
    if container.restart_policy == "Always":
        yield from _serving(path, container, spec)
        return
    sidecar = "must be left away, an init container has it only with restartPolicy: Always"
    yield from forbidden((*path, "lifecycle"), container.lifecycle, sidecar)
    yield from forbidden((*path, "livenessProbe"), container.liveness_probe, sidecar)
    yield from forbidden((*path, "readinessProbe"), container.readiness_probe, sidecar)
    yield from forbidden((*path, "startupProbe"), container.startup_probe, sidecar)
    yield from resize_policies((*path, "resizePolicy"), container.resize_policy, never_restarted=True)


def _stop_signal(path: Path, container: Container, spec: PodSpec) -> Violations:
    signal = container.lifecycle.stop_signal if container.lifecycle is not None else None
    if signal is None:
        return
    if spec.os is None:
        yield Violation(path=path, message="needs spec.os.name, write linux there")
    else:
        yield from chosen(path, signal, WINDOWS_STOP_SIGNALS if spec.os.name == "windows" else STOP_SIGNALS)

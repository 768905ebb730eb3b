"""The devices of this host that a container gets: those that it asks for, and all where it is privileged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hostpod.config import DeviceConfig
from hostpod.host.devices import device_at, host_devices
from hostpod.kube import Container
from hostpod.kube.pod_resources import is_extended
from hostpod.oci import SpecError, is_privileged
from hostpod.oci.values import Json


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """Device nodes as the OCI specification has them, and what may be done with each by its path."""

    nodes: Sequence[Json]
    permissions: Mapping[str, str]


def devices_of(container: Container, settings: Sequence[DeviceConfig]) -> Given:
    """Looked up now: a device may be plugged in at any time. SpecError for one that is not there."""
    asked = dict(_asked(container, {device.resource: device for device in settings}))
    nodes = {node["path"]: node for node in (host_devices() if is_privileged(container) else ())}
    for path, (device, node) in asked.items():
        if node is None:
            raise SpecError(f"device {path} of {device.resource} is not on this host")
        nodes[path] = node
    return Given(nodes=tuple(nodes.values()), permissions={path: each.permissions for path, (each, _) in asked.items()})


def _asked(
    container: Container, settings: Mapping[str, DeviceConfig]
) -> Iterator[tuple[str, tuple[DeviceConfig, Json | None]]]:
    for name, amount in container.resources.limits.items():
        if not is_extended(name) or amount.nano == 0:
            continue
        if name not in settings:
            raise SpecError(f"no device of this host is called {name}: the setting devices names none")
        for path in settings[name].paths:
            yield str(path), (settings[name], device_at(path))

"""Rules for references to fields, resources, keys and files: what env and downwardAPI volumes are filled from."""

from __future__ import annotations

import re
from collections.abc import Collection

from hostpod.kube import (
    ConfigMapKeySelector,
    FileKeySelector,
    ObjectFieldSelector,
    ResourceFieldSelector,
    SecretKeySelector,
)
from hostpod.kube.quantity import Quantity
from hostpod.manifest.rules.formats import (
    config_key,
    dns_label,
    dns_subdomain,
    environment_name,
    file_path,
    qualified_name,
)
from hostpod.manifest.rules.violation import (
    Path,
    Violation,
    Violations,
    chosen,
    formatted,
    listed,
    named,
    quoted,
    required,
)

ENV_FIELDS = (
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
)
FILE_FIELDS = ("metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "metadata.annotations")
RESOURCES = tuple(
    f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage")
)

_SUBSCRIPT = re.compile(r"(metadata\.(?:labels|annotations))\['(.*)'\]")
_HUGE_PAGES = re.compile(r"(limits|requests)\.hugepages-.*")
_CPU_DIVISORS = tuple(Quantity.parse(text) for text in ("1m", "1"))
_BYTE_DIVISORS = tuple(
    Quantity.parse(f"1{unit}") for unit in ("", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
)


def field(path: Path, selector: ObjectFieldSelector, fields: Collection[str]) -> Violations:
    """A field of the pod: one of `fields`, or one label or annotation."""
    yield from chosen((*path, "apiVersion"), selector.api_version, ("v1",))
    subscript = _SUBSCRIPT.fullmatch(selector.field_path)
    if subscript is not None:
        parent, key = subscript.groups()
        yield from formatted(
            (*path, "fieldPath"), key.lower() if parent == "metadata.annotations" else key, qualified_name
        )
    elif selector.field_path not in fields:
        choices = listed((*fields, "metadata.labels['KEY']", "metadata.annotations['KEY']"))
        yield Violation(
            path=(*path, "fieldPath"), message=f"{quoted(selector.field_path)} cannot be referred to, write {choices}"
        )


def resource(path: Path, selector: ResourceFieldSelector) -> Violations:
    """A request or limit of a container, in units of the divisor."""
    if not _HUGE_PAGES.fullmatch(selector.resource):
        yield from chosen((*path, "resource"), selector.resource, RESOURCES)
    cpu = selector.resource.endswith(".cpu")
    if selector.divisor is not None and not _is_divisor(selector.divisor, cpu=cpu):
        choices = "1 or 1m" if cpu else "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi or 1Ei"
        yield Violation(path=(*path, "divisor"), message=f"{quoted(selector.divisor)} is not possible, write {choices}")


def _is_divisor(divisor: Quantity, *, cpu: bool) -> bool:
    """Zero stands for one."""
    return divisor.milli == 0 or divisor in (_CPU_DIVISORS if cpu else _BYTE_DIVISORS)


def key(path: Path, selector: ConfigMapKeySelector | SecretKeySelector) -> Violations:
    """A key of a ConfigMap or Secret."""
    yield from named((*path, "name"), selector.name, dns_subdomain)
    yield from named((*path, "key"), selector.key, config_key)


def file_key(path: Path, selector: FileKeySelector) -> Violations:
    """A variable of an env file in a volume."""
    yield from named((*path, "volumeName"), selector.volume_name, dns_label)
    yield from named((*path, "path"), selector.path, file_path)
    yield from named((*path, "key"), selector.key, environment_name)


def container(path: Path, selector: ResourceFieldSelector) -> Violations:
    """Outside of a container it must be said whose resource is meant."""
    yield from required((*path, "containerName"), selector.container_name, "name the container whose resource is meant")

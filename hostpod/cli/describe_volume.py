"""The part of `describe pod` that shows one volume. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

JsonObject = Mapping[str, Any]


def volume_lines(volume: JsonObject) -> Iterator[str]:
    """Name, type and what there is to know of the type."""
    yield f"  {volume['name']}:"
    for kind, lines in _KINDS.items():
        if kind in volume:
            yield from lines(volume[kind])
            return
    yield "  <unknown>"


def _host_path(source: JsonObject) -> Iterator[str]:
    yield "    Type:\tHostPath (bare host directory volume)"
    yield f"    Path:\t{source['path']}"
    yield f"    HostPathType:\t{source.get('type', '<none>')}"


def _empty_dir(source: JsonObject) -> Iterator[str]:
    yield "    Type:\tEmptyDir (a temporary directory that shares a pod's lifetime)"
    yield f"    Medium:\t{source.get('medium', '')}"
    yield f"    SizeLimit:\t{source.get('sizeLimit', '<unset>')}"


def _secret(source: JsonObject) -> Iterator[str]:
    yield "    Type:\tSecret (a volume populated by a Secret)"
    yield f"    SecretName:\t{source.get('secretName', '')}"
    yield f"    Optional:\t{_optional(source)}"


def _config_map(source: JsonObject) -> Iterator[str]:
    yield "    Type:\tConfigMap (a volume populated by a ConfigMap)"
    yield f"    Name:\t{source.get('name', '')}"
    yield f"    Optional:\t{_optional(source)}"


def _downward(source: JsonObject) -> Iterator[str]:
    yield "    Type:\tDownwardAPI (a volume populated by information about the pod)"
    yield "    Items:"
    for item in source.get("items", []):
        field = item.get("fieldRef", {}).get("fieldPath") or item.get("resourceFieldRef", {}).get("resource", "")
        yield f"      {field} -> {item['path']}"


def _projected(source: JsonObject) -> Iterator[str]:
    yield "    Type:\tProjected (a volume that contains injected data from multiple sources)"
    for part in source.get("sources", []):
        for kind, title in (("secret", "SecretName"), ("configMap", "ConfigMapName")):
            if kind in part:
                yield f"    {title}:\t{part[kind].get('name', '')}"
                yield f"    Optional:\t{_optional(part[kind])}"
        if "downwardAPI" in part:
            yield "    DownwardAPI:\ttrue"


def _image(source: JsonObject) -> Iterator[str]:
    yield "    Type:\tImage (a container image or OCI artifact)"
    yield f"    Reference:\t{source.get('reference', '')}"
    yield f"    PullPolicy:\t{source.get('pullPolicy', '')}"


def _claim(source: JsonObject) -> Iterator[str]:
    yield "    Type:\tPersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)"
    yield f"    ClaimName:\t{source.get('claimName', '')}"
    yield f"    ReadOnly:\t{_true(source, 'readOnly')}"


def _nfs(source: JsonObject) -> Iterator[str]:
    yield "    Type:\tNFS (an NFS mount that lasts the lifetime of a pod)"
    yield f"    Server:\t{source.get('server', '')}"
    yield f"    Path:\t{source.get('path', '')}"
    yield f"    ReadOnly:\t{_true(source, 'readOnly')}"


def _optional(source: JsonObject) -> str:
    return _true(source, "optional")


def _true(source: JsonObject, key: str) -> str:
    return "true" if source.get(key) else "false"


_KINDS: Final[dict[str, Callable[[JsonObject], Iterator[str]]]] = {
    "hostPath": _host_path,
    "emptyDir": _empty_dir,
    "secret": _secret,
    "configMap": _config_map,
    "downwardAPI": _downward,
    "projected": _projected,
    "image": _image,
    "persistentVolumeClaim": _claim,
    "nfs": _nfs,
}

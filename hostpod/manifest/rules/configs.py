"""Rules for ConfigMaps and Secrets. No message shows anything of what they hold.

The sources are ValidateConfigMap and ValidateSecret of k8s.io/kubernetes/pkg/apis/core/validation.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from hostpod.kube import ConfigMap, Secret
from hostpod.kube.config import decoded
from hostpod.manifest.rules.formats import config_key
from hostpod.manifest.rules.metadata import object_metadata
from hostpod.manifest.rules.violation import Path, Violation, Violations, formatted

MOST_BYTES = 1024 * 1024
OPAQUE = "Opaque"
SERVICE_ACCOUNT = "kubernetes.io/service-account.name"
_NEEDED_KEYS: Mapping[str, tuple[str, ...]] = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
_JSON_TYPES = ("kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson")


def validate_config_map(value: ConfigMap) -> tuple[Violation, ...]:
    """Every rule of Kubernetes that a ConfigMap breaks."""
    return tuple(_config_map(value))


def validate_secret(value: Secret) -> tuple[Violation, ...]:
    """Every rule of Kubernetes that a Secret breaks."""
    return tuple(_secret(value))


def _config_map(value: ConfigMap) -> Violations:
    yield from object_metadata(("metadata",), value.metadata, what="a ConfigMap")
    yield from _keys(("data",), value.data)
    yield from _keys(("binaryData",), value.binary_data)
    yield from _encoded(("binaryData",), value.binary_data, "write plain text in data")
    for key in value.binary_data.keys() & value.data.keys():
        yield Violation(path=("binaryData", key), message="is a key of data too, keep one of them")
    texts = [text.encode() for text in value.data.values()]
    yield from _size(("data" if texts else "binaryData",), [*texts, *_values(value.binary_data)])


def _secret(value: Secret) -> Violations:
    yield from object_metadata(("metadata",), value.metadata, what="a Secret")
    yield from _keys(("data",), value.data)
    yield from _keys(("stringData",), value.string_data)
    yield from _encoded(("data",), value.data, "write plain text in stringData")
    held = value.contents()
    yield from _size(("data" if value.data else "stringData",), held.values())
    if not any(decoded(text) is None for text in value.data.values()):
        yield from _type(value, held)


def _keys(path: Path, values: Mapping[str, str]) -> Violations:
    for key in values:
        yield from formatted((*path, key), key, config_key)


def _encoded(path: Path, values: Mapping[str, str], advice: str) -> Violations:
    for key, text in values.items():
        if decoded(text) is None:
            yield Violation(path=(*path, key), message=f"must be base64, {advice}")


def _values(values: Mapping[str, str]) -> list[bytes]:
    return [decoded(text) or b"" for text in values.values()]


def _size(path: Path, values: Iterable[bytes]) -> Violations:
    size_bytes = sum(map(len, values))
    if size_bytes > MOST_BYTES:
        yield Violation(path=path, message=f"holds {size_bytes} bytes in all, at most {MOST_BYTES} are allowed")


def _type(value: Secret, held: Mapping[str, bytes]) -> Violations:
    """What the types that Kubernetes knows must hold."""
    kind = value.type or OPAQUE
    for key in _NEEDED_KEYS.get(kind, ()):
        if key not in held or (kind == "kubernetes.io/ssh-auth" and not held[key]):
            yield Violation(path=("data", key), message=f"is missing, the type {kind} needs it")
        elif kind in _JSON_TYPES and not _is_json_object(held[key]):
            where = "stringData" if key in value.string_data else "data"
            yield Violation(path=(where, key), message=f"must be a JSON object, the type {kind} needs it")
    if kind == "kubernetes.io/basic-auth" and not held.keys() & {"username", "password"}:
        yield Violation(path=("data", "username"), message=f'is missing, the type {kind} needs it or "password"')
    if kind == "kubernetes.io/service-account-token" and not value.metadata.annotations.get(SERVICE_ACCOUNT):
        yield Violation(
            path=("metadata", "annotations", SERVICE_ACCOUNT), message=f"is missing, the type {kind} needs it"
        )


def _is_json_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False

"""What stands beside pods in a manifest: what is wrong with it, and how ConfigMaps and Secrets are kept."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import assert_never

from hostpod.kube import ConfigMap, PersistentVolumeClaim, Secret
from hostpod.manifest.place import Finding
from hostpod.manifest.rules import Violation, validate_claim, validate_config_map, validate_secret
from hostpod.manifest.rules.configs import OPAQUE

ConfigObject = ConfigMap | Secret
OtherObject = ConfigObject | PersistentVolumeClaim

_CONTENTS = ("data", "stringData", "binaryData")


def validate_other(value: OtherObject) -> tuple[Violation, ...]:
    """Every rule of Kubernetes that it breaks."""
    match value:
        case ConfigMap():
            return validate_config_map(value)
        case Secret():
            return validate_secret(value)
        case PersistentVolumeClaim():
            return validate_claim(value)
        case _:
            assert_never(value)


def placed_in_default(value: OtherObject) -> OtherObject:
    """In the namespace `default` where it names none."""
    metadata = value.metadata.model_copy(update={"namespace": value.metadata.namespace or "default"})
    return value.model_copy(update={"metadata": metadata})


def settled(value: ConfigObject) -> ConfigObject:
    """A good one as it is kept: a Secret's stringData goes into its data, and it has a type."""
    update: dict[str, object] = {"api_version": "v1", "kind": type(value).__name__}
    if isinstance(value, Secret):
        data = {key: base64.b64encode(content).decode() for key, content in value.contents().items()}
        update |= {"data": data, "string_data": {}, "type": value.type or OPAQUE}
    return value.model_copy(update=update)


def without_contents(findings: Iterable[Finding]) -> Iterator[Finding]:
    """What is wrong with the structure, without the value that is: it may be secret."""
    for finding in findings:
        shows = len(finding.path) > 1 and finding.path[0] in _CONTENTS and '"' in finding.message
        yield finding._replace(message="must be a string, put it in quotes") if shows else finding

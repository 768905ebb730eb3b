"""ConfigMaps and Secrets of a manifest: what is wrong with them, and the form in which they are kept."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

from hostpod.kube import ConfigMap, Secret
from hostpod.manifest.place import Finding
from hostpod.manifest.rules import Violation, validate_config_map, validate_secret
from hostpod.manifest.rules.configs import OPAQUE

ConfigObject = ConfigMap | Secret

_CONTENTS = ("data", "stringData", "binaryData")


def validate_config(value: ConfigObject) -> tuple[Violation, ...]:
    """Every rule of Kubernetes that it breaks."""
    return validate_config_map(value) if isinstance(value, ConfigMap) else validate_secret(value)


def placed_in_default(value: ConfigObject) -> ConfigObject:
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

"""Which events a person asks for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hostpod.cli.failure import Failure
from hostpod.server.names import resolve_pod_name

JsonObject = Mapping[str, Any]

_KINDS = {
    "Pod": ("pod", "pods", "po"),
    "Node": ("node", "nodes", "no"),
    "File": ("file", "files", "manifest", "manifests"),
}
_TYPES = ("Normal", "Warning")


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedEvents:
    """What was asked for. Without a namespace, a kind or types, all of them."""

    namespace: str | None
    kind: str = ""
    name: str = ""
    types: frozenset[str] = frozenset()

    def has(self, event: JsonObject, *, node_name: str) -> bool:
        """Whether an event is one of those. `node_name` is the suffix that a pod's name may be written without."""
        about = event.get("involvedObject", {})
        if self.namespace not in {None, about.get("namespace", "default")}:
            return False
        if self.types and event.get("type") not in self.types:
            return False
        return not self.kind or (self.kind == about.get("kind") and self._is_meant(about.get("name", ""), node_name))

    def _is_meant(self, name: str, node_name: str) -> bool:
        if self.kind == "File":
            return self.name in {name, name.rpartition("/")[2]}
        if self.kind == "Pod":
            return resolve_pod_name(self.name, [name], node_name=node_name) is not None
        return self.name == name


def asked_object(text: str) -> tuple[str, str]:
    """Kind and name of `web`, `pod/web`, `node/lab`, `file/web.yaml`; none for nothing. Raises Failure."""
    if not text:
        return "", ""
    word, slash, name = text.partition("/")
    if not slash:
        return "Pod", text
    if not word:
        return "File", text  # a manifest by its path
    kind = next((kind for kind, words in _KINDS.items() if word.lower() in words), None)
    if kind is None:
        raise Failure(f'--for: there are events of a pod, a node and a file here, not of "{word}"')
    return kind, name


def asked_types(text: str) -> frozenset[str]:
    """The types of `normal,Warning`; none for nothing. Raises Failure."""
    asked = [word.strip().capitalize() for word in text.split(",")] if text else []
    for word in asked:
        if word not in _TYPES:
            raise Failure(f'--types: "{word}" is none, write Normal, Warning or both: Normal,Warning')
    return frozenset(asked)

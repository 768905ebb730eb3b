"""Documents to objects: kinds, API versions and lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from hostpod.kube import ConfigMap, PersistentVolumeClaim, Pod, Secret
from hostpod.manifest.place import Finding, Path, one_line
from hostpod.manifest.structure import closest, entry_place
from hostpod.manifest.tree import Node
from hostpod.manifest.typed_scalars import kind_of

Model = type[Pod] | type[ConfigMap] | type[Secret] | type[PersistentVolumeClaim]

KINDS: Mapping[str, Model] = {
    "Pod": Pod,
    "ConfigMap": ConfigMap,
    "Secret": Secret,
    "PersistentVolumeClaim": PersistentVolumeClaim,
}
LISTS: Mapping[str, Model | None] = {"List": None, **{f"{kind}List": model for kind, model in KINDS.items()}}
LIST_FIELDS = ("apiVersion", "kind", "metadata", "items")
TEMPLATED = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Job", "CronJob")
PROVISIONING = ("PersistentVolume", "StorageClass")
_CONTENTS = ("data", "stringData", "binaryData")


class ObjectNode(NamedTuple):
    """An object as it stands in a document, what it is, and the way to it in a list."""

    node: Node
    path: Path
    model: Model


def objects_of(document: Node) -> Iterator[ObjectNode | Finding]:
    """The objects of a document, and what is wrong with how they are wrapped."""
    if document.value is None:
        return
    kind = _text(document, "kind")
    if kind in LISTS:
        yield from _version(document, ())
        yield from _list(document, typed=LISTS[kind])
    else:
        yield from _single(document, (), typed=None)


def _list(document: Node, *, typed: Model | None) -> Iterator[ObjectNode | Finding]:
    for key, place in document.keys.items():
        if key not in LIST_FIELDS:
            yield Finding(place, (key,), "unknown field of a list, remove it")
    items = document.mapping().get("items")
    if items is None or items.value is None:
        return
    if not isinstance(items.value, list):
        yield Finding(entry_place(document, "items"), ("items",), f"must be a list of pods, not {kind_of(items)}")
    for index, item in enumerate(items.sequence()):
        yield from _single(item, ("items", index), typed=typed)


def _single(node: Node, path: Path, *, typed: Model | None) -> Iterator[ObjectNode | Finding]:
    """One object; `typed` is what the list around it says that it is."""
    if not isinstance(node.value, dict):
        yield Finding(node.place, path, f"must be a pod with apiVersion, kind, metadata and spec, not {kind_of(node)}")
        return
    model = typed
    if model is None or "kind" in node.keys:
        findings, model = _kind(node, path)
        yield from findings
    if model is None:
        return
    if typed is None or "apiVersion" in node.keys:
        yield from _version(node, path)
    yield ObjectNode(node, path, model)


def _kind(node: Node, path: Path) -> tuple[list[Finding], Model | None]:
    """What is wrong with the kind, and what it is worth to go on as with."""
    kind = _text(node, "kind")
    at = (*path, "kind")
    if kind in KINDS:
        return [], KINDS[kind]
    if "kind" not in node.keys or node.mapping()["kind"].value is None:
        return _kindless(node, at)
    place, shown = entry_place(node, "kind"), one_line(kind)
    if kind in TEMPLATED:
        advice = "write its template as a Pod"
        return [Finding(place, at, f"{kind} is not accepted, hostpod runs Pods of v1: {advice}")], None
    if kind in PROVISIONING:
        advice = "every claim is a directory of this host: remove it"
        return [Finding(place, at, f"{kind} is not accepted, {advice}")], None
    close = closest(kind, KINDS)
    if close is not None:
        return [Finding(place, at, f'"{shown}" is not accepted, did you mean "{close}"?')], KINDS[close]
    advice = "write a Pod, a ConfigMap or a Secret, or a List of them, of v1"
    return [Finding(place, at, f'"{shown}" is not accepted, {advice}')], None


def _kindless(node: Node, at: Path) -> tuple[list[Finding], Model | None]:
    if any(key in node.keys for key in _CONTENTS):
        return [Finding(node.place, at, "is missing, write kind: ConfigMap or kind: Secret")], None
    is_pod = "spec" in node.keys or "metadata" in node.keys
    return [Finding(node.place, at, "is missing, write kind: Pod")], Pod if is_pod else None


def _version(node: Node, path: Path) -> Iterator[Finding]:
    at = (*path, "apiVersion")
    if "apiVersion" not in node.keys or node.mapping()["apiVersion"].value is None:
        yield Finding(node.place, at, "is missing, write apiVersion: v1")
    elif _text(node, "apiVersion") != "v1":
        shown = one_line(node.mapping()["apiVersion"].text)
        yield Finding(entry_place(node, "apiVersion"), at, f'"{shown}" is not accepted, write v1')


def _text(node: Node, key: str) -> str:
    found = node.mapping().get(key)
    return "" if found is None else str(found.value) if not isinstance(found.value, list | dict) else ""

"""Documents to pods: kinds, API versions and lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from hostpod.manifest.place import Finding, Path, one_line
from hostpod.manifest.structure import closest, entry_place
from hostpod.manifest.tree import Node
from hostpod.manifest.typed_scalars import kind_of

LISTS = ("List", "PodList")
LIST_FIELDS = ("apiVersion", "kind", "metadata", "items")
LATER = ("ConfigMap", "Secret")
TEMPLATED = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Job", "CronJob")


class PodNode(NamedTuple):
    """A pod as it stands in a document, and the way to it in a list."""

    node: Node
    path: Path


def pods_of(document: Node) -> Iterator[PodNode | Finding]:
    """The pods of a document, and what is wrong with how they are wrapped."""
    if document.value is None:
        return
    kind = _text(document, "kind")
    if kind in LISTS:
        yield from _version(document, ())
        yield from _list(document, typed=kind == "PodList")
    else:
        yield from _single(document, (), typed=False)


def _list(document: Node, *, typed: bool) -> Iterator[PodNode | Finding]:
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


def _single(node: Node, path: Path, *, typed: bool) -> Iterator[PodNode | Finding]:
    """One object; `typed` when the list around it says that it is a pod."""
    if not isinstance(node.value, dict):
        yield Finding(node.place, path, f"must be a pod with apiVersion, kind, metadata and spec, not {kind_of(node)}")
        return
    if not (typed and "kind" not in node.keys):
        findings, is_pod = _kind(node, path)
        yield from findings
        if not is_pod:
            return
    if not (typed and "apiVersion" not in node.keys):
        yield from _version(node, path)
    yield PodNode(node, path)


def _kind(node: Node, path: Path) -> tuple[list[Finding], bool]:
    """What is wrong with the kind, and whether it is worth going on as with a pod."""
    kind = _text(node, "kind")
    at = (*path, "kind")
    if kind == "Pod":
        return [], True
    if "kind" not in node.keys or node.mapping()["kind"].value is None:
        return [Finding(node.place, at, "is missing, write kind: Pod")], "spec" in node.keys or "metadata" in node.keys
    place, shown = entry_place(node, "kind"), one_line(kind)
    if kind in LATER:
        return [Finding(place, at, f"{kind} is not supported by this version of hostpod, remove this document")], False
    if kind in TEMPLATED:
        advice = "write its template as a Pod"
        return [Finding(place, at, f"{kind} is not accepted, hostpod runs Pods of v1: {advice}")], False
    if closest(kind, {"Pod": None}) is not None:
        return [Finding(place, at, f'"{shown}" is not accepted, did you mean "Pod"?')], True
    return [Finding(place, at, f'"{shown}" is not accepted, write a Pod, or a List of Pods, of v1')], False


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

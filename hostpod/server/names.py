"""Which pod and which container a person means. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

JsonObject = Mapping[str, Any]

_CONTAINER_LISTS = (("containers", ""), ("initContainers", " (init)"), ("ephemeralContainers", " (ephem)"))
DEFAULT_CONTAINER_ANNOTATION = "kubectl.kubernetes.io/default-container"


def resolve_pod_name(name: str, existing: Iterable[str], *, node_name: str) -> str | None:
    """The full name of a pod that is written with or without the node suffix; None when there is no such pod.

    Where both `web` and `web-NODE` exist, `web` means the one that is called so, as for kubectl: each of the two can
    still be named.
    """
    known = set(existing)
    return next((full for full in (name, f"{name}-{node_name}") if full in known), None)


def find_pod(pods: Iterable[JsonObject], *, namespace: str, name: str, node_name: str) -> JsonObject | None:
    """The pod of a namespace that a name means."""
    by_name = {pod["metadata"]["name"]: pod for pod in pods if pod["metadata"].get("namespace") == namespace}
    full = resolve_pod_name(name, by_name, node_name=node_name)
    return None if full is None else by_name[full]


def pod_not_found(pods: Collection[JsonObject], *, namespace: str, name: str, node_name: str) -> str:
    """kubectl's message, and where a pod of this name is if it is in another namespace."""
    elsewhere = sorted(
        other
        for other in {str(pod["metadata"].get("namespace")) for pod in pods} - {namespace}
        if find_pod(pods, namespace=other, name=name, node_name=node_name) is not None
    )
    hint = f' in namespace "{namespace}"; there is one in "{elsewhere[0]}" (-n {elsewhere[0]})' if elsewhere else ""
    return f'pods "{name}" not found{hint}'


def container_names(pod: JsonObject) -> Iterator[tuple[str, str]]:
    """(name, name as shown) of every container, the pod's own first."""
    for key, mark in _CONTAINER_LISTS:
        for container in pod["spec"].get(key, ()):
            yield container["name"], container["name"] + mark


def default_container(pod: JsonObject) -> tuple[str, str]:
    """(the container that is meant where none is named, what to tell about this choice or nothing)."""
    shown = list(container_names(pod))
    chosen = pod["metadata"].get("annotations", {}).get(DEFAULT_CONTAINER_ANNOTATION)
    if chosen in dict(shown):
        return chosen, ""
    first = shown[0][0]
    if len(shown) == 1:
        return first, ""
    return first, f'Defaulted container "{first}" out of: {", ".join(name for _, name in shown)}'


def container_problem(pod: JsonObject, container: str) -> str:
    """Why a pod has no such container; empty when it has it."""
    if any(name == container for name, _ in container_names(pod)):
        return ""
    return f"container {container} is not valid for pod {pod['metadata']['name']}"

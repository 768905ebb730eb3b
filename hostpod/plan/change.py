"""What a changed manifest means for the pod that runs: nothing, a change in place, or another pod. Pure.

In place changes what Kubernetes lets an update of a pod change: labels, annotations, images, cpu and memory of
containers, activeDeadlineSeconds. Anything else is another pod; also what a pod says of cpu and memory as a whole, and
what its containers say beside that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from hostpod.kube import Container, Pod, ResourceRequirements, to_json
from hostpod.kube.annotations import CONFIG_HASH, CONFIG_SEEN, CONFIG_SOURCE
from hostpod.kube.confinement import APPARMOR_ANNOTATION
from hostpod.kube.pod_resources import has_whole, qos_class

ChangeKind = Literal["none", "in place", "replace"]

_MARKS = frozenset({CONFIG_HASH, CONFIG_SEEN, CONFIG_SOURCE})
_COMPUTE = frozenset({"cpu", "memory"})
_IN_PLACE = re.compile(
    r"metadata\.(labels|annotations)(\..+)?"
    r"|spec\.(activeDeadlineSeconds|tolerations.*)"
    r"|spec\.(containers|initContainers)\[\d+\]\.image"
)
_RESOURCES = re.compile(r"spec\.(containers|initContainers)\[(\d+)\]\.resources\..+")


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldChange:
    """One field that is another; None where it is not there. `path` as in `spec.containers[0].image`."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """From the pod that runs to the one that is wished. `because` are the fields that decide of the kind."""

    kind: ChangeKind
    fields: tuple[FieldChange, ...] = ()
    because: tuple[str, ...] = ()


NONE = Change(kind="none")


def change_of(admitted: Pod, desired: Pod, *, finished: bool = False) -> Change:
    """What has to be done. A pod that has `finished` begins anew when its spec changes: nothing of it runs."""
    if _hash(admitted) == _hash(desired) and (_hash(desired) or admitted.uid == desired.uid):
        return NONE
    fields = tuple(_different(content_of(admitted), content_of(desired), ""))
    brings_uid = desired.uid != _hash(desired)
    if brings_uid and desired.uid != admitted.uid:
        return Change(kind="replace", fields=fields, because=("metadata.uid",))
    decisive = tuple(each.path for each in fields if not _is_in_place(each.path, admitted, desired))
    if finished:
        decisive = tuple(each.path for each in fields if each.path.startswith("spec."))
    if decisive:
        return Change(kind="replace", fields=fields, because=decisive)
    return Change(kind="in place", fields=fields, because=tuple(each.path for each in fields))


def updated(admitted: Pod, desired: Pod) -> Pod:
    """The pod that runs as it is wished, and still the same one: its uid stays."""
    metadata = desired.metadata.model_copy(update={"uid": admitted.metadata.uid})
    return desired.model_copy(update={"metadata": metadata})


def resources_of(container: Container) -> str:
    """What a container is given of cpu and memory, as a text that is compared and kept. Empty objects are left out."""
    amounts = to_json(container.resources)
    told = {kind: {name: each for name, each in amounts.get(kind, {}).items() if name in _COMPUTE}
            for kind in ("limits", "requests")}  # fmt: skip
    return json.dumps(told, sort_keys=True)


def resources_in(text: str) -> ResourceRequirements:
    """What `resources_of` wrote."""
    return ResourceRequirements.model_validate(json.loads(text))


def restarts_for_resize(container: Container, before: str) -> bool:
    """Whether the container wants a restart for what is different now."""
    now = json.loads(resources_of(container))
    was = json.loads(before)
    changed = {name for name in _COMPUTE for kind in now if now[kind].get(name) != was[kind].get(name)}
    return any(rule.restart_policy == "RestartContainer" for rule in container.resize_policy if
               rule.resource_name in changed)  # fmt: skip


def content_of(pod: Pod) -> dict[str, Any]:
    """What the manifest says, without the marks of its source and what is the same for all pods of a name."""
    told = to_json(pod)
    metadata = told["metadata"]
    annotations = {name: each for name, each in metadata.get("annotations", {}).items() if name not in _MARKS}
    return {"metadata": {"labels": metadata.get("labels", {}), "annotations": annotations}, "spec": told["spec"]}


def _hash(pod: Pod) -> str | None:
    """The mark that the source puts on each version of a manifest."""
    return pod.metadata.annotations.get(CONFIG_HASH)


def _different(before: Any, after: Any, path: str) -> Iterator[FieldChange]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            yield from _different(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _different(one, other, f"{path}[{index}]")
    elif before != after:
        yield FieldChange(path=path, before=before, after=after)


def _is_in_place(path: str, admitted: Pod, desired: Pod) -> bool:
    if path.startswith(f"metadata.annotations.{APPARMOR_ANNOTATION}"):
        return False
    if _IN_PLACE.fullmatch(path):
        return True
    found = _RESOURCES.fullmatch(path)
    if not found:
        return False
    containers = (admitted.spec.containers, desired.spec.containers)
    if found[1] == "initContainers":
        containers = (admitted.spec.init_containers, desired.spec.init_containers)
    before, after = (each[int(found[2])] for each in containers)
    wholes = has_whole(admitted.spec) or has_whole(desired.spec)
    return not wholes and qos_class(admitted) == qos_class(desired) and _can_resize(before, after)


def _can_resize(before: Container, after: Container) -> bool:
    """cpu and memory change, and nothing that was asked for or limited is not any more."""
    kinds = ((before.resources.limits, after.resources.limits), (before.resources.requests, after.resources.requests))
    for was, now in kinds:
        if was.keys() - now.keys() or any(was.get(name) != now.get(name) for name in {*was, *now} - _COMPUTE):
            return False
    return before.resources.claims == after.resources.claims

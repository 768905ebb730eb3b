"""Rules for metadata: names, labels, annotations, owners, finalizers."""

from __future__ import annotations

from collections.abc import Mapping

from hostpod.kube import ObjectMeta, OwnerReference
from hostpod.manifest.rules.formats import dns_label, dns_subdomain, label_value, qualified_name
from hostpod.manifest.rules.violation import Path, Violation, Violations, at_least, formatted, named, optional, required

ANNOTATIONS_BYTES = 256 * 1024


def object_metadata(path: Path, metadata: ObjectMeta, *, what: str) -> Violations:
    """All metadata of `what` ("a pod"). It needs a name of its own: nothing generates one."""
    yield from named((*path, "name"), metadata.name, dns_subdomain, f"{what} needs a name")
    yield from named((*path, "namespace"), metadata.namespace, dns_label)
    # It becomes part of directories' and units' names.
    yield from optional((*path, "uid"), metadata.uid, label_value)
    yield from optional((*path, "generateName"), (metadata.generate_name or "").removesuffix("-"), dns_subdomain)
    yield from at_least((*path, "generation"), metadata.generation, 0)
    yield from label_map((*path, "labels"), metadata.labels)
    yield from annotation_map((*path, "annotations"), metadata.annotations)
    for index, owner in enumerate(metadata.owner_references):
        yield from _owner((*path, "ownerReferences", index), owner)
    yield from _one_controller((*path, "ownerReferences"), metadata.owner_references)
    for index, finalizer in enumerate(metadata.finalizers):
        yield from formatted((*path, "finalizers", index), finalizer, qualified_name)


def label_map(path: Path, values: Mapping[str, str]) -> Violations:
    """Keys are qualified names, values are short and plain."""
    for key, value in values.items():
        yield from formatted((*path, key), key, qualified_name)
        yield from formatted((*path, key), value, label_value)


def annotation_map(path: Path, values: Mapping[str, str]) -> Violations:
    """Keys are qualified names in any case of letters; all together they are not larger than 256 KiB."""
    for key in values:
        yield from formatted((*path, key), key.lower(), qualified_name)
    size_bytes = sum(len(key.encode()) + len(value.encode()) for key, value in values.items())
    if size_bytes > ANNOTATIONS_BYTES:
        yield Violation(path=path, message=f"are {size_bytes} bytes in all, at most {ANNOTATIONS_BYTES} are allowed")


def _owner(path: Path, owner: OwnerReference) -> Violations:
    yield from required((*path, "apiVersion"), owner.api_version)
    yield from required((*path, "kind"), owner.kind)
    yield from required((*path, "name"), owner.name)
    yield from required((*path, "uid"), owner.uid)


def _one_controller(path: Path, owners: tuple[OwnerReference, ...]) -> Violations:
    controllers = [index for index, owner in enumerate(owners) if owner.controller]
    for index in controllers[1:]:
        yield Violation(path=(*path, index, "controller"), message="only one owner may be the controller")

"""Rules for the resources of a pod as a whole, beside those of its containers."""

from __future__ import annotations

from hostpod.kube import PodSpec, ResourceRequirements
from hostpod.kube.huge_pages import HUGE_PAGES
from hostpod.kube.pod_resources import NOTHING, container_requests
from hostpod.manifest.rules.resources import (
    POD_RESOURCES,
    amounts,
    container_resource_name,
    requests_and_limits,
)
from hostpod.manifest.rules.violation import Path, Violation, Violations, chosen, quoted


def pod_resources(path: Path, spec: PodSpec) -> Violations:
    """spec.resources and spec.overhead; `path` is that of the spec."""
    yield from amounts((*path, "overhead"), spec.overhead, container_resource_name)
    if spec.resources is None:
        return
    yield from requests_and_limits((*path, "resources"), spec.resources, _pod_resource_name)
    if spec.resources.claims:
        yield Violation(path=(*path, "resources", "claims"), message="must be left away, containers use claims")
    yield from _requests_of_containers((*path, "resources", "requests"), spec, spec.resources)
    yield from _limits_of_containers((*path, "containers"), spec, spec.resources)


def _pod_resource_name(path: Path, name: str) -> Violations:
    if not name.startswith(HUGE_PAGES):
        yield from chosen(path, name, (*POD_RESOURCES, f"{HUGE_PAGES}SIZE"))


def _requests_of_containers(path: Path, spec: PodSpec, whole: ResourceRequirements) -> Violations:
    """A pod's request holds what its containers request together."""
    together = container_requests(spec)
    for name, request in whole.requests.items():
        if together.get(name, NOTHING) > request:
            yield Violation(
                path=(*path, name),
                message=f"{quoted(request)} is less than what the containers request together ({together[name]})",
            )


def _limits_of_containers(path: Path, spec: PodSpec, whole: ResourceRequirements) -> Violations:
    """No container's limit is above the pod's."""
    for index, container in enumerate(spec.containers):
        for name, limit in container.resources.limits.items():
            most = whole.limits.get(name)
            if most is not None and limit > most:
                yield Violation(
                    path=(*path, index, "resources", "limits", name),
                    message=f"{quoted(limit)} is more than the limit of the whole pod ({most})",
                )

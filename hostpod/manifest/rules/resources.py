"""Rules for requests, limits and claims of containers."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from hostpod.kube import ContainerResizePolicy, Quantity, ResourceRequirements
from hostpod.kube.huge_pages import HUGE_PAGES
from hostpod.kube.quantity import NANO
from hostpod.manifest.rules.formats import dns_label, qualified_name
from hostpod.manifest.rules.violation import (
    Path,
    Violation,
    Violations,
    chosen,
    formatted,
    quoted,
    required,
    unique,
)

Amounts = Mapping[str, Quantity]

CONTAINER_RESOURCES = ("cpu", "memory", "ephemeral-storage")
POD_RESOURCES = ("cpu", "memory")
RESIZE_POLICIES = ("NotRequired", "RestartContainer")

_NATIVE_DOMAIN = re.compile(r"(^|\.)kubernetes\.io/")


def container_resources(path: Path, resources: ResourceRequirements, claims: Collection[str]) -> Violations:
    """The resources of one container; `claims` are the names of the pod's resource claims."""
    yield from requests_and_limits(path, resources, container_resource_name)
    yield from _claims((*path, "claims"), resources, claims)


def container_resource_name(path: Path, name: str) -> Violations:
    """cpu, memory, ephemeral-storage, huge pages, or a resource with somebody's domain before it."""
    if name in CONTAINER_RESOURCES or name.startswith(HUGE_PAGES):
        return
    yield from formatted(path, name, qualified_name)
    if "/" not in name or name.startswith("requests."):
        yield Violation(
            path=path,
            message=f"{quoted(name)} is no resource of a container, write cpu, memory, ephemeral-storage, "
            "hugepages-SIZE or a name with a domain, like example.com/name",
        )


def requests_and_limits(
    path: Path, resources: ResourceRequirements, name_rule: Callable[[Path, str], Violations]
) -> Violations:
    """Each amount by itself, requests against limits; `name_rule` says which resources there may be."""
    yield from amounts((*path, "limits"), resources.limits, name_rule)
    yield from amounts((*path, "requests"), resources.requests, name_rule)
    for name, request in resources.requests.items():
        yield from _request_and_limit(path, name, request, resources.limits.get(name))
    yield from _huge_pages(path, {**resources.limits, **resources.requests})


def amounts(path: Path, values: Amounts, name_rule: Callable[[Path, str], Violations]) -> Violations:
    """Amounts of resources: known names, sensible amounts."""
    for name, amount in values.items():
        yield from name_rule((*path, name), name)
        yield from _amount((*path, name), name, amount)


def _amount(path: Path, name: str, amount: Quantity) -> Violations:
    if amount.nano < 0:
        yield Violation(path=path, message=f"{quoted(amount)} is negative, must be 0 or more")
    if _is_extended(name) and amount.nano % NANO:
        yield Violation(path=path, message=f"{quoted(amount)} must be a whole number, {name} cannot be divided")
    if name.startswith(HUGE_PAGES):
        yield from _whole_pages(path, name.removeprefix(HUGE_PAGES), amount)


def _is_extended(name: str) -> bool:
    """A resource that is not Kubernetes' own: whole things, never handed out twice."""
    return "/" in name and not _NATIVE_DOMAIN.search(name)


def _whole_pages(path: Path, size: str, amount: Quantity) -> Violations:
    try:
        page = Quantity.parse(size)
    except ValueError:
        yield Violation(path=path, message=f"{quoted(size)} is no size of a page, write for example hugepages-2Mi")
        return
    if page.nano <= 0 or amount.nano % page.nano:
        yield Violation(path=path, message=f"{quoted(amount)} must be a multiple of the page size {size}")


def _request_and_limit(path: Path, name: str, request: Quantity, limit: Quantity | None) -> Violations:
    divisible = not _is_extended(name) and not name.startswith(HUGE_PAGES)
    if limit is None:
        if not divisible:
            yield Violation(
                path=(*path, "limits"), message=f"must name {name} too, it cannot be shared: limit = request"
            )
    elif divisible and request > limit:
        yield Violation(
            path=(*path, "requests", name), message=f"{quoted(request)} is more than the limit {quoted(limit)}"
        )
    elif not divisible and request != limit:
        yield Violation(
            path=(*path, "requests", name), message=f"{quoted(request)} must be the same as the limit {quoted(limit)}"
        )


def _huge_pages(path: Path, values: Amounts) -> Violations:
    if any(name.startswith(HUGE_PAGES) for name in values) and not {"cpu", "memory"} & values.keys():
        yield Violation(path=path, message="huge pages need cpu or memory beside them")


def _claims(path: Path, resources: ResourceRequirements, known: Collection[str]) -> Violations:
    for index, claim in enumerate(resources.claims):
        yield from required((*path, index, "name"), claim.name, "name one of spec.resourceClaims")
        if claim.name and claim.name not in known:
            yield Violation(path=(*path, index, "name"), message=f"{quoted(claim.name)} is not in spec.resourceClaims")
        if claim.request:
            yield from formatted((*path, index, "request"), claim.request, dns_label)
    whole = {claim.name for claim in resources.claims if not claim.request}
    named = (
        ((*path, index), (claim.name, None if claim.name in whole else claim.request))
        for index, claim in enumerate(resources.claims)
    )
    yield from unique(named, "is claimed by this container already")


def resize_policies(path: Path, policies: tuple[ContainerResizePolicy, ...], *, never_restarted: bool) -> Violations:
    """What happens when cpu or memory change; a container that is never restarted cannot ask for a restart."""
    for index, policy in enumerate(policies):
        yield from chosen((*path, index, "resourceName"), policy.resource_name, POD_RESOURCES)
        yield from chosen((*path, index, "restartPolicy"), policy.restart_policy, RESIZE_POLICIES)
        if never_restarted and policy.restart_policy == "RestartContainer":
            yield Violation(
                path=(*path, index, "restartPolicy"), message='must be "NotRequired", this container is never restarted'
            )
    resources = (((*path, index), policy.resource_name) for index, policy in enumerate(policies))
    yield from unique(resources, "{} has a policy already")

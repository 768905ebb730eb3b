"""What the containers of a pod ask for and may have, together, counted as Kubernetes counts it.

The rules are those of k8s.io/component-helpers/resource: what counts is the moment at which most is needed. Sidecars go
on beside whatever follows them; any other init container runs beside the sidecars before it, and alone. What the pod
says as a whole (spec.resources) counts instead of that, resource by resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Literal

from hostpod.kube.container import Container
from hostpod.kube.pod import Pod, PodSpec
from hostpod.kube.quantity import Quantity
from hostpod.kube.resources import ResourceRequirements

QosClass = Literal["Guaranteed", "Burstable", "BestEffort"]
Amounts = Mapping[str, Quantity]

NOTHING = Quantity(nano=0)
_SILENT = ResourceRequirements()

COMPUTE = ("cpu", "memory")


def pod_requests(pod: Pod) -> dict[str, Quantity]:
    """What a pod requests, by resource; one that nobody names is left out."""
    return {**container_requests(pod.spec), **whole(pod.spec).requests}


def whole(spec: PodSpec) -> ResourceRequirements:
    """What the pod says as a whole; nothing where it says nothing."""
    return spec.resources or _SILENT


def has_whole(spec: PodSpec) -> bool:
    """Whether the pod says anything as a whole."""
    return bool(whole(spec).requests or whole(spec).limits)


def container_requests(spec: PodSpec) -> dict[str, Quantity]:
    """What the containers of a pod request together, by resource."""
    return _together(spec, lambda container: container.resources.requests)


def container_limits(spec: PodSpec) -> dict[str, Quantity]:
    """What those containers that have a limit may have together, by resource: as the kubelet adds it up, others may
    have more."""
    return _together(spec, lambda container: container.resources.limits)


def _together(spec: PodSpec, amounts: Callable[[Container], Amounts]) -> dict[str, Quantity]:
    named = dict.fromkeys(chain.from_iterable(map(amounts, (*spec.init_containers, *spec.containers))))
    return {name: _most(spec, _amount_of(name, amounts)) for name in named}


def _amount_of(name: str, amounts: Callable[[Container], Amounts]) -> Callable[[Container], Quantity]:
    return lambda container: amounts(container).get(name, NOTHING)


def pod_limit(pod: Pod, name: str) -> Quantity | None:
    """The most that a pod may have of a resource at a time: its own limit, else the sum of its containers'.

    None where it has none and one of the containers has none.
    """
    own = whole(pod.spec).limits.get(name, NOTHING)
    if own.nano > 0:
        return own
    containers = (*pod.spec.init_containers, *pod.spec.containers)
    if any(container.resources.limits.get(name, NOTHING).nano == 0 for container in containers):
        return None
    return _most(pod.spec, lambda container: container.resources.limits[name])


def limit_of(pod: Pod, container: Container, name: str) -> Quantity | None:
    """The limit of one container: its own, else the pod's; None where neither has one."""
    for amounts in (container.resources.limits, whole(pod.spec).limits):
        if amounts.get(name, NOTHING).nano > 0:
            return amounts[name]
    return None


def _most(spec: PodSpec, amount: Callable[[Container], Quantity]) -> Quantity:
    """The moment at which most is needed."""
    beside, most = NOTHING, NOTHING
    for container in spec.init_containers:
        most = max(most, beside + amount(container))
        if is_sidecar(container):
            beside += amount(container)
    return max(most, sum(map(amount, spec.containers), beside))


def is_sidecar(container: Container) -> bool:
    """Whether an init container goes on beside those that follow it. Of init containers only."""
    return container.restart_policy == "Always"


def qos_class(pod: Pod) -> QosClass:
    """Guaranteed: every container limits cpu and memory and asks for just that much. BestEffort: none says a thing.

    Where the pod says something as a whole, that alone counts.
    """
    containers = (*pod.spec.init_containers, *pod.spec.containers)
    counted = [whole(pod.spec)] if has_whole(pod.spec) else [container.resources for container in containers]
    if not any(_compute(amounts) for each in counted for amounts in (each.requests, each.limits)):
        return "BestEffort"
    return "Guaranteed" if all(map(_is_guaranteed, counted)) else "Burstable"


def _is_guaranteed(resources: ResourceRequirements) -> bool:
    limits, requests = _compute(resources.limits), _compute(resources.requests)
    return len(limits) == len(COMPUTE) and all(requests.get(name, limit) == limit for name, limit in limits.items())


def _compute(amounts: Amounts) -> dict[str, Quantity]:
    """cpu and memory, zero left out: asking for nothing is not asking."""
    return {name: amounts[name] for name in COMPUTE if name in amounts and amounts[name].nano > 0}


def is_extended(name: str) -> bool:
    """Whether a resource is not Kubernetes' own: whole things, never handed out twice."""
    return "/" in name

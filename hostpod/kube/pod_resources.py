"""What the containers of a pod ask for and may have, together, counted as Kubernetes counts it.

The rules are those of k8s.io/component-helpers/resource: what counts is the moment at which most is needed. Sidecars go
on beside whatever follows them; any other init container runs beside the sidecars before it, and alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Literal

from hostpod.kube.container import Container
from hostpod.kube.pod import Pod, PodSpec
from hostpod.kube.quantity import Quantity

QosClass = Literal["Guaranteed", "Burstable", "BestEffort"]
Amounts = Mapping[str, Quantity]

NOTHING = Quantity(nano=0)

_COMPUTE = ("cpu", "memory")


def pod_requests(pod: Pod) -> dict[str, Quantity]:
    """What a pod requests, by resource; one that no container names is left out."""
    containers = (*pod.spec.init_containers, *pod.spec.containers)
    named = dict.fromkeys(chain.from_iterable(container.resources.requests for container in containers))
    return {name: _most(pod.spec, _request_of(name)) for name in named}


def _request_of(name: str) -> Callable[[Container], Quantity]:
    return lambda container: container.resources.requests.get(name, NOTHING)


def pod_limit(pod: Pod, name: str) -> Quantity | None:
    """The most that all containers may have of a resource at a time; None where one of them has no limit."""
    containers = (*pod.spec.init_containers, *pod.spec.containers)
    if any(container.resources.limits.get(name, NOTHING).nano == 0 for container in containers):
        return None
    return _most(pod.spec, lambda container: container.resources.limits[name])


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
    """Guaranteed: every container limits cpu and memory and asks for just that much. BestEffort: none says a thing."""
    containers = (*pod.spec.init_containers, *pod.spec.containers)
    said = [_compute(amounts) for c in containers for amounts in (c.resources.requests, c.resources.limits)]
    if not any(said):
        return "BestEffort"
    guaranteed = all(_is_guaranteed(container) for container in containers)
    return "Guaranteed" if guaranteed else "Burstable"


def _is_guaranteed(container: Container) -> bool:
    limits, requests = _compute(container.resources.limits), _compute(container.resources.requests)
    return len(limits) == len(_COMPUTE) and all(requests.get(name, limit) == limit for name, limit in limits.items())


def _compute(amounts: Amounts) -> dict[str, Quantity]:
    """cpu and memory, zero left out: asking for nothing is not asking."""
    return {name: amounts[name] for name in _COMPUTE if name in amounts and amounts[name].nano > 0}

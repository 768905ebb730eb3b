"""What a pod is told of itself: fieldRef and resourceFieldRef, in variables and in files.

The sources are pkg/fieldpath and pkg/api/v1/resource of k8s.io/kubernetes. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hostpod.kube.container import Container
from hostpod.kube.env import ResourceFieldSelector
from hostpod.kube.pod import Pod
from hostpod.kube.quantity import NANO, Quantity

_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.*)'\]")
_ONE = Quantity(nano=NANO)

# Go's escapes for letters that would not be seen in a text between quotes.
_ESCAPES = {"\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v", "\\": "\\", '"': '"'}


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningFacts:
    """What is known of a pod only where it runs. `allocatable` is what this host has for pods, by resource."""

    pod_ips: tuple[str, ...] = ()
    host_ips: tuple[str, ...] = ()
    allocatable: Mapping[str, Quantity] = field(default_factory=dict)


def field_value(pod: Pod, path: str, facts: RunningFacts) -> str:
    """The value of a field of the pod; a label or annotation that is not there is empty."""
    if subscript := _SUBSCRIPT.fullmatch(path):
        return _map_of(pod, subscript[1]).get(subscript[2], "")
    return _FIELDS[path](pod, facts)


def resource_value(container: Container, selector: ResourceFieldSelector, facts: RunningFacts) -> str:
    """A limit or request in whole divisors, rounded up. Without a limit it is what the host has for all pods."""
    kind, _, name = selector.resource.partition(".")
    amounts = container.resources.requests if kind == "requests" else container.resources.limits
    amount = amounts.get(name)
    if kind == "limits" and (amount is None or amount.nano == 0):
        amount = facts.allocatable.get(name)
    divisor = selector.divisor if selector.divisor and selector.divisor.nano else _ONE
    if amount is None:
        return "0"
    by = (amount.milli, divisor.milli) if name == "cpu" else (amount.value, divisor.value)
    return str(-(-by[0] // by[1]))


def _map_of(pod: Pod, name: str) -> Mapping[str, str]:
    return pod.metadata.labels if name == "labels" else pod.metadata.annotations


def _first(addresses: tuple[str, ...]) -> str:
    return next(iter(addresses), "")


def _lines(values: Mapping[str, str]) -> str:
    return "\n".join(f"{key}={_quoted(values[key])}" for key in sorted(values))


def _quoted(text: str) -> str:
    return '"' + "".join(map(_letter, text)) + '"'


def _letter(letter: str) -> str:
    if letter in _ESCAPES:
        return f"\\{_ESCAPES[letter]}"
    if letter.isprintable():
        return letter
    number = ord(letter)
    width, mark = (2, "x") if number < 0x80 else (4, "u") if number < 0x10000 else (8, "U")
    return f"\\{mark}{number:0{width}x}"


_FIELDS: Mapping[str, Callable[[Pod, RunningFacts], str]] = {
    "metadata.name": lambda pod, _: pod.name,
    "metadata.namespace": lambda pod, _: pod.namespace,
    "metadata.uid": lambda pod, _: pod.uid,
    "metadata.labels": lambda pod, _: _lines(pod.metadata.labels),
    "metadata.annotations": lambda pod, _: _lines(pod.metadata.annotations),
    "spec.nodeName": lambda pod, _: pod.spec.node_name or "",
    "spec.serviceAccountName": lambda pod, _: pod.spec.service_account_name or pod.spec.service_account or "",
    "status.hostIP": lambda _, facts: _first(facts.host_ips),
    "status.hostIPs": lambda _, facts: ",".join(facts.host_ips),
    "status.podIP": lambda _, facts: _first(facts.pod_ips),
    "status.podIPs": lambda _, facts: ",".join(facts.pod_ips),
}

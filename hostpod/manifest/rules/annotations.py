"""Rules for the annotations that Kubernetes or hostpod reads from a pod."""

from __future__ import annotations

import re

from hostpod.kube import Pod
from hostpod.kube.annotations import (
    AFTER,
    EGRESS_BANDWIDTH,
    INGRESS_BANDWIDTH,
    REPLACE,
    REPLACE_DEADLINE,
    WHEN_READY,
)
from hostpod.kube.quantity import Quantity, QuantityError
from hostpod.manifest.rules.formats import dns_label, dns_subdomain
from hostpod.manifest.rules.violation import Violation, Violations, quoted

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"

# What the kubelet takes for bits a second: 1k to 1P.
_BANDWIDTH = range(10**3, 10**15 + 1)

_INT32 = range(-(2**31), 2**31)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,9}")


def known_annotations(pod: Pod) -> Violations:
    """Annotations whose values have a form."""
    cost = pod.metadata.annotations.get(DELETION_COST)
    if cost is not None and not (_INTEGER.fullmatch(cost) and int(cost) in _INT32):
        yield Violation(
            path=("metadata", "annotations", DELETION_COST),
            message=f"{quoted(cost)} must be a whole number of 32 bits, without + and leading zeros",
        )
    yield from _after(pod)
    yield from _replace(pod)
    yield from _bandwidth(pod)


def _after(pod: Pod) -> Violations:
    """Names of pods: `db, other-namespace/cache`."""
    for name in filter(None, (part.strip() for part in pod.metadata.annotations.get(AFTER, "").split(","))):
        *namespaces, pod_name = name.split("/")
        if len(namespaces) > 1 or dns_subdomain(pod_name) or any(map(dns_label, namespaces)):
            yield Violation(
                path=("metadata", "annotations", AFTER),
                message=f"{quoted(name)} is no name of a pod, write NAME or NAMESPACE/NAME, and a comma between two",
            )
        elif pod_name == pod.name and namespaces in ([], [pod.namespace or "default"]):
            yield Violation(path=("metadata", "annotations", AFTER), message="a pod cannot start after itself")


def _replace(pod: Pod) -> Violations:
    """Two versions of one pod are here for a while: what only one can have cannot be theirs."""
    annotations = pod.metadata.annotations
    path = ("metadata", "annotations", REPLACE)
    if annotations.get(REPLACE) not in (None, WHEN_READY):
        yield Violation(path=path, message=f'{quoted(annotations[REPLACE])} is not known, write "{WHEN_READY}"')
    elif REPLACE in annotations and pod.uid:
        yield Violation(path=path, message="two pods cannot have the uid of the manifest: remove it, or the uid")
    elif REPLACE in annotations and any(port.host_port for each in pod.spec.all_containers for port in each.ports):
        message = "the new pod cannot have ports of the host while the old one has them: remove it, or the host ports"
        yield Violation(path=path, message=message)
    deadline = annotations.get(REPLACE_DEADLINE)
    if deadline is not None and not (_INTEGER.fullmatch(deadline) and 0 < int(deadline) in _INT32):
        yield Violation(
            path=("metadata", "annotations", REPLACE_DEADLINE),
            message=f"{quoted(deadline)} must be a whole number of seconds, 1 at least",
        )


def _bandwidth(pod: Pod) -> Violations:
    for name in (INGRESS_BANDWIDTH, EGRESS_BANDWIDTH):
        text = pod.metadata.annotations.get(name)
        message = _wrong_bandwidth(text, on_host=pod.spec.host_network is True) if text is not None else None
        if message:
            yield Violation(path=("metadata", "annotations", name), message=message)


def _wrong_bandwidth(text: str, *, on_host: bool) -> str | None:
    try:
        bits_per_s = Quantity.parse(text).value
    except QuantityError as error:
        return str(error)
    if bits_per_s not in _BANDWIDTH:
        return f"{quoted(text)} must be from 1k to 1P, in bits a second"
    return "not supported with hostNetwork, the host's links are not the pod's: remove it" if on_host else None

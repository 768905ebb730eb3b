"""All rules together, in the order in which a manifest is read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from hostpod.kube import Container, Pod, PodSpec
from hostpod.manifest.rules.annotations import known_annotations
from hostpod.manifest.rules.claims import resource_claims
from hostpod.manifest.rules.containers import containers
from hostpod.manifest.rules.formats import dns_subdomain
from hostpod.manifest.rules.metadata import object_metadata
from hostpod.manifest.rules.names import names
from hostpod.manifest.rules.placement import placement
from hostpod.manifest.rules.pod_resources import pod_resources
from hostpod.manifest.rules.profiles import profile_annotations
from hostpod.manifest.rules.restarts import POLICIES
from hostpod.manifest.rules.security import pod_security
from hostpod.manifest.rules.system import system
from hostpod.manifest.rules.texts import texts
from hostpod.manifest.rules.violation import Path, Violation, Violations, chosen, optional, within
from hostpod.manifest.rules.volumes import volumes

LONGEST_DEADLINE_S = 2**31 - 1
PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")


def validate_pod(pod: Pod) -> tuple[Violation, ...]:
    """Every rule of Kubernetes that the pod breaks. The pod has its defaults; paths are of the pod as written."""
    metadata: Path = ("metadata",)
    spec: Path = ("spec",)
    found = tuple(
        chain(
            object_metadata(metadata, pod.metadata, what="a pod"),
            known_annotations(pod),
            profile_annotations(pod, _all_containers(pod.spec)),
            volumes((*spec, "volumes"), pod),
            containers(spec, pod.spec),
            resource_claims((*spec, "resourceClaims"), pod.spec.resource_claims),
            pod_resources(spec, pod.spec),
            pod_security((*spec, "securityContext"), pod.spec),
            names(spec, pod.spec),
            placement(spec, pod.spec),
            system(spec, pod.spec),
            _times_and_classes(spec, pod.spec),
        )
    )
    told = {violation.path for violation in found}
    return (*found, *(each for each in texts(spec, pod.spec) if each.path not in told))


def _all_containers(spec: PodSpec) -> Iterator[tuple[Path, Container]]:
    for name, group in (("initContainers", spec.init_containers), ("containers", spec.containers)):
        for index, container in enumerate(group):
            yield ("spec", name, index), container


def _times_and_classes(path: Path, spec: PodSpec) -> Violations:
    yield from chosen((*path, "restartPolicy"), spec.restart_policy, POLICIES)
    yield from within((*path, "activeDeadlineSeconds"), spec.active_deadline_seconds, 1, LONGEST_DEADLINE_S)
    yield from chosen((*path, "preemptionPolicy"), spec.preemption_policy, PREEMPTION_POLICIES)
    classes = {
        "nodeName": spec.node_name,
        "serviceAccountName": spec.service_account_name,
        "serviceAccount": None if spec.service_account_name else spec.service_account,
        "priorityClassName": spec.priority_class_name,
        "runtimeClassName": spec.runtime_class_name,
    }
    for name, value in classes.items():
        yield from optional((*path, name), value, dns_subdomain)

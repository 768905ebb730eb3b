"""Rules for where a cluster would place a pod: affinity, tolerations, spreading, gates. Checked as Kubernetes does."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from hostpod.kube import (
    Affinity,
    LabelSelector,
    NodeAffinity,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    PodSpec,
    Toleration,
    TopologySpreadConstraint,
)
from hostpod.manifest.rules.formats import dns_label, label_value, qualified_name
from hostpod.manifest.rules.metadata import label_map
from hostpod.manifest.rules.selectors import label_selector, node_selector_term
from hostpod.manifest.rules.violation import (
    Path,
    Violation,
    Violations,
    at_least,
    chosen,
    formatted,
    named,
    optional,
    quoted,
    required,
    unique,
    within,
)

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
OPERATORS = ("Equal", "Exists")
UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")
NODE_POLICIES = ("Honor", "Ignore")
HEAVIEST = 100

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def placement(path: Path, spec: PodSpec) -> Violations:
    """Everything a scheduler would read."""
    yield from label_map((*path, "nodeSelector"), spec.node_selector)
    yield from _affinity((*path, "affinity"), spec.affinity)
    for index, toleration in enumerate(spec.tolerations):
        yield from _toleration((*path, "tolerations", index), toleration)
    yield from _spreading((*path, "topologySpreadConstraints"), spec.topology_spread_constraints)
    for index, gate in enumerate(spec.readiness_gates):
        yield from formatted((*path, "readinessGates", index, "conditionType"), gate.condition_type, qualified_name)
    if spec.scheduling_gates:
        yield Violation(
            path=(*path, "schedulingGates"), message="must be left away, a pod of a manifest is on its node already"
        )


def _affinity(path: Path, affinity: Affinity | None) -> Violations:
    if affinity is None:
        return
    if affinity.node_affinity is not None:
        yield from _node_affinity((*path, "nodeAffinity"), affinity.node_affinity)
    if affinity.pod_affinity is not None:
        yield from _pod_affinity((*path, "podAffinity"), affinity.pod_affinity)
    if affinity.pod_anti_affinity is not None:
        yield from _pod_affinity((*path, "podAntiAffinity"), affinity.pod_anti_affinity)


def _node_affinity(path: Path, affinity: NodeAffinity) -> Violations:
    demanded = affinity.required_during_scheduling_ignored_during_execution
    if demanded is not None:
        terms_path = (*path, _REQUIRED, "nodeSelectorTerms")
        yield from required(terms_path, demanded.node_selector_terms, "write one term at least")
        for index, term in enumerate(demanded.node_selector_terms):
            yield from node_selector_term((*terms_path, index), term, strict_values=True)
    for index, wish in enumerate(affinity.preferred_during_scheduling_ignored_during_execution):
        yield from within((*path, _PREFERRED, index, "weight"), wish.weight, 1, HEAVIEST)
        yield from node_selector_term((*path, _PREFERRED, index, "preference"), wish.preference, strict_values=False)


def _pod_affinity(path: Path, affinity: PodAffinity | PodAntiAffinity) -> Violations:
    for index, term in enumerate(affinity.required_during_scheduling_ignored_during_execution):
        yield from _pod_term((*path, _REQUIRED, index), term)
    for index, wish in enumerate(affinity.preferred_during_scheduling_ignored_during_execution):
        yield from within((*path, _PREFERRED, index, "weight"), wish.weight, 1, HEAVIEST)
        yield from _pod_term((*path, _PREFERRED, index, "podAffinityTerm"), wish.pod_affinity_term)


def _pod_term(path: Path, term: PodAffinityTerm) -> Violations:
    yield from named((*path, "topologyKey"), term.topology_key, qualified_name, "name a label of nodes")
    yield from label_selector((*path, "labelSelector"), term.label_selector)
    yield from label_selector((*path, "namespaceSelector"), term.namespace_selector)
    for index, namespace in enumerate(term.namespaces):
        yield from formatted((*path, "namespaces", index), namespace, dns_label)
    for name, keys in (("matchLabelKeys", term.match_label_keys), ("mismatchLabelKeys", term.mismatch_label_keys)):
        yield from _label_keys((*path, name), keys, term.label_selector)
    for index, key in enumerate(term.match_label_keys):
        yield from _matched_once((*path, "matchLabelKeys", index), key, term)


def _matched_once(path: Path, key: str, term: PodAffinityTerm) -> Violations:
    if key in term.mismatch_label_keys:
        yield Violation(path=path, message=f"{quoted(key)} is in mismatchLabelKeys too, drop one of them")
    if len(_operators(term.label_selector, key)) > 1:
        yield Violation(path=path, message=f"{quoted(key)} is in labelSelector too, drop one of them")


def _label_keys(path: Path, keys: Collection[str], selector: LabelSelector | None) -> Violations:
    if keys and selector is None:
        yield Violation(path=path, message="needs labelSelector beside it")
    for index, key in enumerate(keys):
        yield from formatted((*path, index), key, qualified_name)


def _operators(selector: LabelSelector | None, key: str) -> tuple[str, ...]:
    """How a selector looks at a label: an operator for each time that it does."""
    if selector is None:
        return ()
    named_once = ("In",) if key in selector.match_labels else ()
    return named_once + tuple(one.operator for one in selector.match_expressions if one.key == key)


def _toleration(path: Path, toleration: Toleration) -> Violations:
    if toleration.key:
        yield from formatted((*path, "key"), toleration.key, qualified_name)
    elif toleration.operator != "Exists":
        yield Violation(
            path=(*path, "operator"), message='must be "Exists" where there is no key: it bears every taint'
        )
    yield from chosen((*path, "operator"), toleration.operator or None, OPERATORS)
    if toleration.operator == "Exists" and toleration.value:
        yield Violation(path=(*path, "value"), message='must be left away, operator "Exists" looks at no value')
    yield from optional((*path, "value"), toleration.value, label_value)
    yield from chosen((*path, "effect"), toleration.effect or None, EFFECTS)
    if toleration.toleration_seconds is not None and toleration.effect != "NoExecute":
        yield Violation(path=(*path, "effect"), message='must be "NoExecute" where tolerationSeconds is set')


def _spreading(path: Path, constraints: tuple[TopologySpreadConstraint, ...]) -> Violations:
    for index, constraint in enumerate(constraints):
        yield from _spread((*path, index), constraint)
        yield from _spread_keys((*path, index, "matchLabelKeys"), constraint)
    yield from unique(_pairs(path, constraints), "has the topologyKey and whenUnsatisfiable of another constraint")


def _pairs(path: Path, constraints: tuple[TopologySpreadConstraint, ...]) -> Iterator[tuple[Path, tuple[str, str]]]:
    for index, constraint in enumerate(constraints):
        yield (*path, index), (constraint.topology_key, constraint.when_unsatisfiable)


def _spread(path: Path, constraint: TopologySpreadConstraint) -> Violations:
    yield from at_least((*path, "maxSkew"), constraint.max_skew, 1)
    yield from named((*path, "topologyKey"), constraint.topology_key, qualified_name, "name a label of nodes")
    yield from chosen((*path, "whenUnsatisfiable"), constraint.when_unsatisfiable, UNSATISFIABLE)
    yield from at_least((*path, "minDomains"), constraint.min_domains, 1)
    if constraint.min_domains is not None and constraint.when_unsatisfiable != "DoNotSchedule":
        yield Violation(path=(*path, "minDomains"), message="needs whenUnsatisfiable: DoNotSchedule")
    yield from chosen((*path, "nodeAffinityPolicy"), constraint.node_affinity_policy, NODE_POLICIES)
    yield from chosen((*path, "nodeTaintsPolicy"), constraint.node_taints_policy, NODE_POLICIES)
    yield from label_selector((*path, "labelSelector"), constraint.label_selector)


def _spread_keys(path: Path, constraint: TopologySpreadConstraint) -> Violations:
    yield from _label_keys(path, constraint.match_label_keys, constraint.label_selector)
    for index, key in enumerate(constraint.match_label_keys):
        if _operators(constraint.label_selector, key):
            yield Violation(path=(*path, index), message=f"{quoted(key)} is in labelSelector too, drop one of them")

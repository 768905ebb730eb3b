"""Rules for label selectors and node selectors."""

from __future__ import annotations

from collections.abc import Sequence

from hostpod.kube import LabelSelector, LabelSelectorRequirement, NodeSelectorRequirement, NodeSelectorTerm
from hostpod.manifest.rules.formats import dns_subdomain, label_value, qualified_name
from hostpod.manifest.rules.metadata import label_map
from hostpod.manifest.rules.violation import Path, Violation, Violations, chosen, forbidden, formatted, required

LISTING = ("In", "NotIn")
TESTING = ("Exists", "DoesNotExist")
COMPARING = ("Gt", "Lt")


def label_selector(path: Path, selector: LabelSelector | None) -> Violations:
    """matchLabels and matchExpressions; no selector is fine."""
    if selector is None:
        return
    yield from label_map((*path, "matchLabels"), selector.match_labels)
    for index, requirement in enumerate(selector.match_expressions):
        yield from _label_requirement((*path, "matchExpressions", index), requirement)


def _label_requirement(path: Path, requirement: LabelSelectorRequirement) -> Violations:
    yield from formatted((*path, "key"), requirement.key, qualified_name)
    yield from chosen((*path, "operator"), requirement.operator, LISTING + TESTING)
    yield from _values_of_operator((*path, "values"), requirement.operator, requirement.values)
    yield from _label_values((*path, "values"), requirement.values)


def _values_of_operator(path: Path, operator: str, values: Sequence[str]) -> Violations:
    if operator in LISTING:
        yield from required(path, tuple(values), f"operator {operator} compares with one value or more")
    if operator in TESTING:
        yield from forbidden(path, tuple(values), f"must be left away, operator {operator} looks at no value")
    if operator in COMPARING and len(values) != 1:
        yield Violation(path=path, message=f"must be one number, operator {operator} compares with exactly one")


def _label_values(path: Path, values: Sequence[str]) -> Violations:
    for index, value in enumerate(values):
        yield from formatted((*path, index), value, label_value)


def node_selector_term(path: Path, term: NodeSelectorTerm, *, strict_values: bool) -> Violations:
    """A term of node affinity. Kubernetes lets preferences name impossible label values: `strict_values` is False."""
    for index, requirement in enumerate(term.match_expressions):
        yield from _node_requirement((*path, "matchExpressions", index), requirement, strict_values=strict_values)
    for index, requirement in enumerate(term.match_fields):
        yield from _node_field((*path, "matchFields", index), requirement)


def _node_requirement(path: Path, requirement: NodeSelectorRequirement, *, strict_values: bool) -> Violations:
    yield from formatted((*path, "key"), requirement.key, qualified_name)
    yield from chosen((*path, "operator"), requirement.operator, LISTING + TESTING + COMPARING)
    yield from _values_of_operator((*path, "values"), requirement.operator, requirement.values)
    if strict_values:
        yield from _label_values((*path, "values"), requirement.values)


def _node_field(path: Path, requirement: NodeSelectorRequirement) -> Violations:
    yield from chosen((*path, "key"), requirement.key, ("metadata.name",))
    yield from chosen((*path, "operator"), requirement.operator, LISTING)
    if requirement.operator in LISTING and len(requirement.values) != 1:
        yield Violation(path=(*path, "values"), message="must be the name of one node")
    for index, value in enumerate(requirement.values):
        yield from formatted((*path, "values", index), value, dns_subdomain)

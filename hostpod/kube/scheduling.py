"""Where a cluster would place a pod: affinity, tolerations, spreading. One host has no use for it."""

from __future__ import annotations

from pydantic import Field

from hostpod.kube.meta import LabelSelector
from hostpod.kube.model import Int32, Int64, Items, KubeModel, Strings


class NodeSelectorRequirement(KubeModel):
    """One condition on a label or field of a node."""

    key: str
    operator: str
    values: Strings = ()


class NodeSelectorTerm(KubeModel):
    """Conditions on a node; all of them must hold."""

    match_expressions: Items[NodeSelectorRequirement] = Field(default=(), alias="matchExpressions")
    match_fields: Items[NodeSelectorRequirement] = Field(default=(), alias="matchFields")


class NodeSelector(KubeModel):
    """Terms, of which one must hold."""

    node_selector_terms: Items[NodeSelectorTerm] = Field(alias="nodeSelectorTerms")


class PreferredSchedulingTerm(KubeModel):
    """A wish for nodes, with its weight."""

    preference: NodeSelectorTerm
    weight: Int32


class NodeAffinity(KubeModel):
    """Wishes and demands on nodes."""

    preferred_during_scheduling_ignored_during_execution: Items[PreferredSchedulingTerm] = Field(
        default=(), alias="preferredDuringSchedulingIgnoredDuringExecution"
    )
    required_during_scheduling_ignored_during_execution: NodeSelector | None = Field(
        default=None, alias="requiredDuringSchedulingIgnoredDuringExecution"
    )


class PodAffinityTerm(KubeModel):
    """Pods to be near to, or far from."""

    topology_key: str = Field(alias="topologyKey")
    label_selector: LabelSelector | None = Field(default=None, alias="labelSelector")
    match_label_keys: Strings = Field(default=(), alias="matchLabelKeys")
    mismatch_label_keys: Strings = Field(default=(), alias="mismatchLabelKeys")
    namespace_selector: LabelSelector | None = Field(default=None, alias="namespaceSelector")
    namespaces: Strings = ()


class WeightedPodAffinityTerm(KubeModel):
    """A wish for pods, with its weight."""

    pod_affinity_term: PodAffinityTerm = Field(alias="podAffinityTerm")
    weight: Int32


class PodAffinity(KubeModel):
    """Pods to be near to."""

    preferred_during_scheduling_ignored_during_execution: Items[WeightedPodAffinityTerm] = Field(
        default=(), alias="preferredDuringSchedulingIgnoredDuringExecution"
    )
    required_during_scheduling_ignored_during_execution: Items[PodAffinityTerm] = Field(
        default=(), alias="requiredDuringSchedulingIgnoredDuringExecution"
    )


class PodAntiAffinity(KubeModel):
    """Pods to be far from."""

    preferred_during_scheduling_ignored_during_execution: Items[WeightedPodAffinityTerm] = Field(
        default=(), alias="preferredDuringSchedulingIgnoredDuringExecution"
    )
    required_during_scheduling_ignored_during_execution: Items[PodAffinityTerm] = Field(
        default=(), alias="requiredDuringSchedulingIgnoredDuringExecution"
    )


class Affinity(KubeModel):
    """All wishes about placement."""

    node_affinity: NodeAffinity | None = Field(default=None, alias="nodeAffinity")
    pod_affinity: PodAffinity | None = Field(default=None, alias="podAffinity")
    pod_anti_affinity: PodAntiAffinity | None = Field(default=None, alias="podAntiAffinity")


class Toleration(KubeModel):
    """A taint that the pod bears."""

    printed_zeros = frozenset({"toleration_seconds"})

    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None
    toleration_seconds: Int64 | None = Field(default=None, alias="tolerationSeconds")


class TopologySpreadConstraint(KubeModel):
    """How evenly pods spread over a topology."""

    printed_zeros = frozenset({"min_domains", "node_affinity_policy", "node_taints_policy"})

    max_skew: Int32 = Field(alias="maxSkew")
    topology_key: str = Field(alias="topologyKey")
    when_unsatisfiable: str = Field(alias="whenUnsatisfiable")
    label_selector: LabelSelector | None = Field(default=None, alias="labelSelector")
    match_label_keys: Strings = Field(default=(), alias="matchLabelKeys")
    min_domains: Int32 | None = Field(default=None, alias="minDomains")
    node_affinity_policy: str | None = Field(default=None, alias="nodeAffinityPolicy")
    node_taints_policy: str | None = Field(default=None, alias="nodeTaintsPolicy")


class PodSchedulingGate(KubeModel):
    """A reason not to schedule the pod yet."""

    name: str


class PodSchedulingGroup(KubeModel):
    """Pods that are scheduled together."""

    printed_zeros = frozenset({"pod_group_name"})

    pod_group_name: str | None = Field(default=None, alias="podGroupName")


class PodReadinessGate(KubeModel):
    """A condition that somebody else sets, and readiness waits for."""

    condition_type: str = Field(alias="conditionType")

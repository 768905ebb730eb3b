"""The pod itself."""

from __future__ import annotations

from pydantic import Field

from hostpod.kube.container import Container, EphemeralContainer
from hostpod.kube.meta import ListMeta, LocalObjectReference, ObjectMeta
from hostpod.kube.model import Int32, Int64, Items, KubeModel, ResourceList, StringMap, Strings
from hostpod.kube.pod_status import PodStatus
from hostpod.kube.resources import PodResourceClaim, ResourceRequirements
from hostpod.kube.scheduling import (
    Affinity,
    PodReadinessGate,
    PodSchedulingGate,
    PodSchedulingGroup,
    Toleration,
    TopologySpreadConstraint,
)
from hostpod.kube.security import PodSecurityContext
from hostpod.kube.volume import Volume


class PodOS(KubeModel):
    """The operating system that a pod is made for."""

    name: str


class HostAlias(KubeModel):
    """A line of /etc/hosts."""

    ip: str
    hostnames: Strings = ()


class PodDNSConfigOption(KubeModel):
    """An option of resolv.conf."""

    printed_zeros = frozenset({"value"})

    name: str | None = None
    value: str | None = None


class PodDNSConfig(KubeModel):
    """Lines of resolv.conf."""

    nameservers: Strings = ()
    options: Items[PodDNSConfigOption] = ()
    searches: Strings = ()


class PodSpec(KubeModel):
    """What a pod shall be."""

    printed_zeros = frozenset(
        {
            "termination_grace_period_seconds",
            "active_deadline_seconds",
            "automount_service_account_token",
            "share_process_namespace",
            "priority",
            "runtime_class_name",
            "enable_service_links",
            "preemption_policy",
            "set_hostname_as_fqdn",
            "host_users",
            "hostname_override",
        }
    )

    volumes: Items[Volume] = ()
    init_containers: Items[Container] = Field(default=(), alias="initContainers")
    containers: Items[Container]
    ephemeral_containers: Items[EphemeralContainer] = Field(default=(), alias="ephemeralContainers")
    restart_policy: str | None = Field(default=None, alias="restartPolicy")
    termination_grace_period_seconds: Int64 | None = Field(default=None, alias="terminationGracePeriodSeconds")
    active_deadline_seconds: Int64 | None = Field(default=None, alias="activeDeadlineSeconds")
    dns_policy: str | None = Field(default=None, alias="dnsPolicy")
    node_selector: StringMap = Field(default_factory=dict, alias="nodeSelector")
    service_account_name: str | None = Field(default=None, alias="serviceAccountName")
    service_account: str | None = Field(default=None, alias="serviceAccount")
    automount_service_account_token: bool | None = Field(default=None, alias="automountServiceAccountToken")
    node_name: str | None = Field(default=None, alias="nodeName")
    host_network: bool | None = Field(default=None, alias="hostNetwork")
    host_pid: bool | None = Field(default=None, alias="hostPID")
    host_ipc: bool | None = Field(default=None, alias="hostIPC")
    share_process_namespace: bool | None = Field(default=None, alias="shareProcessNamespace")
    security_context: PodSecurityContext | None = Field(default=None, alias="securityContext")
    image_pull_secrets: Items[LocalObjectReference] = Field(default=(), alias="imagePullSecrets")
    hostname: str | None = None
    subdomain: str | None = None
    affinity: Affinity | None = None
    scheduler_name: str | None = Field(default=None, alias="schedulerName")
    tolerations: Items[Toleration] = ()
    host_aliases: Items[HostAlias] = Field(default=(), alias="hostAliases")
    priority_class_name: str | None = Field(default=None, alias="priorityClassName")
    priority: Int32 | None = None
    dns_config: PodDNSConfig | None = Field(default=None, alias="dnsConfig")
    readiness_gates: Items[PodReadinessGate] = Field(default=(), alias="readinessGates")
    runtime_class_name: str | None = Field(default=None, alias="runtimeClassName")
    enable_service_links: bool | None = Field(default=None, alias="enableServiceLinks")
    preemption_policy: str | None = Field(default=None, alias="preemptionPolicy")
    overhead: ResourceList = Field(default_factory=dict)
    topology_spread_constraints: Items[TopologySpreadConstraint] = Field(default=(), alias="topologySpreadConstraints")
    set_hostname_as_fqdn: bool | None = Field(default=None, alias="setHostnameAsFQDN")
    os: PodOS | None = None
    host_users: bool | None = Field(default=None, alias="hostUsers")
    scheduling_gates: Items[PodSchedulingGate] = Field(default=(), alias="schedulingGates")
    resource_claims: Items[PodResourceClaim] = Field(default=(), alias="resourceClaims")
    resources: ResourceRequirements | None = None
    hostname_override: str | None = Field(default=None, alias="hostnameOverride")
    scheduling_group: PodSchedulingGroup | None = Field(default=None, alias="schedulingGroup")

    @property
    def all_containers(self) -> tuple[Container, ...]:
        """Init containers, which run first, and then the others. Names are unique among all of them."""
        return (*self.init_containers, *self.containers)

    def container(self, name: str) -> Container:
        """The container of a name. Raises KeyError."""
        for container in self.all_containers:
            if container.name == name:
                return container
        raise KeyError(name)

    @property
    def sidecars(self) -> tuple[Container, ...]:
        """The init containers that go on beside the others."""
        return tuple(container for container in self.init_containers if container.restart_policy == "Always")


class Pod(KubeModel):
    """Containers that share network, volumes and fate."""

    api_version: str | None = Field(default=None, alias="apiVersion")
    kind: str | None = None
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: PodSpec
    status: PodStatus = Field(default_factory=PodStatus)

    @property
    def name(self) -> str:
        """The name in metadata, "" without one."""
        return self.metadata.name or ""

    @property
    def namespace(self) -> str:
        """The namespace in metadata, "" without one."""
        return self.metadata.namespace or ""

    @property
    def uid(self) -> str:
        """The uid in metadata, "" without one."""
        return self.metadata.uid or ""

    @property
    def sysctls(self) -> dict[str, str]:
        """The kernel parameters that it sets, by name with dots."""
        context = self.spec.security_context
        return {each.name.replace("/", "."): each.value for each in (context.sysctls if context else ())}


class PodList(KubeModel):
    """Several pods, as the API prints them."""

    kind: str | None = None
    api_version: str | None = Field(default=None, alias="apiVersion")
    metadata: ListMeta = Field(default_factory=ListMeta)
    items: Items[Pod]

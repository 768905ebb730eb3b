"""What was observed of a pod and its containers."""

from __future__ import annotations

from pydantic import Field

from hostpod.kube.model import Int32, Int64, Items, KubeModel, ResourceList, Strings, Time
from hostpod.kube.resources import ResourceRequirements


class ContainerStateWaiting(KubeModel):
    """Not running yet, and why."""

    reason: str | None = None
    message: str | None = None


class ContainerStateRunning(KubeModel):
    """Running, and since when."""

    printed_nulls = frozenset({"started_at"})

    started_at: Time | None = Field(default=None, alias="startedAt")


class ContainerStateTerminated(KubeModel):
    """Ended, and how."""

    printed_nulls = frozenset({"started_at", "finished_at"})

    exit_code: Int32 = Field(alias="exitCode")
    signal: Int32 | None = None
    reason: str | None = None
    message: str | None = None
    started_at: Time | None = Field(default=None, alias="startedAt")
    finished_at: Time | None = Field(default=None, alias="finishedAt")
    container_id: str | None = Field(default=None, alias="containerID")


class ContainerState(KubeModel):
    """One of waiting, running, terminated."""

    waiting: ContainerStateWaiting | None = None
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None


class LinuxContainerUser(KubeModel):
    """Numeric user and groups of the first process."""

    gid: Int64
    uid: Int64
    supplemental_groups: Items[Int64] = Field(default=(), alias="supplementalGroups")


class ContainerUser(KubeModel):
    """The user of the first process."""

    linux: LinuxContainerUser | None = None


class ResourceHealth(KubeModel):
    """Health of one device."""

    printed_zeros = frozenset({"message"})

    resource_id: str = Field(alias="resourceID")
    health: str | None = None
    message: str | None = None


class ResourceStatus(KubeModel):
    """Health of the devices of one resource."""

    name: str
    resources: Items[ResourceHealth] = ()


class ImageVolumeStatus(KubeModel):
    """The image that a volume shows."""

    image_ref: str = Field(alias="imageRef")


class VolumeStatus(KubeModel):
    """What is known of a mounted volume."""

    image: ImageVolumeStatus | None = None


class VolumeMountStatus(KubeModel):
    """A volume as it is mounted."""

    printed_zeros = frozenset({"recursive_read_only"})

    name: str
    mount_path: str = Field(alias="mountPath")
    read_only: bool | None = Field(default=None, alias="readOnly")
    recursive_read_only: str | None = Field(default=None, alias="recursiveReadOnly")
    volume_status: VolumeStatus | None = Field(default=None, alias="volumeStatus")


class ContainerStatus(KubeModel):
    """What was observed of a container."""

    printed_zeros = frozenset({"started", "stop_signal"})

    name: str
    state: ContainerState = Field(default_factory=ContainerState)
    last_state: ContainerState = Field(default_factory=ContainerState, alias="lastState")
    ready: bool
    restart_count: Int32 = Field(alias="restartCount")
    image: str
    image_id: str = Field(alias="imageID")
    container_id: str | None = Field(default=None, alias="containerID")
    started: bool | None = None
    allocated_resources: ResourceList = Field(default_factory=dict, alias="allocatedResources")
    resources: ResourceRequirements | None = None
    volume_mounts: Items[VolumeMountStatus] = Field(default=(), alias="volumeMounts")
    user: ContainerUser | None = None
    allocated_resources_status: Items[ResourceStatus] = Field(default=(), alias="allocatedResourcesStatus")
    stop_signal: str | None = Field(default=None, alias="stopSignal")


class PodCondition(KubeModel):
    """One statement about a pod: True, False or Unknown, and since when."""

    printed_nulls = frozenset({"last_probe_time", "last_transition_time"})

    type: str
    observed_generation: Int64 | None = Field(default=None, alias="observedGeneration")
    status: str
    last_probe_time: Time | None = Field(default=None, alias="lastProbeTime")
    last_transition_time: Time | None = Field(default=None, alias="lastTransitionTime")
    reason: str | None = None
    message: str | None = None


class HostIP(KubeModel):
    """An address of the host."""

    ip: str


class PodIP(KubeModel):
    """An address of the pod."""

    ip: str


class PodResourceClaimStatus(KubeModel):
    """The claim that was made of a template."""

    printed_zeros = frozenset({"resource_claim_name"})

    name: str
    resource_claim_name: str | None = Field(default=None, alias="resourceClaimName")


class ContainerExtendedResourceRequest(KubeModel):
    """The device request that stands for an extended resource."""

    container_name: str = Field(alias="containerName")
    request_name: str = Field(alias="requestName")
    resource_name: str = Field(alias="resourceName")


class PodExtendedResourceClaimStatus(KubeModel):
    """The claim that stands for extended resources."""

    request_mappings: Items[ContainerExtendedResourceRequest] = Field(alias="requestMappings")
    resource_claim_name: str = Field(alias="resourceClaimName")


class NodeAllocatableResourceClaimStatus(KubeModel):
    """Resources of the node that a claim takes."""

    resource_claim_name: str = Field(alias="resourceClaimName")
    resources: ResourceList
    containers: Strings = ()


class PodStatus(KubeModel):
    """What was observed of a pod."""

    observed_generation: Int64 | None = Field(default=None, alias="observedGeneration")
    phase: str | None = None
    conditions: Items[PodCondition] = ()
    message: str | None = None
    reason: str | None = None
    nominated_node_name: str | None = Field(default=None, alias="nominatedNodeName")
    host_ip: str | None = Field(default=None, alias="hostIP")
    host_ips: Items[HostIP] = Field(default=(), alias="hostIPs")
    pod_ip: str | None = Field(default=None, alias="podIP")
    pod_ips: Items[PodIP] = Field(default=(), alias="podIPs")
    start_time: Time | None = Field(default=None, alias="startTime")
    init_container_statuses: Items[ContainerStatus] = Field(default=(), alias="initContainerStatuses")
    container_statuses: Items[ContainerStatus] = Field(default=(), alias="containerStatuses")
    qos_class: str | None = Field(default=None, alias="qosClass")
    ephemeral_container_statuses: Items[ContainerStatus] = Field(default=(), alias="ephemeralContainerStatuses")
    resize: str | None = None
    resource_claim_statuses: Items[PodResourceClaimStatus] = Field(default=(), alias="resourceClaimStatuses")
    extended_resource_claim_status: PodExtendedResourceClaimStatus | None = Field(
        default=None, alias="extendedResourceClaimStatus"
    )
    node_allocatable_resource_claim_statuses: Items[NodeAllocatableResourceClaimStatus] = Field(
        default=(), alias="nodeAllocatableResourceClaimStatuses"
    )
    allocated_resources: ResourceList = Field(default_factory=dict, alias="allocatedResources")
    resources: ResourceRequirements | None = None

"""Amounts of cpu and memory, and claims of devices."""

from __future__ import annotations

from pydantic import Field

from hostpod.kube.model import Items, KubeModel, ResourceList


class ResourceClaim(KubeModel):
    """A claim of the pod that a container uses."""

    name: str
    request: str | None = None


class ResourceRequirements(KubeModel):
    """What is asked for (requests) and what is the most (limits)."""

    limits: ResourceList = Field(default_factory=dict)
    requests: ResourceList = Field(default_factory=dict)
    claims: Items[ResourceClaim] = ()


class VolumeResourceRequirements(KubeModel):
    """The size that a claim of storage asks for."""

    limits: ResourceList = Field(default_factory=dict)
    requests: ResourceList = Field(default_factory=dict)


class ContainerResizePolicy(KubeModel):
    """Whether a resource can change without a restart."""

    resource_name: str = Field(alias="resourceName")
    restart_policy: str = Field(alias="restartPolicy")


class PodResourceClaim(KubeModel):
    """A claim of devices, by name or by template."""

    printed_zeros = frozenset({"resource_claim_name", "resource_claim_template_name"})

    name: str
    resource_claim_name: str | None = Field(default=None, alias="resourceClaimName")
    resource_claim_template_name: str | None = Field(default=None, alias="resourceClaimTemplateName")

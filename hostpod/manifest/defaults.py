"""What Kubernetes fills in where a manifest says nothing: a table of constants, and the few that depend on a neighbour.

An absent scalar and, where Go has no pointer, also its zero take the default (`timeoutSeconds: 0` means 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from hostpod.kube import (
    AzureDiskVolumeSource,
    ConfigMapVolumeSource,
    Container,
    ContainerPort,
    DownwardAPIVolumeSource,
    EmptyDirVolumeSource,
    EphemeralContainer,
    GRPCAction,
    HostPathVolumeSource,
    HTTPGetAction,
    ImageVolumeSource,
    ISCSIVolumeSource,
    KubeModel,
    ObjectFieldSelector,
    PersistentVolumeClaimSpec,
    Pod,
    PodSecurityContext,
    PodSpec,
    Probe,
    ProjectedVolumeSource,
    RBDVolumeSource,
    ResourceRequirements,
    ScaleIOVolumeSource,
    SecretVolumeSource,
    ServiceAccountTokenProjection,
    Volume,
)
from hostpod.kube.huge_pages import HUGE_PAGES
from hostpod.kube.pod_resources import COMPUTE, container_limits, container_requests, has_whole, whole

GRACE_PERIOD_S = 30
TOKEN_EXPIRATION_S = 3600
FILE_MODE = 0o644

Model = TypeVar("Model", bound=KubeModel)
Values = Mapping[str, Any]

_CONTAINER: Values = {"termination_message_path": "/dev/termination-log", "termination_message_policy": "File"}
_FILES: Values = {"default_mode": FILE_MODE}
_CONSTANTS: Mapping[type[KubeModel], Values] = {
    PodSpec: {
        "restart_policy": "Always",
        "dns_policy": "ClusterFirst",
        "termination_grace_period_seconds": GRACE_PERIOD_S,
        "scheduler_name": "default-scheduler",
        "enable_service_links": True,
        "security_context": PodSecurityContext(),
    },
    Container: _CONTAINER,
    EphemeralContainer: _CONTAINER,
    ContainerPort: {"protocol": "TCP"},
    Probe: {"timeout_seconds": 1, "period_seconds": 10, "success_threshold": 1, "failure_threshold": 3},
    HTTPGetAction: {"path": "/", "scheme": "HTTP"},
    GRPCAction: {"service": ""},
    ObjectFieldSelector: {"api_version": "v1"},
    HostPathVolumeSource: {"type": ""},
    ConfigMapVolumeSource: _FILES,
    SecretVolumeSource: _FILES,
    DownwardAPIVolumeSource: _FILES,
    ProjectedVolumeSource: _FILES,
    ServiceAccountTokenProjection: {"expiration_seconds": TOKEN_EXPIRATION_S},
    PersistentVolumeClaimSpec: {"volume_mode": "Filesystem"},
    AzureDiskVolumeSource: {"caching_mode": "ReadWrite", "fs_type": "ext4", "read_only": False, "kind": "Shared"},
    ISCSIVolumeSource: {"iscsi_interface": "default"},
    RBDVolumeSource: {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    ScaleIOVolumeSource: {"storage_mode": "ThinProvisioned", "fs_type": "xfs"},
}


def with_defaults(pod: Pod) -> Pod:
    """The pod in the namespace `default` and with every default of the API; what the manifest says stays as it is."""
    metadata = pod.metadata.model_copy(update={"namespace": pod.namespace or "default"})
    spec = _whole(_filled(pod.spec, host_network=pod.spec.host_network is True), as_written=pod.spec)
    return pod.model_copy(update={"metadata": metadata, "spec": spec})


def default_pull_policy(image: str) -> str:
    """Always for the tag `latest` or none at all, else IfNotPresent; a digest alone is a choice as well."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if tag == "latest" or not (tag or digest) else "IfNotPresent"


def _filled(model: Model, *, host_network: bool) -> Model:
    """The model and all below it with their defaults; the model itself where nothing changes."""
    update: dict[str, Any] = {}
    for name, value in model.__dict__.items():
        if isinstance(value, KubeModel):
            update[name] = _filled(value, host_network=host_network)
        elif isinstance(value, tuple) and value and isinstance(value[0], KubeModel):
            update[name] = tuple(_filled(item, host_network=host_network) for item in value)
    zeros_count = type(model).printed_zeros
    for name, default in (*_CONSTANTS.get(type(model), {}).items(), *_computed(model, host_network=host_network)):
        value = getattr(model, name)
        if value is None or not (value or name in zeros_count):
            update[name] = default
    if isinstance(model, ResourceRequirements):
        update |= _amounts(model)
    return model.model_copy(update=update) if update else model


def _computed(model: KubeModel, *, host_network: bool) -> tuple[tuple[str, Any], ...]:
    """Defaults that depend on other fields."""
    if isinstance(model, Container | EphemeralContainer):
        return (("image_pull_policy", default_pull_policy(model.image or "")),)
    if isinstance(model, ImageVolumeSource):
        return (("pull_policy", default_pull_policy(model.reference or "")),)
    if isinstance(model, ContainerPort) and host_network:
        return (("host_port", model.container_port),)
    if isinstance(model, Volume) and not any(value for name, value in model.__dict__.items() if name != "name"):
        return (("empty_dir", EmptyDirVolumeSource()),)
    return ()


def _amounts(resources: ResourceRequirements) -> dict[str, Any]:
    """Amounts in whole thousandths and canonical form; a limit is the request as well where there is none."""
    limits = {name: amount.rounded_to_milli() for name, amount in resources.limits.items()}
    requests = {name: amount.rounded_to_milli() for name, amount in resources.requests.items()}
    return {"limits": limits, "requests": {**limits, **requests}}


def _whole(spec: PodSpec, *, as_written: PodSpec) -> PodSpec:
    """What a pod with limits of its own requests as a whole: what its containers request together, else its limits.

    Huge pages that containers are limited to are a limit of the pod as well.
    """
    if spec.resources is None or not has_whole(as_written):
        return spec
    huge = {name: each for name, each in container_limits(spec).items() if name.startswith(HUGE_PAGES)}
    limits = {**huge, **spec.resources.limits}
    said = {name: each for name, each in spec.resources.requests.items() if name in whole(as_written).requests}
    together = {name: each for name, each in container_requests(spec).items() if name in COMPUTE}
    requests = {**limits, **together, **said} if limits else said
    own = spec.resources.model_copy(update={"limits": limits, "requests": requests})
    return spec.model_copy(update={"resources": own})

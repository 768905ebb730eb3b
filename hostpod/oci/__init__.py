"""Pod and image configuration to an OCI runtime spec. Pure: no I/O."""

from __future__ import annotations

from hostpod.kube.pod_resources import qos_class
from hostpod.oci.container import container_spec, pod_hostname
from hostpod.oci.pause import pause_spec
from hostpod.oci.resources import PodLimits, container_resources, pod_limits
from hostpod.oci.user import resolve_user
from hostpod.oci.values import ImageDefaults, Mount, SandboxPaths, SpecError, User

__all__ = [
    "ImageDefaults",
    "Mount",
    "PodLimits",
    "SandboxPaths",
    "SpecError",
    "User",
    "container_resources",
    "container_spec",
    "pause_spec",
    "pod_hostname",
    "pod_limits",
    "qos_class",
    "resolve_user",
]

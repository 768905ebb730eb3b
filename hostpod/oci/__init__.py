"""Pod and image configuration to an OCI runtime spec. Pure: no I/O."""

from __future__ import annotations

from hostpod.kube.pod_resources import qos_class
from hostpod.oci.container import container_spec, pod_hostname, pod_nodename
from hostpod.oci.env import EnvSources, container_variables
from hostpod.oci.labels import DEFAULT_PROFILE, Labels, apparmor_label, selinux_labels
from hostpod.oci.pause import pause_spec
from hostpod.oci.resources import MemoryRule, PodLimits, container_resources, pod_limits
from hostpod.oci.seccomp import profile_of, seccomp
from hostpod.oci.security import capabilities, is_privileged
from hostpod.oci.user import container_user
from hostpod.oci.values import ImageDefaults, Mount, SandboxPaths, SpecError, User

__all__ = [
    "DEFAULT_PROFILE",
    "EnvSources",
    "ImageDefaults",
    "Labels",
    "MemoryRule",
    "Mount",
    "PodLimits",
    "SandboxPaths",
    "SpecError",
    "User",
    "apparmor_label",
    "capabilities",
    "container_resources",
    "container_spec",
    "container_user",
    "container_variables",
    "is_privileged",
    "pause_spec",
    "pod_hostname",
    "pod_limits",
    "pod_nodename",
    "profile_of",
    "qos_class",
    "seccomp",
    "selinux_labels",
]

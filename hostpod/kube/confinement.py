"""Which profile and which label a container has: its own word, or its pod's. Pure."""

from __future__ import annotations

from hostpod.kube.container import Container
from hostpod.kube.pod import Pod
from hostpod.kube.security import AppArmorProfile, SELinuxOptions

APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
_LOCALHOST = "localhost/"
_TYPES = {"runtime/default": "RuntimeDefault", "unconfined": "Unconfined"}


def apparmor_profile(pod: Pod, container: Container) -> AppArmorProfile | None:
    """The container's own field, then the annotation from before there were fields, then the pod's field."""
    if container.security_context is not None and container.security_context.app_armor_profile is not None:
        return container.security_context.app_armor_profile
    annotation = pod.metadata.annotations.get(f"{APPARMOR_ANNOTATION}{container.name}")
    if annotation:
        if annotation.startswith(_LOCALHOST):
            return AppArmorProfile(type="Localhost", localhost_profile=annotation.removeprefix(_LOCALHOST))
        return AppArmorProfile(type=_TYPES[annotation])
    return pod.spec.security_context.app_armor_profile if pod.spec.security_context else None


def selinux_options(pod: Pod, container: Container) -> SELinuxOptions | None:
    """Those of the container as a whole, or else its pod's; None where neither names a part of a label."""
    own, of_pod = container.security_context, pod.spec.security_context
    found = (own.se_linux_options if own else None) or (of_pod.se_linux_options if of_pod else None)
    return found if found and any((found.user, found.role, found.type, found.level)) else None

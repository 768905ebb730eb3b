"""What a pod asks for that only a host with AppArmor or SELinux can give. Pure; the words are the kubelet's."""

from __future__ import annotations

from hostpod.kube import Pod
from hostpod.kube.confinement import apparmor_profile, selinux_options

APPARMOR = "AppArmor"
SELINUX = "SELinux"


def without_apparmor(pod: Pod) -> str | None:
    """Why a host without AppArmor does not run the pod; None where it may. Unconfined asks for nothing."""
    for container in pod.spec.all_containers:
        profile = apparmor_profile(pod, container)
        if profile is not None and profile.type != "Unconfined":
            return (
                "Cannot enforce AppArmor: AppArmor is not enabled on the host: "
                f'remove appArmorProfile {profile.type} of container "{container.name}"'
            )
    return None


def without_selinux(pod: Pod) -> str | None:
    """Why a host without SELinux does not run the pod. The kubelet would run it without its label."""
    for container in pod.spec.all_containers:
        if selinux_options(pod, container) is not None:
            return (
                "Cannot set SELinux labels: SELinux is not enabled on the host: "
                f'remove seLinuxOptions of container "{container.name}" or of its pod'
            )
    return None

"""Rules for the security contexts of pods and containers."""

from __future__ import annotations

from hostpod.kube import PodSecurityContext, PodSpec, SecurityContext, Sysctl
from hostpod.manifest.rules.formats import sysctl_name
from hostpod.manifest.rules.profiles import apparmor, seccomp
from hostpod.manifest.rules.violation import Path, Violation, Violations, chosen, named, quoted, unique, within

LAST_ID = 2**31 - 1
FS_GROUP_POLICIES = ("Always", "OnRootMismatch")
SUPPLEMENTAL_POLICIES = ("Merge", "Strict")
SELINUX_POLICIES = ("Recursive",)
PROC_MOUNTS = ("Default", "Unmasked")

_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "fs.mqueue.")
_NETWORK_SYSCTLS = ("net.",)


def container_security(path: Path, context: SecurityContext | None, spec: PodSpec) -> Violations:
    """The security context of one container of a pod."""
    if context is None:
        return
    yield from within((*path, "runAsUser"), context.run_as_user, 0, LAST_ID)
    yield from within((*path, "runAsGroup"), context.run_as_group, 0, LAST_ID)
    yield from seccomp((*path, "seccompProfile"), context.seccomp_profile)
    yield from apparmor((*path, "appArmorProfile"), context.app_armor_profile)
    yield from chosen((*path, "procMount"), context.proc_mount, PROC_MOUNTS)
    if context.proc_mount == "Unmasked" and spec.host_users is not False:
        yield Violation(
            path=(*path, "procMount"), message='"Unmasked" opens the host\'s /proc, it needs hostUsers: false'
        )
    yield from _escalation((*path, "allowPrivilegeEscalation"), context)


def _escalation(path: Path, context: SecurityContext) -> Violations:
    if context.allow_privilege_escalation is not False:
        return
    if context.privileged:
        yield Violation(path=path, message="false contradicts privileged: true, drop one of them")
    added = context.capabilities.add if context.capabilities is not None else ()
    if "CAP_SYS_ADMIN" in added:
        yield Violation(path=path, message='false contradicts the added capability "CAP_SYS_ADMIN", drop one of them')


def pod_security(path: Path, spec: PodSpec) -> Violations:
    """The security context of a pod."""
    context = spec.security_context
    if context is None:
        return
    yield from _users(path, context)
    yield from seccomp((*path, "seccompProfile"), context.seccomp_profile)
    yield from apparmor((*path, "appArmorProfile"), context.app_armor_profile)
    yield from chosen((*path, "fsGroupChangePolicy"), context.fs_group_change_policy, FS_GROUP_POLICIES)
    yield from chosen((*path, "supplementalGroupsPolicy"), context.supplemental_groups_policy, SUPPLEMENTAL_POLICIES)
    yield from chosen((*path, "seLinuxChangePolicy"), context.se_linux_change_policy, SELINUX_POLICIES)
    for index, sysctl in enumerate(context.sysctls):
        yield from _sysctl((*path, "sysctls", index, "name"), sysctl, spec)
    names = (((*path, "sysctls", index, "name"), sysctl.name) for index, sysctl in enumerate(context.sysctls))
    yield from unique(names, "{} is set already")


def _users(path: Path, context: PodSecurityContext) -> Violations:
    yield from within((*path, "runAsUser"), context.run_as_user, 0, LAST_ID)
    yield from within((*path, "runAsGroup"), context.run_as_group, 0, LAST_ID)
    yield from within((*path, "fsGroup"), context.fs_group, 0, LAST_ID)
    for index, group in enumerate(context.supplemental_groups):
        yield from within((*path, "supplementalGroups", index), group, 0, LAST_ID)


def _sysctl(path: Path, sysctl: Sysctl, spec: PodSpec) -> Violations:
    """A parameter of a namespace can only be set where the pod has that namespace for itself."""
    yield from named(path, sysctl.name, sysctl_name)
    name = sysctl.name.replace("/", ".")
    if spec.host_network and name.startswith(_NETWORK_SYSCTLS):
        yield Violation(path=path, message=f"{quoted(sysctl.name)} would change the host, hostNetwork is true")
    if spec.host_ipc and (name == "kernel.sem" or name.startswith(_IPC_SYSCTLS)):
        yield Violation(path=path, message=f"{quoted(sysctl.name)} would change the host, hostIPC is true")

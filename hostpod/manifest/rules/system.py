"""Rules for the operating system that a pod is made for, and for sharing the host's namespaces."""

from __future__ import annotations

from collections.abc import Iterator

from hostpod.kube import KubeModel, PodSpec
from hostpod.manifest.rules.violation import Path, Violation, Violations, chosen, forbidden

SYSTEMS = ("linux", "windows")

_ID_FIELDS = ("runAsUser", "runAsGroup", "fsGroup", "supplementalGroups")
_LAST_OF_ITS_OWN = 65535
_LINUX_POD = ("hostUsers", "hostPID", "hostIPC", "shareProcessNamespace", "resources")
_LINUX_CONTEXT = (
    "allowPrivilegeEscalation",
    "appArmorProfile",
    "capabilities",
    "fsGroup",
    "fsGroupChangePolicy",
    "privileged",
    "procMount",
    "readOnlyRootFilesystem",
    "runAsGroup",
    "runAsUser",
    "seLinuxChangePolicy",
    "seLinuxOptions",
    "seccompProfile",
    "supplementalGroups",
    "supplementalGroupsPolicy",
    "sysctls",
)


def system(path: Path, spec: PodSpec) -> Violations:
    """What spec.os allows, and which of the host's namespaces go together."""
    if spec.os is not None:
        yield from chosen((*path, "os", "name"), spec.os.name, SYSTEMS)
        yield from _fitting(path, spec, spec.os.name)
    if spec.share_process_namespace and spec.host_pid:
        yield Violation(path=(*path, "shareProcessNamespace"), message="contradicts hostPID: true, drop one of them")
    if spec.host_users is False:
        yield from _own_users(path, spec)


def _own_users(path: Path, spec: PodSpec) -> Violations:
    shared = {"hostNetwork": spec.host_network, "hostPID": spec.host_pid, "hostIPC": spec.host_ipc}
    for name, value in shared.items():
        if value:
            yield Violation(path=(*path, name), message="contradicts hostUsers: false, drop one of them")
    for where, context in _contexts(path, spec):
        for field, ids in _ids(context):
            if any(number > _LAST_OF_ITS_OWN for number in ids):
                words = f"must be {_LAST_OF_ITS_OWN} or less with hostUsers: false, the pod has no other ids"
                yield Violation(path=(*where, field), message=words)


def _ids(context: KubeModel) -> Iterator[tuple[str, tuple[int, ...]]]:
    for attribute, field in type(context).model_fields.items():
        if field.alias in _ID_FIELDS and (value := getattr(context, attribute)) is not None:
            yield field.alias or attribute, value if isinstance(value, tuple) else (value,)


def _fitting(path: Path, spec: PodSpec, name: str) -> Violations:
    contexts = _contexts(path, spec)
    if name == "linux":
        for where, context in contexts:
            yield from _without(where, context, ("windowsOptions",), "must be left away, this is a linux pod")
    if name == "windows":
        yield from _without(path, spec, _LINUX_POD, "must be left away, this is a windows pod")
        for where, context in contexts:
            yield from _without(where, context, _LINUX_CONTEXT, "must be left away, this is a windows pod")


def _contexts(path: Path, spec: PodSpec) -> Iterator[tuple[Path, KubeModel]]:
    if spec.security_context is not None:
        yield (*path, "securityContext"), spec.security_context
    for name, containers in (("containers", spec.containers), ("initContainers", spec.init_containers)):
        for index, container in enumerate(containers):
            if container.security_context is not None:
                yield (*path, name, index, "securityContext"), container.security_context


def _without(path: Path, model: KubeModel, names: tuple[str, ...], message: str) -> Violations:
    for attribute, field in type(model).model_fields.items():
        if field.alias in names or attribute in names:
            yield from forbidden((*path, field.alias or attribute), getattr(model, attribute), message)

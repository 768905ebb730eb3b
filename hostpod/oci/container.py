"""Pod, container and image to the config.json of a container."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from hostpod.kube import Container, Pod
from hostpod.kube.user_ids import IDS
from hostpod.oci.command import process_arguments
from hostpod.oci.defaults import MASKED_PATHS, OCI_VERSION, READ_ONLY_PATHS, rlimits, standard_mounts
from hostpod.oci.env import environment
from hostpod.oci.labels import Labels
from hostpod.oci.resources import NO_SWAP, MemoryRule, container_resources, oom_score_adj
from hostpod.oci.security import capabilities, is_privileged, of_container
from hostpod.oci.values import ImageDefaults, Json, Mount, Privileges, SandboxPaths, SpecError, User

HOSTNAME_LIMIT = 63
NODENAME_LIMIT = 64  # __NEW_UTS_LEN
NOTHING: Mapping[str, str] = MappingProxyType({})
NO_LABELS = Labels()
_HIDDEN: Mapping[str, list[str]] = {"maskedPaths": list(MASKED_PATHS), "readonlyPaths": list(READ_ONLY_PATHS)}


def container_spec(
    *,
    pod: Pod,
    container: Container,
    image: ImageDefaults,
    variables: Mapping[str, str],
    sandbox: SandboxPaths,
    mounts: Sequence[Mount],
    user: User,
    cgroups_path: str,
    rootfs: str,
    privileges: Privileges,
    seccomp: Json | None = None,
    devices: Sequence[Json] = (),
    permissions: Mapping[str, str] = NOTHING,
    memory: MemoryRule = NO_SWAP,
    labels: Labels = NO_LABELS,
    annotations: Mapping[str, str] = NOTHING,
) -> Json:
    """The whole config.json. `variables` are the pod's own of this container, `mounts` come after the standard ones.

    `seccomp` is the filter of system calls, `labels` are those of AppArmor and SELinux; `devices` are those of the host
    that the container gets, with the `permissions` of each path where it is not privileged. Raises SpecError when
    nothing can run.
    """
    privileged = is_privileged(container)
    return {
        "ociVersion": OCI_VERSION,
        "process": {
            **_process(pod, container, image, variables),
            "user": {"uid": user.uid, "gid": user.gid, "additionalGids": list(user.additional_gids)},
            **_rights(pod, container, privileges),
            **({"apparmorProfile": labels.apparmor} if labels.apparmor else {}),
            **({"selinuxLabel": labels.process} if labels.process else {}),
        },
        "root": {"path": rootfs, **({"readonly": True} if of_container(container).read_only_root_filesystem else {})},
        "mounts": [mount.to_json() for mount in (*standard_mounts(writable=privileged), *mounts)],
        "linux": {
            "cgroupsPath": cgroups_path,
            "namespaces": _namespaces(pod, sandbox),
            **ids(sandbox),
            "resources": container_resources(pod, container, privileges, memory, _allowed(devices, permissions)),
            **({"devices": list(devices)} if privileged or devices else {}),
            **({} if privileged or _unmasked(container) else _HIDDEN),
            **({"seccomp": seccomp} if seccomp and not privileged else {}),
            **({"mountLabel": labels.files} if labels.files else {}),
            **_root_propagation(mounts),
        },
        **annotated(annotations),
    }


def pod_hostname(pod: Pod) -> str:
    """What the pod calls itself, without a domain: spec.hostname, or its name cut to the 63 characters of a label."""
    spec = pod.spec
    return spec.hostname_override or spec.hostname or (pod.metadata.name or "")[:HOSTNAME_LIMIT].rstrip("-.")


def pod_nodename(pod: Pod) -> str:
    """The host name that the kernel tells: with the subdomain where setHostnameAsFQDN says so.

    SpecError where that is longer than Linux has room for.
    """
    spec, hostname = pod.spec, pod_hostname(pod)
    if not (spec.set_hostname_as_fqdn and spec.subdomain):
        return hostname
    whole = f"{hostname}.{spec.subdomain}"
    if len(whole) > NODENAME_LIMIT:
        raise SpecError(f"host name {whole} has more than {NODENAME_LIMIT} characters: shorten hostname or subdomain")
    return whole


def _process(pod: Pod, container: Container, image: ImageDefaults, variables: Mapping[str, str]) -> Json:
    # A pod on the host's network shares its host name too.
    hostname = (pod.spec.node_name or "") if pod.spec.host_network else pod_nodename(pod)
    tty = bool(container.tty)
    return {
        "terminal": tty,
        "args": process_arguments(container.command, container.args, image, variables),
        "env": environment(image=image.env, pod=variables, hostname=hostname, tty=tty),
        "cwd": container.working_dir or image.working_dir or "/",
    }


def _rights(pod: Pod, container: Container, privileges: Privileges) -> Json:
    wanted = oom_score_adj(pod, container, privileges.memory_bytes)
    may = capabilities(container, privileges.capability_mask)
    return {
        "capabilities": {kind: list(may) for kind in ("bounding", "effective", "permitted")},
        "rlimits": rlimits(privileges),
        # Kubernetes sets it only where allowPrivilegeEscalation is false: sudo and ping work by default.
        "noNewPrivileges": of_container(container).allow_privilege_escalation is False,
        "oomScoreAdj": privileges.allowed_oom_score_adj(wanted),
    }


def _allowed(devices: Sequence[Json], permissions: Mapping[str, str]) -> list[Json]:
    """linux.resources.devices for those that have permissions of their own."""
    return [
        {**{name: device[name] for name in ("type", "major", "minor")}, "allow": True, "access": permissions[path]}
        for device in devices
        if (path := device["path"]) in permissions
    ]


def annotated(annotations: Mapping[str, str]) -> Json:
    """What runc is told beside the specification, if anything."""
    return {"annotations": dict(annotations)} if annotations else {}


def _namespaces(pod: Pod, sandbox: SandboxPaths) -> list[Json]:
    """Mount and cgroup of its own; process ids too, unless they are the pod's or the host's; the rest is the pod's."""
    namespaces: list[Json] = [{"type": "mount"}, {"type": "cgroup"}]
    if sandbox.pid:
        namespaces.append({"type": "pid", "path": sandbox.pid})
    elif not pod.spec.host_pid:
        namespaces.append({"type": "pid"})
    return namespaces + joined(sandbox)


def joined(sandbox: SandboxPaths) -> list[Json]:
    """The namespaces that every container of a pod joins."""
    paths = (("user", sandbox.user), ("network", sandbox.net), ("ipc", sandbox.ipc), ("uts", sandbox.uts))
    return [{"type": kind, "path": path} for kind, path in paths if path]


def ids(sandbox: SandboxPaths) -> Json:
    """Which ids the pod has on the host, if it has its own: runc wants to know what it will find in the namespace."""
    if not sandbox.user:
        return {}
    mappings = [{"containerID": 0, "hostID": sandbox.first_id, "size": IDS}]
    return {"uidMappings": mappings, "gidMappings": mappings}


def _unmasked(container: Container) -> bool:
    """procMount: the pod has a user namespace of its own then, or it is refused with its manifest."""
    return of_container(container).proc_mount == "Unmasked"


def _root_propagation(mounts: Sequence[Mount]) -> Json:
    """As open as the most open mount: the kernel passes nothing on through a private root."""
    options = {option for mount in mounts for option in mount.options}
    needed = next((option for option in ("rshared", "rslave") if option in options), None)
    return {"rootfsPropagation": needed} if needed else {}

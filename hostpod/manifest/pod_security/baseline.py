"""The baseline standard, v1.35: nothing that is known to lead out of a container."""

from __future__ import annotations

from collections.abc import Iterator

from hostpod.kube import HTTPGetAction, LifecycleHandler, Pod, Probe, SELinuxOptions, TCPSocketAction
from hostpod.kube.confinement import APPARMOR_ANNOTATION
from hostpod.kube.container import ContainerFields
from hostpod.manifest.pod_security.control import (
    POD,
    Control,
    Path,
    Place,
    Places,
    containers_in,
    containers_of,
    count_verb,
    has_own_users,
    named,
    plural,
    quoted,
    setters_in,
    values_of,
)

CAPABILITIES = frozenset(
    {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP"}
    | {"SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"}
)
SELINUX_TYPES = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
PROFILES = frozenset({"RuntimeDefault", "Localhost"})
SYSCTLS = frozenset(
    {"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"}
    | {"net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout"}
    | {"net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time"}
    | {"net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem"}
)


def _apparmor(pod: Pod) -> Places:
    context = pod.spec.security_context
    found = []
    if context and context.app_armor_profile and context.app_armor_profile.type not in PROFILES:
        of_pod = ("spec", "securityContext", "appArmorProfile", "type")
        found.append(Place(of_pod, POD, context.app_armor_profile.type))
    for path, container in containers_of(pod):
        own = container.security_context
        if own and own.app_armor_profile and own.app_armor_profile.type not in PROFILES:
            place = (*path, "securityContext", "appArmorProfile", "type")
            found.append(Place(place, container.name, own.app_armor_profile.type))
    return [*found, *_apparmor_annotations(pod)]


def _apparmor_annotations(pod: Pod) -> Iterator[Place]:
    for key, value in sorted(pod.metadata.annotations.items()):
        allowed = value in ("", "runtime/default") or value.startswith("localhost/")
        if key.startswith(APPARMOR_ANNOTATION) and not allowed:
            yield Place(("metadata", "annotations", key), POD, value)


def _apparmor_words(places: Places) -> tuple[str, str]:
    fields = [place for place in places if place.path[0] == "spec"]
    annotations = [f'{place.path[-1]}="{place.value}"' for place in places if place.path[0] != "spec"]
    values = [*values_of(fields), *annotations]
    setters = [setters_in(fields)] if fields else []
    setters += [plural("annotation", len(annotations))] if annotations else []
    detail = f"{' and '.join(setters)} must not set AppArmor profile type to {quoted(values)}"
    return plural("forbidden AppArmor profile", len(values)), detail


def added_capabilities(pod: Pod, allowed: frozenset[str]) -> list[Place]:
    """The capabilities that containers add beside the allowed ones."""
    return [
        Place((*path, "securityContext", "capabilities", "add", index), container.name, name)
        for path, container in containers_of(pod)
        if container.security_context and container.security_context.capabilities
        for index, name in enumerate(container.security_context.capabilities.add)
        if name not in allowed
    ]


def added_words(places: Places) -> str:
    """What is said of capabilities that are added."""
    return f"{containers_in(places)} must not include {quoted(values_of(places))} in securityContext.capabilities.add"


def _host_namespaces(pod: Pod) -> Places:
    shared = {"hostIPC": pod.spec.host_ipc, "hostNetwork": pod.spec.host_network, "hostPID": pod.spec.host_pid}
    return [Place(("spec", name), POD, f"{name}=true") for name, value in shared.items() if value]


def _host_paths(pod: Pod) -> Places:
    return [
        Place(("spec", "volumes", index, "hostPath"), volume.name)
        for index, volume in enumerate(pod.spec.volumes)
        if volume.host_path is not None
    ]


def _host_ports(pod: Pod) -> Places:
    return [
        Place((*path, "ports", index, "hostPort"), container.name, str(port.host_port))
        for path, container in containers_of(pod)
        for index, port in enumerate(container.ports)
        if port.host_port
    ]


def _host_ports_words(places: Places) -> tuple[str, str]:
    values = values_of(places)
    ports = f"{plural('hostPort', len(values))} {', '.join(values)}"
    return "hostPort", f"{containers_in(places)} {count_verb(places)} {ports}"


def _other_hosts(pod: Pod) -> Places:
    return [
        Place((*path, *below, "host"), container.name, action.host)
        for path, container in containers_of(pod)
        for below, action in _askers(container)
        if action is not None and action.host
    ]


def _askers(container: ContainerFields) -> Iterator[tuple[Path, HTTPGetAction | TCPSocketAction | None]]:
    """All of a container's checks and hooks that speak to an address."""
    handlers: dict[Path, Probe | LifecycleHandler | None] = {
        ("livenessProbe",): container.liveness_probe,
        ("readinessProbe",): container.readiness_probe,
        ("startupProbe",): container.startup_probe,
    }
    if container.lifecycle is not None:
        handlers["lifecycle", "postStart"] = container.lifecycle.post_start
        handlers["lifecycle", "preStop"] = container.lifecycle.pre_stop
    for path, handler in handlers.items():
        if handler is not None:
            yield (*path, "httpGet"), handler.http_get
            yield (*path, "tcpSocket"), handler.tcp_socket


def _other_hosts_words(places: Places) -> tuple[str, str]:
    containers, values = named("container", sorted({place.who for place in places})), values_of(places)
    hosts = f"{plural('probe or lifecycle host', len(values))} {quoted(values)}"
    return "probe or lifecycle host", f"{containers} {count_verb(places)} {hosts}"


def _privileged(pod: Pod) -> Places:
    return [
        Place((*path, "securityContext", "privileged"), container.name)
        for path, container in containers_of(pod)
        if container.security_context and container.security_context.privileged
    ]


def unmasked_proc(pod: Pod) -> Places:
    """Containers that see all of /proc."""
    found = []
    for path, container in containers_of(pod):
        proc_mount = container.security_context.proc_mount if container.security_context else None
        if proc_mount and proc_mount != "Default":
            found.append(Place((*path, "securityContext", "procMount"), container.name, proc_mount))
    return found


def proc_words(places: Places) -> tuple[str, str]:
    """What is said of them."""
    return "procMount", f"{containers_in(places)} must not set securityContext.procMount to {quoted(values_of(places))}"


def _proc_mount(pod: Pod) -> Places:
    return () if has_own_users(pod) else unmasked_proc(pod)


def _selinux(pod: Pod) -> Places:
    context = pod.spec.security_context
    found = list(_selinux_options(("spec",), POD, context.se_linux_options if context else None))
    for path, container in containers_of(pod):
        own = container.security_context
        found += _selinux_options(path, container.name, own.se_linux_options if own else None)
    return found


def _selinux_options(path: Path, who: str, options: SELinuxOptions | None) -> Iterator[Place]:
    """Where a type is not of those for containers, or a user or role is set."""
    place = (*path, "securityContext", "seLinuxOptions")
    if options is None:
        return
    if (options.type or "") not in SELINUX_TYPES:
        yield Place((*place, "type"), who, options.type or "")
    for name in ("user", "role"):
        if getattr(options, name):
            yield Place((*place, name), who)


def _selinux_words(places: Places) -> tuple[str, str]:
    types = values_of([place for place in places if place.path[-1] == "type"])
    wrong = [f"{plural('type', len(types))} {quoted(types)}"] if types else []
    set_ = {place.path[-1] for place in places}
    wrong += [f"{name} may not be set" for name in ("user", "role") if name in set_]
    return "seLinuxOptions", f"{setters_in(places)} set forbidden securityContext.seLinuxOptions: {'; '.join(wrong)}"


def unconfined_calls(pod: Pod) -> list[Place]:
    """Seccomp profiles that let every system call through."""
    context = pod.spec.security_context
    found = []
    if context and context.seccomp_profile and context.seccomp_profile.type not in PROFILES:
        of_pod = ("spec", "securityContext", "seccompProfile", "type")
        found.append(Place(of_pod, POD, context.seccomp_profile.type))
    for path, container in containers_of(pod):
        own = container.security_context
        if own and own.seccomp_profile and own.seccomp_profile.type not in PROFILES:
            place = (*path, "securityContext", "seccompProfile", "type")
            found.append(Place(place, container.name, own.seccomp_profile.type))
    return found


def seccomp_words(places: Places) -> tuple[str, str]:
    """What is said of them."""
    types = quoted(values_of(places))
    return "seccompProfile", f"{setters_in(places)} must not set securityContext.seccompProfile.type to {types}"


def _sysctls(pod: Pod) -> Places:
    context = pod.spec.security_context
    return [
        Place(("spec", "securityContext", "sysctls", index, "name"), POD, sysctl.name)
        for index, sysctl in enumerate(context.sysctls if context else ())
        if sysctl.name not in SYSCTLS
    ]


def _host_processes(pod: Pod) -> Places:
    contexts = [(("spec",), POD, pod.spec.security_context)]
    own = [(path, container.name, container.security_context) for path, container in containers_of(pod)]
    return [
        Place((*path, "securityContext", "windowsOptions", "hostProcess"), who)
        for path, who, context in (*contexts, *own)
        if context and context.windows_options and context.windows_options.host_process
    ]


BASELINE: tuple[Control, ...] = (
    Control("appArmorProfile", _apparmor, _apparmor_words),
    Control(
        "capabilities",
        lambda pod: added_capabilities(pod, CAPABILITIES),
        lambda places: ("non-default capabilities", added_words(places)),
    ),
    Control(
        "hostNamespaces",
        _host_namespaces,
        lambda places: ("host namespaces", ", ".join(place.value for place in places)),
    ),
    Control(
        "hostPathVolumes",
        _host_paths,
        lambda places: ("hostPath volumes", named("volume", (place.who for place in places))),
    ),
    Control("hostPorts", _host_ports, _host_ports_words),
    Control("hostProbesAndHostLifecycle", _other_hosts, _other_hosts_words),
    Control(
        "privileged",
        _privileged,
        lambda places: ("privileged", f"{containers_in(places)} must not set securityContext.privileged=true"),
    ),
    Control("procMount", _proc_mount, proc_words),
    Control("seLinuxOptions", _selinux, _selinux_words),
    Control("seccompProfile", unconfined_calls, seccomp_words),
    Control("sysctls", _sysctls, lambda places: ("forbidden sysctls", ", ".join(place.value for place in places))),
    Control(
        "windowsHostProcess",
        _host_processes,
        lambda places: (
            "hostProcess",
            f"{setters_in(places)} must not set securityContext.windowsOptions.hostProcess=true",
        ),
    ),
)

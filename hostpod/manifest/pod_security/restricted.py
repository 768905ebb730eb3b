"""The restricted standard, v1.35: what a container does not need is taken from it."""

from __future__ import annotations

from collections.abc import Iterator

from hostpod.kube import Pod, Volume
from hostpod.kube.container import ContainerFields
from hostpod.manifest.pod_security.baseline import (
    added_capabilities,
    added_words,
    proc_words,
    seccomp_words,
    unconfined_calls,
    unmasked_proc,
)
from hostpod.manifest.pod_security.control import (
    POD,
    Control,
    Path,
    Place,
    Places,
    containers_in,
    containers_of,
    has_own_users,
    is_for_windows,
    named,
    plural,
    quoted,
    setters_in,
    values_of,
)

STRICTER = frozenset({"capabilities", "hostPathVolumes", "procMount", "seccompProfile"})
"""The controls of baseline that are here again, and ask for more."""

VOLUMES = frozenset(
    {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
)
_MAY_ADD = frozenset({"NET_BIND_SERVICE"})


def _escalation(pod: Pod) -> Places:
    if is_for_windows(pod):
        return ()
    return [
        Place((*path, "securityContext", "allowPrivilegeEscalation"), container.name)
        for path, container in containers_of(pod)
        if container.security_context is None or container.security_context.allow_privilege_escalation is not False
    ]


def _capabilities(pod: Pod) -> Places:
    if is_for_windows(pod):
        return ()
    return [*_not_dropped(pod), *added_capabilities(pod, _MAY_ADD)]


def _not_dropped(pod: Pod) -> Iterator[Place]:
    for path, container in containers_of(pod):
        context = container.security_context
        if not (context and context.capabilities and "ALL" in context.capabilities.drop):
            yield Place((*path, "securityContext", "capabilities", "drop"), container.name)


def _capabilities_words(places: Places) -> tuple[str, str]:
    missing = [place for place in places if place.path[-1] == "drop"]
    added = [place for place in places if place.path[-1] != "drop"]
    details = [f'{containers_in(missing)} must set securityContext.capabilities.drop=["ALL"]'] if missing else []
    return "unrestricted capabilities", "; ".join((*details, *([added_words(added)] if added else [])))


def _volumes(pod: Pod) -> Places:
    return [
        Place(("spec", "volumes", index, kind), volume.name, kind)
        for index, volume in enumerate(pod.spec.volumes)
        for kind in _kinds(volume)
        if kind not in VOLUMES
    ]


def _kinds(volume: Volume) -> list[str]:
    """The sources that are set: one, in a volume that is right."""
    fields = type(volume).model_fields
    return [
        field.alias or name for name, field in fields.items() if name != "name" and getattr(volume, name) is not None
    ]


def _volumes_words(places: Places) -> tuple[str, str]:
    volumes, kinds = tuple(dict.fromkeys(place.who for place in places)), values_of(places)
    verb = "uses" if len(volumes) == 1 else "use"
    types = f"{plural('restricted volume type', len(kinds))} {quoted(kinds)}"
    return "restricted volume types", f"{named('volume', volumes)} {verb} {types}"


def _root(pod: Pod) -> Places:
    """Who says that it may be root; where nobody does, who does not say that it may not."""
    if has_own_users(pod):
        return ()
    context = pod.spec.security_context
    whole = context.run_as_non_root if context else None
    said = [Place(("spec", "securityContext", "runAsNonRoot"), POD, "false")] if whole is False else []
    silent = []
    for path, container in containers_of(pod):
        own = container.security_context.run_as_non_root if container.security_context else None
        if own is False:
            said.append(Place((*path, "securityContext", "runAsNonRoot"), container.name, "false"))
        elif own is None and whole is not True:
            silent.append(Place((*path, "securityContext", "runAsNonRoot"), container.name))
    return said or silent


def _root_words(places: Places) -> tuple[str, str]:
    if places[0].value:
        return "runAsNonRoot != true", f"{setters_in(places)} must not set securityContext.runAsNonRoot=false"
    return "runAsNonRoot != true", f"pod or {containers_in(places)} must set securityContext.runAsNonRoot=true"


def _root_user(pod: Pod) -> Places:
    if has_own_users(pod):
        return ()
    context = pod.spec.security_context
    found = [Place(("spec", "securityContext", "runAsUser"))] if context and context.run_as_user == 0 else []
    return found + [
        Place((*path, "securityContext", "runAsUser"), container.name)
        for path, container in containers_of(pod)
        if container.security_context and container.security_context.run_as_user == 0
    ]


def _seccomp(pod: Pod) -> Places:
    """Profiles that let everything through; where there are none, containers that have no profile."""
    if is_for_windows(pod):
        return ()
    unconfined = unconfined_calls(pod)
    context = pod.spec.security_context
    if unconfined or (context and context.seccomp_profile):
        return unconfined
    return [
        Place(_profile_of(path), container.name)
        for path, container in containers_of(pod)
        if not _has_profile(container)
    ]


def _has_profile(container: ContainerFields) -> bool:
    return container.security_context is not None and container.security_context.seccomp_profile is not None


def _profile_of(path: Path) -> Path:
    return (*path, "securityContext", "seccompProfile")


def _seccomp_words(places: Places) -> tuple[str, str]:
    if places[0].value:
        return seccomp_words(places)
    types = '"RuntimeDefault" or "Localhost"'
    detail = f"pod or {containers_in(places)} must set securityContext.seccompProfile.type to {types}"
    return "seccompProfile", detail


RESTRICTED: tuple[Control, ...] = (
    Control(
        "allowPrivilegeEscalation",
        _escalation,
        lambda places: (
            "allowPrivilegeEscalation != false",
            f"{containers_in(places)} must set securityContext.allowPrivilegeEscalation=false",
        ),
    ),
    Control("capabilities", _capabilities, _capabilities_words),
    Control("procMount", unmasked_proc, proc_words),
    Control("restrictedVolumes", _volumes, _volumes_words),
    Control("runAsNonRoot", _root, _root_words),
    Control("runAsUser", _root_user, lambda places: ("runAsUser=0", f"{setters_in(places)} must not set runAsUser=0")),
    Control("seccompProfile", _seccomp, _seccomp_words),
)

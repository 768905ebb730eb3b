"""The AppArmor profile and the SELinux labels of a container. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hostpod.kube import Container, Pod, SELinuxOptions
from hostpod.kube.confinement import apparmor_profile, selinux_options
from hostpod.oci.security import is_privileged
from hostpod.oci.values import SpecError

DEFAULT_PROFILE = "hostpod-default"


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """What the runtime sets: the profile of the process, its label, and that of what it may write. "" is none."""

    apparmor: str = ""
    process: str = ""
    files: str = ""


def apparmor_label(pod: Pod, container: Container, loaded: Collection[str]) -> str:
    """On a host with AppArmor, whose kernel has `loaded` these profiles.

    The default is of who names none as well, where it could be loaded, and of no privileged container. SpecError for a
    profile that was asked for and is not loaded.
    """
    profile = apparmor_profile(pod, container)
    if profile is not None and profile.type == "Unconfined":
        return "unconfined"
    if (profile is None or profile.type == "RuntimeDefault") and is_privileged(container):
        return ""
    if profile is None:
        return DEFAULT_PROFILE if DEFAULT_PROFILE in loaded else ""
    name = DEFAULT_PROFILE if profile.type == "RuntimeDefault" else profile.localhost_profile or ""
    if name not in loaded:
        advice = "install apparmor and restart hostpod" if name == DEFAULT_PROFILE else "load it by apparmor_parser"
        raise SpecError(f'AppArmor profile "{name}" is not loaded on this host: {advice}')
    return name


def selinux_labels(pod: Pod, container: Container, *, process: str, files: str) -> tuple[str, str]:
    """The host's labels of a container's process and its files, with what the pod says of them put in.

    Files have the process' level; user, role and type are the process' alone. Nothing is said: no labels.
    """
    options = selinux_options(pod, container)
    if options is None:
        return "", ""
    return _with(process, options), _with(files, SELinuxOptions(level=options.level))


def _with(label: str, options: SELinuxOptions) -> str:
    """`user:role:type:level`, of which the level may have colons of its own."""
    parts = (label.split(":", 3) + [""] * 4)[:4]
    said = (options.user, options.role, options.type, options.level)
    whole = [new or old for new, old in zip(said, parts, strict=True)]
    return ":".join(whole if whole[3] else whole[:3])

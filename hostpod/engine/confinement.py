"""How a container is confined: its filter of system calls, read where it is a file of this host, and its labels."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from hostpod.engine.edges import Edges
from hostpod.host.apparmor import loaded_profiles
from hostpod.host.selinux import container_labels
from hostpod.kube import Container, Pod, SeccompProfile
from hostpod.oci import Labels, SpecError, apparmor_label, capabilities, profile_of, seccomp, selinux_labels
from hostpod.oci.values import Json

LARGEST_BYTES = 1024 * 1024
_BY_DEFAULT = SeccompProfile(type="RuntimeDefault")
_NONE = SeccompProfile(type="Unconfined")


def seccomp_of(pod: Pod, container: Container, edges: Edges) -> Json | None:
    """linux.seccomp; None is no filter. SpecError for a profile that is not there or is none."""
    settings = edges.config.security
    return seccomp(
        profile_of(pod, container) or (_BY_DEFAULT if settings.seccomp_default else _NONE),
        capabilities=capabilities(container, edges.privileges.capability_mask),
        machine=edges.privileges.machine,
        load=_reader(settings.seccomp_profiles),
    )


def labels_of(pod: Pod, container: Container, edges: Edges) -> Labels:
    """The profile of AppArmor and the labels of SELinux, where the host has them. SpecError for what is not loaded."""
    profile = apparmor_label(pod, container, loaded_profiles()) if edges.privileges.apparmor else ""
    process, files = container_labels() if edges.privileges.selinux else ("", "")
    if edges.privileges.selinux:
        process, files = selinux_labels(pod, container, process=process, files=files)
    return Labels(apparmor=profile, process=process, files=files)


def _reader(directory: Path) -> Callable[[str], Json]:
    def read(name: str) -> Json:
        path = directory / name
        try:
            with path.open("rb") as file:
                profile = json.loads(file.read(LARGEST_BYTES))
        except OSError as error:
            raise SpecError(f"cannot read seccomp profile {path}: {os.strerror(error.errno or 0).lower()}") from error
        except ValueError as error:
            raise SpecError(f"cannot read seccomp profile {path}: no JSON, {error}") from error
        if not isinstance(profile, dict):
            raise SpecError(f"cannot read seccomp profile {path}: no JSON object")
        return profile

    return read

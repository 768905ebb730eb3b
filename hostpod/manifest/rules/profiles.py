"""Rules for seccomp and AppArmor profiles: the fields, the old annotations, and that both say the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hostpod.kube import AppArmorProfile, Pod, SeccompProfile
from hostpod.kube.confinement import APPARMOR_ANNOTATION
from hostpod.kube.container import ContainerFields
from hostpod.manifest.rules.formats import relative_path, trimmed
from hostpod.manifest.rules.violation import (
    Path,
    Violation,
    Violations,
    chosen,
    forbidden,
    formatted,
    optional,
    quoted,
    required,
)

TYPES = ("RuntimeDefault", "Unconfined", "Localhost")
POD_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
CONTAINER_SECCOMP = "container.seccomp.security.alpha.kubernetes.io/"
LOCALHOST = "localhost/"
PROFILE_NAME_BYTES = 4095

_SECCOMP_OF = {"runtime/default": "RuntimeDefault", "docker/default": "RuntimeDefault", "unconfined": "Unconfined"}
_APPARMOR_OF = {"runtime/default": "RuntimeDefault", "unconfined": "Unconfined"}


def seccomp(path: Path, profile: SeccompProfile | None) -> Violations:
    """The seccompProfile field."""
    if profile is not None:
        yield from _profile(path, profile)
        yield from optional((*path, "localhostProfile"), profile.localhost_profile, relative_path)


def apparmor(path: Path, profile: AppArmorProfile | None) -> Violations:
    """The appArmorProfile field."""
    if profile is None:
        return
    yield from _profile(path, profile)
    yield from optional((*path, "localhostProfile"), profile.localhost_profile, trimmed)
    if len((profile.localhost_profile or "").encode()) > PROFILE_NAME_BYTES:
        yield Violation(path=(*path, "localhostProfile"), message=f"is longer than {PROFILE_NAME_BYTES} bytes")


def _profile(path: Path, profile: SeccompProfile | AppArmorProfile) -> Violations:
    yield from chosen((*path, "type"), profile.type, TYPES)
    if profile.type == "Localhost":
        yield from required((*path, "localhostProfile"), profile.localhost_profile, "type Localhost needs a profile")
    else:
        yield from forbidden(
            (*path, "localhostProfile"), profile.localhost_profile, "must be left away, it belongs to type Localhost"
        )


def profile_annotations(pod: Pod, containers: Iterable[tuple[Path, ContainerFields]]) -> Violations:
    """The annotations that came before the fields, beside the fields."""
    path, values = ("metadata", "annotations"), pod.metadata.annotations
    for key, value in values.items():
        if key == POD_SECCOMP or key.startswith(CONTAINER_SECCOMP):
            yield from _seccomp_annotation((*path, key), value)
    containers = tuple(containers)
    names = {container.name for _, container in containers}
    for key, value in values.items():
        if key.startswith(APPARMOR_ANNOTATION):
            yield from _apparmor_annotation((*path, key), value, key.removeprefix(APPARMOR_ANNOTATION) in names)
    yield from _agreement(pod, containers)


def _seccomp_annotation(path: Path, value: str) -> Violations:
    if value.startswith(LOCALHOST):
        yield from formatted(path, value.removeprefix(LOCALHOST), relative_path)
    else:
        yield from chosen(path, value, (*_SECCOMP_OF, f"{LOCALHOST}PROFILE"))


def _apparmor_annotation(path: Path, value: str, known: bool) -> Violations:  # noqa: FBT001  # one caller, one line away
    if not known:
        yield Violation(path=path, message=f"{quoted(str(path[-1]).rpartition('/')[2])} is no container of this pod")
    if value and not value.startswith(LOCALHOST):
        yield from chosen(path, value, (*_APPARMOR_OF, f"{LOCALHOST}PROFILE"))


def _agreement(pod: Pod, containers: Iterable[tuple[Path, ContainerFields]]) -> Violations:
    annotations, context = pod.metadata.annotations, pod.spec.security_context
    if context is not None and context.seccomp_profile is not None:
        field: Path = ("spec", "securityContext", "seccompProfile")
        yield from _same(field, context.seccomp_profile, annotations.get(POD_SECCOMP), _SECCOMP_OF)
    for path, container in containers:
        yield from _container_agreement((*path, "securityContext"), container, pod, annotations)


def _container_agreement(
    path: Path, container: ContainerFields, pod: Pod, annotations: Mapping[str, str]
) -> Violations:
    own = container.security_context
    if own is not None and own.seccomp_profile is not None:
        annotation = annotations.get(f"{CONTAINER_SECCOMP}{container.name}")
        yield from _same((*path, "seccompProfile"), own.seccomp_profile, annotation, _SECCOMP_OF)
    profile = own.app_armor_profile if own is not None else None
    if profile is None and pod.spec.security_context is not None:
        profile = pod.spec.security_context.app_armor_profile
    if profile is not None:
        annotation = annotations.get(f"{APPARMOR_ANNOTATION}{container.name}")
        yield from _same((*path, "appArmorProfile"), profile, annotation, _APPARMOR_OF)


def _same(
    path: Path, profile: SeccompProfile | AppArmorProfile, annotation: str | None, types: Mapping[str, str]
) -> Violations:
    if annotation is None:
        return
    localhost = annotation.startswith(LOCALHOST)
    if profile.type != ("Localhost" if localhost else types.get(annotation)):
        yield Violation(path=(*path, "type"), message=f"says other than the annotation {quoted(annotation)}, drop one")
    elif localhost and profile.localhost_profile != annotation.removeprefix(LOCALHOST):
        yield Violation(
            path=(*path, "localhostProfile"), message=f"says other than the annotation {quoted(annotation)}, drop one"
        )

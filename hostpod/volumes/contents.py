"""What is in a volume that is written from objects and from the pod itself, as files by path. Pure.

The sources are pkg/volume/{configmap,secret,downwardapi,projected} of k8s.io/kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hostpod.kube import ConfigMap, DownwardAPIVolumeFile, KeyToPath, Pod, Secret, Volume, VolumeProjection
from hostpod.kube.config import Configs
from hostpod.kube.downward import RunningFacts, field_value, resource_value
from hostpod.kube.references import CONFIG_MAP, SECRET, missing
from hostpod.volumes.errors import VolumeError
from hostpod.volumes.tokens import owner_of

DEFAULT_MODE = 0o644
GROUP_MAY_READ = 0o440
OWNER_ALONE = 0o600


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """One regular file: its octets, its permissions, its owner and its group."""

    content: bytes
    mode: int
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What files may be written from; `tokens` are those of the volume, by path."""

    pod: Pod
    facts: RunningFacts
    configs: Configs
    tokens: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def kind_of(volume: Volume) -> str | None:
    """The kubelet's name for the directory of such volumes; None for a volume that is not written."""
    written = {
        "kubernetes.io~configmap": volume.config_map,
        "kubernetes.io~secret": volume.secret,
        "kubernetes.io~downward-api": volume.downward_api,
        "kubernetes.io~projected": volume.projected,
    }
    return next((name for name, source in written.items() if source is not None), None)


def files_of(volume: Volume, told: Told) -> Mapping[str, File]:
    """The files of a volume by path, the last of a path. VolumeError for what is not there and is not optional."""
    if (config_map := volume.config_map) is not None:
        held = _held(CONFIG_MAP, config_map.name, told, optional=config_map.optional)
        return _keyed(CONFIG_MAP, held, config_map.items, config_map.default_mode, optional=config_map.optional)
    if (secret := volume.secret) is not None:
        held = _held(SECRET, secret.secret_name, told, optional=secret.optional)
        return _keyed(SECRET, held, secret.items, secret.default_mode, optional=secret.optional)
    if volume.downward_api is not None:
        return dict(_downward(volume.downward_api.items, volume.downward_api.default_mode, told))
    assert volume.projected is not None, "only volumes of these kinds are written"
    files: dict[str, File] = {}
    for projection in volume.projected.sources:
        files |= _projected(projection, volume.projected.default_mode, told)
    return files


def for_group(files: Mapping[str, File], gid: int | None) -> Mapping[str, File]:
    """The same files as a pod's fsGroup may read them."""
    if gid is None:
        return files
    return {path: replace(file, gid=gid, mode=file.mode | GROUP_MAY_READ) for path, file in files.items()}


def _projected(projection: VolumeProjection, mode: int | None, told: Told) -> Mapping[str, File]:
    if (config_map := projection.config_map) is not None:
        held = _held(CONFIG_MAP, config_map.name, told, optional=config_map.optional)
        return _keyed(CONFIG_MAP, held, config_map.items, mode, optional=config_map.optional)
    if (secret := projection.secret) is not None:
        held = _held(SECRET, secret.name, told, optional=secret.optional)
        return _keyed(SECRET, held, secret.items, mode, optional=secret.optional)
    if (token := projection.service_account_token) is not None:
        return {token.path: _token(told.tokens[token.path], mode, told.pod)}
    return dict(_downward(projection.downward_api.items, mode, told)) if projection.downward_api else {}


def _token(content: bytes, mode: int | None, pod: Pod) -> File:
    """Nobody else may read it where its reader is known: one user, or the fsGroup, which is let in later."""
    context = pod.spec.security_context
    owner = owner_of(pod)
    known = owner is not None or (context is not None and context.fs_group is not None)
    return File(content=content, mode=OWNER_ALONE if known else DEFAULT_MODE if mode is None else mode, uid=owner or 0)


def _held(kind: str, name: str | None, told: Told, *, optional: bool | None) -> ConfigMap | Secret | None:
    held = told.configs.get((kind, told.pod.namespace, name or ""))
    if held is None and not optional:
        raise VolumeError(missing(kind, name or "", told.pod.namespace))
    return held


def _keyed(
    kind: str,
    held: ConfigMap | Secret | None,
    items: Sequence[KeyToPath],
    mode: int | None,
    *,
    optional: bool | None,
) -> dict[str, File]:
    contents = held.contents() if held else {}
    default = DEFAULT_MODE if mode is None else mode
    if not items:
        return {key: File(content=content, mode=default) for key, content in contents.items()}
    if not optional and (absent := [item.key for item in items if item.key not in contents]):
        what = "config" if kind == CONFIG_MAP else "secret"
        raise VolumeError(f"{kind.lower()} references non-existent {what} key: {absent[0]}")
    return {
        item.path: File(content=contents[item.key], mode=default if item.mode is None else item.mode)
        for item in items
        if item.key in contents
    }


def _downward(items: Iterable[DownwardAPIVolumeFile], mode: int | None, told: Told) -> Iterator[tuple[str, File]]:
    default = DEFAULT_MODE if mode is None else mode
    for item in items:
        content = _said(item, told).encode()
        yield item.path, File(content=content, mode=default if item.mode is None else item.mode)


def _said(item: DownwardAPIVolumeFile, told: Told) -> str:
    if item.field_ref is not None:
        return field_value(told.pod, item.field_ref.field_path, told.facts)
    resource = item.resource_field_ref
    assert resource is not None, "an item without a source is refused with its manifest"
    container = told.pod.spec.container(resource.container_name or "")
    return resource_value(container, resource, told.facts)

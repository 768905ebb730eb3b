"""A pod's volumes and files: made before its containers, given to each container, removed after them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from posixpath import normpath
from typing import Any

from hostpod.host.mount import IdMap, MountError, detach, unmount_under
from hostpod.host.store import StoreError, remove_tree
from hostpod.kube import Container, Pod, Volume, VolumeMount
from hostpod.kube.config import Configs
from hostpod.kube.downward import RunningFacts
from hostpod.kube.expansion import expand, references
from hostpod.volumes.claims import Claim, claims_in
from hostpod.volumes.contents import Told, files_of, for_group, kind_of
from hostpod.volumes.empty_dir import open_limited
from hostpod.volumes.errors import VolumeError, reason
from hostpod.volumes.nfs import open_nfs
from hostpod.volumes.pod_files import PodFiles, remove_pod_files, write_pod_files
from hostpod.volumes.propagation import Propagation, propagation_of
from hostpod.volumes.reading import read_text_in
from hostpod.volumes.sub_path import bind_mapped, bind_sub_path
from hostpod.volumes.token_files import TokenMaker
from hostpod.volumes.token_signer import TokenSigner
from hostpod.volumes.volume import limit_on_disk, naming, open_claim, open_volume
from hostpod.volumes.written import write_files

# The kubelet's names, so that people and their tools find what they know.
VOLUMES = "volumes"
EMPTY_DIRS = "kubernetes.io~empty-dir"
CLAIMS = "kubernetes.io~local-volume"
NFS = "kubernetes.io~nfs"
IMAGES = "kubernetes.io~image"
SUB_PATHS = "volume-subpaths"

# What is only shown at a place of the pod's own, and lies elsewhere.
_SHOWN = (CLAIMS, NFS, IMAGES)


@dataclass(frozen=True, kw_only=True, slots=True)
class PodFacts:
    """What other rooms know of a pod; no `addresses` on the host's network, no `memory_limit_bytes` without a limit.

    `nodename` is the host name that the kernel tells, with a domain where the pod wants that. `running` and `configs`
    are what files of volumes are written from; tokens are made in the name of `issuer` for a pod on `node`. `first_id`
    is who the pod's root is on the host.
    """

    hostname: str
    nodename: str
    addresses: tuple[str, ...]
    memory_limit_bytes: int | None
    running: RunningFacts = field(default_factory=RunningFacts)
    configs: Configs = field(default_factory=dict)
    issuer: str = ""
    node: str = ""
    first_id: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedVolumes:
    """The pod's volumes by name, the files that every pod has, and where subPaths are bound.

    Those that are `read_only` are so in every container; from what is `data` nothing can be executed. Those that are
    `foreign` outlive the pod: what is in them belongs to whom it belongs. The pod's own belong to its root, `owner`. At
    `renew_at` (wall seconds) one of them shows a token that another has to take the place of.
    """

    sources: Mapping[str, Path]
    read_only: frozenset[str]
    data: frozenset[str]
    foreign: frozenset[str]
    owner: int
    files: PodFiles
    sub_paths: Path
    renew_at: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class VolumeMounted:
    """One mount of a container; `recursive` takes along what is mounted below the source.

    With `all_read_only` that is read-only too; with `no_exec` nothing in it can be executed. `kept` are options of the
    mount below that must be said again where the mount is changed: a pod with ids of its own may not drop them. What is
    `own` was made for the pod and is nobody else's.
    """

    source: Path
    destination: str
    read_only: bool = False
    all_read_only: bool = False
    no_exec: bool = False
    recursive: bool = False
    propagation: Propagation = "private"
    kept: tuple[str, ...] = ()
    own: bool = False


class PodVolumes:
    """Volumes of all pods. `state` (on disk) and `runtime` (emptied by a reboot) hold a directory for each uid.

    Storage that pods claim is below `claims`, whoever uses it; tokens are signed with what is in `keys`.
    """

    def __init__(self, *, state: Path, runtime: Path, claims: Path, keys: Path) -> None:
        self._state = state
        self._runtime = runtime
        self._claims = claims
        self._signer = TokenSigner(keys)

    async def public_keys(self) -> Mapping[str, Any]:
        """The JSON Web Key Set that the pods' tokens are verified by. VolumeError where the key cannot be had."""
        return await asyncio.to_thread(self._signer.public_keys)

    async def prepare(self, pod: Pod, facts: PodFacts) -> PreparedVolumes:
        """Make the pod's volumes and files, or find them after a restart: what is there is not touched.

        Only what volumes show of objects and of the pod itself is brought up to date; call it again for that.

        VolumeError names the volume and says why it cannot be had.
        """
        state, runtime = self._directories(pod.metadata.uid or "")
        own = state / VOLUMES / EMPTY_DIRS
        for volume in pod.spec.volumes:
            if (limit := limit_on_disk(volume)) is not None:
                with naming(volume.name):
                    _make(state)
                    _make(own)
                    await open_limited(own / volume.name, limit)
            if volume.nfs is not None:
                with naming(volume.name):
                    await open_nfs(volume.nfs, runtime / VOLUMES / NFS / volume.name)
        if not pod.spec.volumes:  # nothing here can block then
            return self._prepare(pod, facts, runtime)
        return await asyncio.to_thread(self._prepare, pod, facts, runtime)

    def image_place(self, uid: str, volume: str) -> Path:
        """Where the image of a pod's volume is to be mounted. Whoever mounts it unmounts it before `teardown`."""
        return self._directories(uid)[1] / VOLUMES / IMAGES / volume

    def image_places(self, uid: str) -> Sequence[Path]:
        """Where images of a pod's volumes may be mounted now."""
        return tuple(_places(self._directories(uid)[1] / VOLUMES, (IMAGES,)))

    def claims(self) -> Mapping[Claim, Path]:
        """All storage that was ever claimed, and where it lies."""
        return {claim: claim.below(self._claims) for claim in claims_in(self._claims)}

    def container_mounts(
        self,
        container: Container,
        prepared: PreparedVolumes,
        variables: Mapping[str, str],
        *,
        idmap: IdMap | None = None,
    ) -> tuple[VolumeMounted, ...]:
        """What to mount into a container, parents before children: its volumes, and the pod's files around them.

        A subPath is resolved and bound now, anew for each attempt of the container; so is what is the host's, for a pod
        with ids of its own (`idmap`). VolumeError names the volume.
        """
        place = prepared.sub_paths / container.name
        mounts = [(mount, _sub_path(mount, variables)) for mount in container.volume_mounts]
        volumes = [_mounted(*each, prepared, place / str(number), idmap) for number, each in enumerate(mounts)]
        taken = {mounted.destination for mounted in volumes}
        files = [
            VolumeMounted(source=source, destination=destination, own=True)
            for source, destination in prepared.files.places()
            if destination not in taken
        ]
        return tuple(sorted((*files, *volumes), key=lambda mounted: mounted.destination.count("/")))

    def teardown(self, uid: str) -> None:
        """Remove a pod's volumes and files, and what containers have mounted on them; nothing when there are none.

        Links are not followed, and nothing that is still mounted is entered. VolumeError says what would not go.
        """
        state, runtime = self._directories(uid)
        volumes, sub_paths = state / VOLUMES, runtime / SUB_PATHS
        try:
            remove_pod_files(runtime)
            shown = runtime / VOLUMES
            for target in (*sub_paths.glob("*/*"), *_places(shown, _SHOWN), *_places(volumes, (EMPTY_DIRS,))):
                detach(target)
            try:
                _remove(sub_paths, volumes, shown)
            except StoreError:  # a container has mounted something on a volume: that goes as well
                for top in (volumes, sub_paths, shown):
                    unmount_under(top)
                _remove(sub_paths, volumes, shown)
        except (StoreError, MountError) as error:
            raise VolumeError(f"cannot remove the volumes of pod {uid}: {error}") from error

    def _prepare(self, pod: Pod, facts: PodFacts, runtime: Path) -> PreparedVolumes:
        told = Told(pod=pod, facts=facts.running, configs=facts.configs)
        maker = TokenMaker(signer=self._signer, issuer=facts.issuer, node=facts.node)
        sources, renewals = {}, list[float]()
        refused: list[VolumeError] = []
        for volume in pod.spec.volumes:
            with _going_on(refused), naming(volume.name):
                if kind := kind_of(volume):
                    sources[volume.name] = runtime / VOLUMES / kind / volume.name
                    renewals += _write(volume, sources[volume.name], told, maker, owner=facts.first_id)
                else:
                    sources[volume.name] = self._open(pod, volume, facts)
        if refused:
            raise refused[0]
        try:
            files = write_pod_files(
                pod,
                runtime=runtime,
                hostname=facts.hostname,
                nodename=facts.nodename,
                addresses=facts.addresses,
                owner=facts.first_id,
            )
        except MountError as error:
            raise VolumeError(str(error)) from error
        except OSError as error:
            raise VolumeError(f"cannot write the pod's files: {error.filename}: {reason(error)}") from error
        return PreparedVolumes(
            sources=sources,
            read_only=frozenset(volume.name for volume in pod.spec.volumes if _is_read_only(volume)),
            data=frozenset(volume.name for volume in pod.spec.volumes if volume.image is not None),
            foreign=frozenset(volume.name for volume in pod.spec.volumes if _is_foreign(volume)),
            owner=facts.first_id,
            files=files,
            sub_paths=runtime / SUB_PATHS,
            renew_at=min(renewals, default=None),
        )

    def _open(self, pod: Pod, volume: Volume, facts: PodFacts) -> Path:
        state, runtime = self._directories(pod.metadata.uid or "")
        shown = runtime / VOLUMES
        if volume.persistent_volume_claim is not None:
            return open_claim(pod, volume, self._claims, shown / CLAIMS / volume.name)
        if volume.nfs is not None:  # mounted already
            return shown / NFS / volume.name
        if volume.image is not None:  # mounted before a container that shows it is made
            return shown / IMAGES / volume.name
        own = state / VOLUMES / EMPTY_DIRS
        _make(state)
        _make(own)
        return open_volume(
            pod, volume, own / volume.name, memory_limit_bytes=facts.memory_limit_bytes, owner=facts.first_id
        )

    def _directories(self, uid: str) -> tuple[Path, Path]:
        if uid in ("", ".", "..") or "/" in uid:
            raise VolumeError(f'"{uid}" cannot be the uid of a pod')
        return self._state / uid, self._runtime / uid


def _is_read_only(volume: Volume) -> bool:
    """In every container, whatever its mount says."""
    claim, nfs = volume.persistent_volume_claim, volume.nfs
    told = (claim is not None and claim.read_only, nfs is not None and nfs.read_only)
    return kind_of(volume) is not None or volume.image is not None or any(told)


def _is_foreign(volume: Volume) -> bool:
    """Not hostpod's to give away. An image is mounted for its pod, with the pod's ids."""
    return kind_of(volume) is None and volume.empty_dir is None and volume.image is None


def _write(volume: Volume, directory: Path, told: Told, maker: TokenMaker, *, owner: int) -> list[float]:
    """Show what a volume shows now. Returns when its tokens are to be renewed."""
    group = told.pod.spec.security_context.fs_group if told.pod.spec.security_context else None
    tokens = maker.tokens_of(volume, told.pod, directory)
    told = replace(told, tokens={path: token.content for path, token in tokens.items()})
    write_files(directory, for_group(files_of(volume, told), group), owner=owner)
    return [token.renew_at for token in tokens.values()]


def read_text(prepared: PreparedVolumes, volume: str, path: str) -> str | None:
    """The text of a file in one of the pod's volumes; None where there is no file. VolumeError names the volume."""
    with naming(volume):
        return read_text_in(prepared.sources[volume], path)


@contextmanager
def _going_on(refused: list[VolumeError]) -> Iterator[None]:
    """A volume that cannot be had keeps no other from being brought up to date: tokens end."""
    try:
        yield
    except VolumeError as error:
        refused.append(error)


def _make(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise VolumeError(f"cannot make {directory}: {reason(error)}") from error


def _sub_path(mount: VolumeMount, variables: Mapping[str, str]) -> str:
    """The part of the volume that is mounted, "" for all of it."""
    if not mount.sub_path_expr:
        return mount.sub_path or ""
    with naming(mount.name):
        missing = [name for name in references(mount.sub_path_expr) if name not in variables]
        if missing:
            raise VolumeError(f'subPathExpr "{mount.sub_path_expr}": the container has no variable {missing[0]}')
        path = expand(mount.sub_path_expr, variables)
        if path.startswith("/") or ".." in path.split("/") or "\0" in path:
            raise VolumeError(f'subPathExpr "{mount.sub_path_expr}": "{path}" leads out of the volume')
        return path


def _mounted(
    mount: VolumeMount, sub_path: str, prepared: PreparedVolumes, place: Path, idmap: IdMap | None
) -> VolumeMounted:
    source, foreign = prepared.sources[mount.name], mount.name in prepared.foreign
    with naming(mount.name):
        if idmap and propagation_of(mount.mount_propagation) == "shared":
            raise VolumeError("mountPropagation Bidirectional: no mount leaves a pod with hostUsers: false")
        if sub_path:
            bind_sub_path(
                source, sub_path, place, idmap=idmap if foreign else None, owner=0 if foreign else prepared.owner
            )
            source = place
        elif idmap and foreign:
            bind_mapped(source, place, idmap)
            source = place
    read_only = bool(mount.read_only) or mount.name in prepared.read_only
    return VolumeMounted(
        source=source,
        destination=normpath(f"/{mount.mount_path}").replace("//", "/"),
        read_only=read_only,
        kept=_locked(source) if idmap and (read_only or mount.name in prepared.data) else (),
        all_read_only=mount.recursive_read_only in ("IfPossible", "Enabled"),
        no_exec=mount.name in prepared.data,
        recursive=True,
        propagation=propagation_of(mount.mount_propagation),
        own=not foreign and mount.name not in prepared.data,
    )


def _locked(path: Path) -> tuple[str, ...]:
    found = os.statvfs(path).f_flag
    flags = {"nosuid": os.ST_NOSUID, "nodev": os.ST_NODEV, "noexec": os.ST_NOEXEC}
    return tuple(name for name, flag in flags.items() if found & flag)


def _places(top: Path, kinds: Iterable[str]) -> Iterator[Path]:
    """The volumes of these kinds, none of which is asked for anything: a server may be gone."""
    for kind in kinds:
        yield from (top / kind).glob("*")


def _remove(*paths: Path) -> None:
    for path in paths:
        remove_tree(path)

"""Rules for volumes of storage systems outside of the host."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from hostpod.kube import (
    AzureDiskVolumeSource,
    CinderVolumeSource,
    CSIVolumeSource,
    FCVolumeSource,
    FlexVolumeSource,
    FlockerVolumeSource,
    GitRepoVolumeSource,
    ISCSIVolumeSource,
    KubeModel,
    NFSVolumeSource,
    QuobyteVolumeSource,
    ScaleIOVolumeSource,
    StorageOSVolumeSource,
)
from hostpod.manifest.rules.formats import LABEL_CHARACTERS, absolute_path, dns_label, dns_subdomain, relative_path
from hostpod.manifest.rules.violation import (
    Path,
    Violation,
    Violations,
    chosen,
    exactly_one,
    named,
    optional,
    quoted,
    required,
    within,
)

LAST_LUN = 255
LAST_PARTITION = 255
TENANT_CHARACTERS = 64
AZURE_CACHING = ("None", "ReadOnly", "ReadWrite")
AZURE_KINDS = ("Shared", "Dedicated", "Managed")

_ISCSI_NAME = re.compile(
    r"iqn\.[0-9]{4}-[0-9]{2}\.[-.A-Za-z0-9]+(:[^,;*&$|\s]+)?|eui\.[A-Za-z0-9]{16}|naa\.[A-Za-z0-9]{32}"
)
_HOST_PORTS = re.compile(r"([^\s,:\[\]]*|\[[^\s,\[\]]*\]):[^\s,:]*(,([^\s,:\[\]]*|\[[^\s,\[\]]*\]):[^\s,:]*)*")


def storage(path: Path, source: KubeModel) -> Violations:
    """Any such source: what it must have, and the rules of its kind."""
    for name, field in type(source).model_fields.items():
        if field.is_required():
            yield from required((*path, field.alias or name), getattr(source, name))
    if hasattr(source, "partition"):
        yield from within((*path, "partition"), source.partition, 0, LAST_PARTITION)
    if type(source) in _RULES:
        yield from _RULES[type(source)](path, source)


def _git(path: Path, source: GitRepoVolumeSource) -> Violations:
    yield from optional((*path, "directory"), source.directory, relative_path)


def _nfs(path: Path, source: NFSVolumeSource) -> Violations:
    yield from optional((*path, "path"), source.path, absolute_path)


def _iscsi(path: Path, source: ISCSIVolumeSource) -> Violations:
    for name, value in (("iqn", source.iqn), ("initiatorName", source.initiator_name)):
        if value and not _ISCSI_NAME.fullmatch(value):
            yield Violation(
                path=(*path, name), message=f"{quoted(value)} must be an iSCSI name, like iqn.2015-02.example.com:disk"
            )
    yield from within((*path, "lun"), source.lun, 0, LAST_LUN)
    if (source.chap_auth_discovery or source.chap_auth_session) and source.secret_ref is None:
        yield Violation(path=(*path, "secretRef"), message="is missing, CHAP needs a Secret")


def _fibre_channel(path: Path, source: FCVolumeSource) -> Violations:
    names = {"targetWWNs": source.target_wwns, "wwids": source.wwids}
    yield from exactly_one(path, [name for name, value in names.items() if value], names)
    if source.target_wwns:
        yield from required((*path, "lun"), source.lun, "targetWWNs needs it")
        yield from within((*path, "lun"), source.lun, 0, LAST_LUN)


def _flocker(path: Path, source: FlockerVolumeSource) -> Violations:
    names = {"datasetName": source.dataset_name, "datasetUUID": source.dataset_uuid}
    yield from exactly_one(path, [name for name, value in names.items() if value], names)
    if "/" in (source.dataset_name or ""):
        yield Violation(path=(*path, "datasetName"), message=f'{quoted(source.dataset_name)} must not contain "/"')


def _quobyte(path: Path, source: QuobyteVolumeSource) -> Violations:
    if source.registry and not _HOST_PORTS.fullmatch(source.registry):
        yield Violation(
            path=(*path, "registry"), message=f"{quoted(source.registry)} must be host:port, several joined by commas"
        )
    if len(source.tenant or "") > TENANT_CHARACTERS:
        yield Violation(path=(*path, "tenant"), message=f"is longer than {TENANT_CHARACTERS} characters")


def _csi(path: Path, source: CSIVolumeSource) -> Violations:
    yield from optional((*path, "driver"), source.driver.lower(), dns_subdomain)
    if len(source.driver) > LABEL_CHARACTERS:
        yield Violation(path=(*path, "driver"), message=f"is longer than {LABEL_CHARACTERS} characters")
    if source.node_publish_secret_ref is not None:
        yield from named((*path, "nodePublishSecretRef", "name"), source.node_publish_secret_ref.name, dns_subdomain)


def _flex_options(path: Path, source: FlexVolumeSource) -> Violations:
    for key in source.options:
        if f".{key.partition('/')[0].lower()}".endswith((".kubernetes.io", ".k8s.io")):
            yield Violation(
                path=(*path, "options", key), message="kubernetes.io and k8s.io are reserved, take another name"
            )


def _azure_disk(path: Path, source: AzureDiskVolumeSource) -> Violations:
    yield from chosen((*path, "cachingMode"), source.caching_mode, AZURE_CACHING)
    yield from chosen((*path, "kind"), source.kind, AZURE_KINDS)
    beginning = "/subscriptions/" if source.kind == "Managed" else "https://"
    if source.kind is not None and source.disk_uri and not source.disk_uri.startswith(beginning):
        yield Violation(path=(*path, "diskURI"), message=f'must begin with "{beginning}" for a disk of this kind')


def _cinder(path: Path, source: CinderVolumeSource) -> Violations:
    if source.secret_ref is not None:
        yield from required((*path, "secretRef", "name"), source.secret_ref.name)


def _scale_io(path: Path, source: ScaleIOVolumeSource) -> Violations:
    """The one field that is optional in the API and required all the same."""
    yield from required((*path, "volumeName"), source.volume_name)


def _storageos(path: Path, source: StorageOSVolumeSource) -> Violations:
    yield from named((*path, "volumeName"), source.volume_name, dns_label)
    yield from optional((*path, "volumeNamespace"), source.volume_namespace, dns_label)
    if source.secret_ref is not None:
        yield from required((*path, "secretRef", "name"), source.secret_ref.name)


_RULES: Mapping[type[KubeModel], Callable[[Path, Any], Violations]] = {
    AzureDiskVolumeSource: _azure_disk,
    CinderVolumeSource: _cinder,
    CSIVolumeSource: _csi,
    FCVolumeSource: _fibre_channel,
    FlexVolumeSource: _flex_options,
    FlockerVolumeSource: _flocker,
    GitRepoVolumeSource: _git,
    ISCSIVolumeSource: _iscsi,
    NFSVolumeSource: _nfs,
    QuobyteVolumeSource: _quobyte,
    ScaleIOVolumeSource: _scale_io,
    StorageOSVolumeSource: _storageos,
}

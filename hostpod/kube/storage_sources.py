"""Volumes of storage systems outside of the host: network file systems, block devices, cloud disks."""

from __future__ import annotations

from pydantic import Field

from hostpod.kube.meta import LocalObjectReference
from hostpod.kube.model import Int32, KubeModel, StringMap, Strings


class NFSVolumeSource(KubeModel):
    """A directory of an NFS server."""

    path: str
    server: str
    read_only: bool | None = Field(default=None, alias="readOnly")


class ISCSIVolumeSource(KubeModel):
    """An iSCSI disk."""

    printed_zeros = frozenset({"initiator_name"})

    iqn: str
    lun: Int32
    target_portal: str = Field(alias="targetPortal")
    chap_auth_discovery: bool | None = Field(default=None, alias="chapAuthDiscovery")
    chap_auth_session: bool | None = Field(default=None, alias="chapAuthSession")
    fs_type: str | None = Field(default=None, alias="fsType")
    initiator_name: str | None = Field(default=None, alias="initiatorName")
    iscsi_interface: str | None = Field(default=None, alias="iscsiInterface")
    portals: Strings = ()
    read_only: bool | None = Field(default=None, alias="readOnly")
    secret_ref: LocalObjectReference | None = Field(default=None, alias="secretRef")


class FCVolumeSource(KubeModel):
    """A Fibre Channel disk."""

    printed_zeros = frozenset({"lun"})

    fs_type: str | None = Field(default=None, alias="fsType")
    lun: Int32 | None = None
    read_only: bool | None = Field(default=None, alias="readOnly")
    target_wwns: Strings = Field(default=(), alias="targetWWNs")
    wwids: Strings = ()


class CSIVolumeSource(KubeModel):
    """A volume of a CSI driver."""

    printed_zeros = frozenset({"read_only", "fs_type"})

    driver: str
    fs_type: str | None = Field(default=None, alias="fsType")
    node_publish_secret_ref: LocalObjectReference | None = Field(default=None, alias="nodePublishSecretRef")
    read_only: bool | None = Field(default=None, alias="readOnly")
    volume_attributes: StringMap = Field(default_factory=dict, alias="volumeAttributes")


class FlexVolumeSource(KubeModel):
    """A volume of a FlexVolume driver."""

    driver: str
    fs_type: str | None = Field(default=None, alias="fsType")
    options: StringMap = Field(default_factory=dict)
    read_only: bool | None = Field(default=None, alias="readOnly")
    secret_ref: LocalObjectReference | None = Field(default=None, alias="secretRef")


class GitRepoVolumeSource(KubeModel):
    """A checked out git repository; Kubernetes gave it up for its security."""

    repository: str
    directory: str | None = None
    revision: str | None = None


class CephFSVolumeSource(KubeModel):
    """A CephFS mount."""

    monitors: Strings
    path: str | None = None
    read_only: bool | None = Field(default=None, alias="readOnly")
    secret_file: str | None = Field(default=None, alias="secretFile")
    secret_ref: LocalObjectReference | None = Field(default=None, alias="secretRef")
    user: str | None = None


class RBDVolumeSource(KubeModel):
    """A Ceph block device."""

    image: str
    monitors: Strings
    fs_type: str | None = Field(default=None, alias="fsType")
    keyring: str | None = None
    pool: str | None = None
    read_only: bool | None = Field(default=None, alias="readOnly")
    secret_ref: LocalObjectReference | None = Field(default=None, alias="secretRef")
    user: str | None = None


class GlusterfsVolumeSource(KubeModel):
    """A GlusterFS mount."""

    endpoints: str
    path: str
    read_only: bool | None = Field(default=None, alias="readOnly")


class CinderVolumeSource(KubeModel):
    """An OpenStack disk."""

    volume_id: str = Field(alias="volumeID")
    fs_type: str | None = Field(default=None, alias="fsType")
    read_only: bool | None = Field(default=None, alias="readOnly")
    secret_ref: LocalObjectReference | None = Field(default=None, alias="secretRef")


class FlockerVolumeSource(KubeModel):
    """A Flocker data set."""

    dataset_name: str | None = Field(default=None, alias="datasetName")
    dataset_uuid: str | None = Field(default=None, alias="datasetUUID")


class AWSElasticBlockStoreVolumeSource(KubeModel):
    """A disk of AWS."""

    volume_id: str = Field(alias="volumeID")
    fs_type: str | None = Field(default=None, alias="fsType")
    partition: Int32 | None = None
    read_only: bool | None = Field(default=None, alias="readOnly")


class AzureDiskVolumeSource(KubeModel):
    """A disk of Azure."""

    printed_zeros = frozenset({"caching_mode", "fs_type", "read_only", "kind"})

    disk_name: str = Field(alias="diskName")
    disk_uri: str = Field(alias="diskURI")
    caching_mode: str | None = Field(default=None, alias="cachingMode")
    fs_type: str | None = Field(default=None, alias="fsType")
    kind: str | None = None
    read_only: bool | None = Field(default=None, alias="readOnly")


class AzureFileVolumeSource(KubeModel):
    """A file share of Azure."""

    secret_name: str = Field(alias="secretName")
    share_name: str = Field(alias="shareName")
    read_only: bool | None = Field(default=None, alias="readOnly")


class GCEPersistentDiskVolumeSource(KubeModel):
    """A disk of Google's cloud."""

    pd_name: str = Field(alias="pdName")
    fs_type: str | None = Field(default=None, alias="fsType")
    partition: Int32 | None = None
    read_only: bool | None = Field(default=None, alias="readOnly")


class PhotonPersistentDiskVolumeSource(KubeModel):
    """A disk of the Photon controller."""

    pd_id: str = Field(alias="pdID")
    fs_type: str | None = Field(default=None, alias="fsType")


class PortworxVolumeSource(KubeModel):
    """A Portworx volume."""

    volume_id: str = Field(alias="volumeID")
    fs_type: str | None = Field(default=None, alias="fsType")
    read_only: bool | None = Field(default=None, alias="readOnly")


class QuobyteVolumeSource(KubeModel):
    """A Quobyte volume."""

    registry: str
    volume: str
    group: str | None = None
    read_only: bool | None = Field(default=None, alias="readOnly")
    tenant: str | None = None
    user: str | None = None


class ScaleIOVolumeSource(KubeModel):
    """A ScaleIO volume."""

    gateway: str
    secret_ref: LocalObjectReference = Field(alias="secretRef")
    system: str
    fs_type: str | None = Field(default=None, alias="fsType")
    protection_domain: str | None = Field(default=None, alias="protectionDomain")
    read_only: bool | None = Field(default=None, alias="readOnly")
    ssl_enabled: bool | None = Field(default=None, alias="sslEnabled")
    storage_mode: str | None = Field(default=None, alias="storageMode")
    storage_pool: str | None = Field(default=None, alias="storagePool")
    volume_name: str | None = Field(default=None, alias="volumeName")


class StorageOSVolumeSource(KubeModel):
    """A StorageOS volume."""

    fs_type: str | None = Field(default=None, alias="fsType")
    read_only: bool | None = Field(default=None, alias="readOnly")
    secret_ref: LocalObjectReference | None = Field(default=None, alias="secretRef")
    volume_name: str | None = Field(default=None, alias="volumeName")
    volume_namespace: str | None = Field(default=None, alias="volumeNamespace")


class VsphereVirtualDiskVolumeSource(KubeModel):
    """A disk of vSphere."""

    volume_path: str = Field(alias="volumePath")
    fs_type: str | None = Field(default=None, alias="fsType")
    storage_policy_id: str | None = Field(default=None, alias="storagePolicyID")
    storage_policy_name: str | None = Field(default=None, alias="storagePolicyName")

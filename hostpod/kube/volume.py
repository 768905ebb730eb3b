"""Volumes of a pod and their places in a container."""

from __future__ import annotations

from pydantic import Field

from hostpod.kube.model import KubeModel
from hostpod.kube.storage_sources import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    AzureFileVolumeSource,
    CephFSVolumeSource,
    CinderVolumeSource,
    CSIVolumeSource,
    FCVolumeSource,
    FlexVolumeSource,
    FlockerVolumeSource,
    GCEPersistentDiskVolumeSource,
    GitRepoVolumeSource,
    GlusterfsVolumeSource,
    ISCSIVolumeSource,
    NFSVolumeSource,
    PhotonPersistentDiskVolumeSource,
    PortworxVolumeSource,
    QuobyteVolumeSource,
    RBDVolumeSource,
    ScaleIOVolumeSource,
    StorageOSVolumeSource,
    VsphereVirtualDiskVolumeSource,
)
from hostpod.kube.volume_sources import (
    ConfigMapVolumeSource,
    DownwardAPIVolumeSource,
    EmptyDirVolumeSource,
    EphemeralVolumeSource,
    HostPathVolumeSource,
    ImageVolumeSource,
    PersistentVolumeClaimVolumeSource,
    ProjectedVolumeSource,
    SecretVolumeSource,
)


class Volume(KubeModel):
    """A named volume; one source is set, without any it is an emptyDir."""

    name: str
    aws_elastic_block_store: AWSElasticBlockStoreVolumeSource | None = Field(default=None, alias="awsElasticBlockStore")
    azure_disk: AzureDiskVolumeSource | None = Field(default=None, alias="azureDisk")
    azure_file: AzureFileVolumeSource | None = Field(default=None, alias="azureFile")
    cephfs: CephFSVolumeSource | None = None
    cinder: CinderVolumeSource | None = None
    config_map: ConfigMapVolumeSource | None = Field(default=None, alias="configMap")
    csi: CSIVolumeSource | None = None
    downward_api: DownwardAPIVolumeSource | None = Field(default=None, alias="downwardAPI")
    empty_dir: EmptyDirVolumeSource | None = Field(default=None, alias="emptyDir")
    ephemeral: EphemeralVolumeSource | None = None
    fc: FCVolumeSource | None = None
    flex_volume: FlexVolumeSource | None = Field(default=None, alias="flexVolume")
    flocker: FlockerVolumeSource | None = None
    gce_persistent_disk: GCEPersistentDiskVolumeSource | None = Field(default=None, alias="gcePersistentDisk")
    git_repo: GitRepoVolumeSource | None = Field(default=None, alias="gitRepo")
    glusterfs: GlusterfsVolumeSource | None = None
    host_path: HostPathVolumeSource | None = Field(default=None, alias="hostPath")
    image: ImageVolumeSource | None = None
    iscsi: ISCSIVolumeSource | None = None
    nfs: NFSVolumeSource | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = Field(
        default=None, alias="persistentVolumeClaim"
    )
    photon_persistent_disk: PhotonPersistentDiskVolumeSource | None = Field(default=None, alias="photonPersistentDisk")
    portworx_volume: PortworxVolumeSource | None = Field(default=None, alias="portworxVolume")
    projected: ProjectedVolumeSource | None = None
    quobyte: QuobyteVolumeSource | None = None
    rbd: RBDVolumeSource | None = None
    scale_io: ScaleIOVolumeSource | None = Field(default=None, alias="scaleIO")
    secret: SecretVolumeSource | None = None
    storageos: StorageOSVolumeSource | None = None
    vsphere_volume: VsphereVirtualDiskVolumeSource | None = Field(default=None, alias="vsphereVolume")


class VolumeMount(KubeModel):
    """A volume's place in a container."""

    printed_zeros = frozenset({"mount_propagation", "recursive_read_only"})

    name: str
    read_only: bool | None = Field(default=None, alias="readOnly")
    recursive_read_only: str | None = Field(default=None, alias="recursiveReadOnly")
    mount_path: str = Field(alias="mountPath")
    sub_path: str | None = Field(default=None, alias="subPath")
    mount_propagation: str | None = Field(default=None, alias="mountPropagation")
    sub_path_expr: str | None = Field(default=None, alias="subPathExpr")


class VolumeDevice(KubeModel):
    """A block device's place in a container."""

    name: str
    device_path: str = Field(alias="devicePath")

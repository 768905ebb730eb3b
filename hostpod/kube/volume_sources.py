"""Volumes that a host can make or find by itself, and claims of storage."""

from __future__ import annotations

from pydantic import Field

from hostpod.kube.env import ObjectFieldSelector, ResourceFieldSelector
from hostpod.kube.meta import LabelSelector, ObjectMeta, TypedLocalObjectReference, TypedObjectReference
from hostpod.kube.model import Int32, Int64, Items, KubeModel, StringMap, Strings
from hostpod.kube.quantity import Quantity
from hostpod.kube.resources import VolumeResourceRequirements


class EmptyDirVolumeSource(KubeModel):
    """An empty directory with the life of the pod, on disk or in memory."""

    medium: str | None = None
    size_limit: Quantity | None = Field(default=None, alias="sizeLimit")


class HostPathVolumeSource(KubeModel):
    """A file or directory of the host."""

    printed_zeros = frozenset({"type"})

    path: str
    type: str | None = None


class KeyToPath(KubeModel):
    """The path that one key is written to."""

    printed_zeros = frozenset({"mode"})

    key: str
    path: str
    mode: Int32 | None = None


class ConfigMapVolumeSource(KubeModel):
    """Files of a ConfigMap's keys."""

    printed_zeros = frozenset({"optional", "default_mode"})

    name: str | None = None
    default_mode: Int32 | None = Field(default=None, alias="defaultMode")
    items: Items[KeyToPath] = ()
    optional: bool | None = None


class SecretVolumeSource(KubeModel):
    """Files of a Secret's keys."""

    printed_zeros = frozenset({"optional", "default_mode"})

    default_mode: Int32 | None = Field(default=None, alias="defaultMode")
    items: Items[KeyToPath] = ()
    optional: bool | None = None
    secret_name: str | None = Field(default=None, alias="secretName")


class DownwardAPIVolumeFile(KubeModel):
    """A file with a field of the pod."""

    printed_zeros = frozenset({"mode"})

    path: str
    field_ref: ObjectFieldSelector | None = Field(default=None, alias="fieldRef")
    mode: Int32 | None = None
    resource_field_ref: ResourceFieldSelector | None = Field(default=None, alias="resourceFieldRef")


class DownwardAPIVolumeSource(KubeModel):
    """Files with fields of the pod."""

    printed_zeros = frozenset({"default_mode"})

    default_mode: Int32 | None = Field(default=None, alias="defaultMode")
    items: Items[DownwardAPIVolumeFile] = ()


class ConfigMapProjection(KubeModel):
    """Keys of a ConfigMap inside of a projected volume."""

    printed_zeros = frozenset({"optional"})

    name: str | None = None
    items: Items[KeyToPath] = ()
    optional: bool | None = None


class SecretProjection(KubeModel):
    """Keys of a Secret inside of a projected volume."""

    printed_zeros = frozenset({"optional"})

    name: str | None = None
    items: Items[KeyToPath] = ()
    optional: bool | None = None


class DownwardAPIProjection(KubeModel):
    """Fields of the pod inside of a projected volume."""

    items: Items[DownwardAPIVolumeFile] = ()


class ServiceAccountTokenProjection(KubeModel):
    """A token of the API server inside of a projected volume."""

    printed_zeros = frozenset({"expiration_seconds"})

    path: str
    audience: str | None = None
    expiration_seconds: Int64 | None = Field(default=None, alias="expirationSeconds")


class ClusterTrustBundleProjection(KubeModel):
    """Trust anchors inside of a projected volume."""

    printed_zeros = frozenset({"name", "signer_name", "optional"})

    path: str
    name: str | None = None
    label_selector: LabelSelector | None = Field(default=None, alias="labelSelector")
    optional: bool | None = None
    signer_name: str | None = Field(default=None, alias="signerName")


class PodCertificateProjection(KubeModel):
    """A key and its certificate inside of a projected volume."""

    printed_zeros = frozenset({"max_expiration_seconds"})

    key_type: str = Field(alias="keyType")
    signer_name: str = Field(alias="signerName")
    certificate_chain_path: str | None = Field(default=None, alias="certificateChainPath")
    credential_bundle_path: str | None = Field(default=None, alias="credentialBundlePath")
    key_path: str | None = Field(default=None, alias="keyPath")
    max_expiration_seconds: Int32 | None = Field(default=None, alias="maxExpirationSeconds")
    user_annotations: StringMap = Field(default_factory=dict, alias="userAnnotations")


class VolumeProjection(KubeModel):
    """One source of a projected volume; one of these is set."""

    cluster_trust_bundle: ClusterTrustBundleProjection | None = Field(default=None, alias="clusterTrustBundle")
    config_map: ConfigMapProjection | None = Field(default=None, alias="configMap")
    downward_api: DownwardAPIProjection | None = Field(default=None, alias="downwardAPI")
    pod_certificate: PodCertificateProjection | None = Field(default=None, alias="podCertificate")
    secret: SecretProjection | None = None
    service_account_token: ServiceAccountTokenProjection | None = Field(default=None, alias="serviceAccountToken")


class ProjectedVolumeSource(KubeModel):
    """Several sources in one directory."""

    printed_zeros = frozenset({"default_mode"})

    default_mode: Int32 | None = Field(default=None, alias="defaultMode")
    sources: Items[VolumeProjection] = ()


class ImageVolumeSource(KubeModel):
    """The files of an image, read-only."""

    pull_policy: str | None = Field(default=None, alias="pullPolicy")
    reference: str | None = None


class PersistentVolumeClaimVolumeSource(KubeModel):
    """Storage by the name of its claim."""

    claim_name: str = Field(alias="claimName")
    read_only: bool | None = Field(default=None, alias="readOnly")


class PersistentVolumeClaimSpec(KubeModel):
    """What a claim of storage asks for."""

    printed_zeros = frozenset({"storage_class_name", "volume_mode", "volume_attributes_class_name"})

    access_modes: Strings = Field(default=(), alias="accessModes")
    data_source: TypedLocalObjectReference | None = Field(default=None, alias="dataSource")
    data_source_ref: TypedObjectReference | None = Field(default=None, alias="dataSourceRef")
    resources: VolumeResourceRequirements = Field(default_factory=VolumeResourceRequirements)
    selector: LabelSelector | None = None
    storage_class_name: str | None = Field(default=None, alias="storageClassName")
    volume_attributes_class_name: str | None = Field(default=None, alias="volumeAttributesClassName")
    volume_mode: str | None = Field(default=None, alias="volumeMode")
    volume_name: str | None = Field(default=None, alias="volumeName")


class PersistentVolumeClaim(KubeModel):
    """A claim as an object of its own."""

    api_version: str | None = Field(default=None, alias="apiVersion")
    kind: str | None = None
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    spec: PersistentVolumeClaimSpec = Field(default_factory=PersistentVolumeClaimSpec)


class PersistentVolumeClaimTemplate(KubeModel):
    """A claim that is made for the pod."""

    spec: PersistentVolumeClaimSpec
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)


class EphemeralVolumeSource(KubeModel):
    """Claimed storage with the life of the pod."""

    volume_claim_template: PersistentVolumeClaimTemplate | None = Field(default=None, alias="volumeClaimTemplate")

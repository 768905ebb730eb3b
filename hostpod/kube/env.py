"""Environment variables and where their values come from."""

from __future__ import annotations

from pydantic import Field

from hostpod.kube.model import KubeModel
from hostpod.kube.quantity import Quantity


class ConfigMapKeySelector(KubeModel):
    """One key of a ConfigMap."""

    printed_zeros = frozenset({"optional"})

    key: str
    name: str | None = None
    optional: bool | None = None


class SecretKeySelector(KubeModel):
    """One key of a Secret."""

    printed_zeros = frozenset({"optional"})

    key: str
    name: str | None = None
    optional: bool | None = None


class FileKeySelector(KubeModel):
    """One key of an env file in a volume."""

    printed_zeros = frozenset({"optional"})

    key: str
    path: str
    volume_name: str = Field(alias="volumeName")
    optional: bool | None = None


class ObjectFieldSelector(KubeModel):
    """A field of the pod itself, such as metadata.name."""

    field_path: str = Field(alias="fieldPath")
    api_version: str | None = Field(default=None, alias="apiVersion")


class ResourceFieldSelector(KubeModel):
    """A limit or request of a container, divided by a divisor."""

    resource: str
    container_name: str | None = Field(default=None, alias="containerName")
    divisor: Quantity | None = None


class EnvVarSource(KubeModel):
    """Where the value of a variable comes from; one of these is set."""

    config_map_key_ref: ConfigMapKeySelector | None = Field(default=None, alias="configMapKeyRef")
    field_ref: ObjectFieldSelector | None = Field(default=None, alias="fieldRef")
    file_key_ref: FileKeySelector | None = Field(default=None, alias="fileKeyRef")
    resource_field_ref: ResourceFieldSelector | None = Field(default=None, alias="resourceFieldRef")
    secret_key_ref: SecretKeySelector | None = Field(default=None, alias="secretKeyRef")


class EnvVar(KubeModel):
    """One environment variable; $(NAME) in its value expands."""

    name: str
    value: str | None = None
    value_from: EnvVarSource | None = Field(default=None, alias="valueFrom")


class ConfigMapEnvSource(KubeModel):
    """All keys of a ConfigMap as variables."""

    printed_zeros = frozenset({"optional"})

    name: str | None = None
    optional: bool | None = None


class SecretEnvSource(KubeModel):
    """All keys of a Secret as variables."""

    printed_zeros = frozenset({"optional"})

    name: str | None = None
    optional: bool | None = None


class EnvFromSource(KubeModel):
    """Variables from all keys of one object."""

    prefix: str | None = None
    config_map_ref: ConfigMapEnvSource | None = Field(default=None, alias="configMapRef")
    secret_ref: SecretEnvSource | None = Field(default=None, alias="secretRef")

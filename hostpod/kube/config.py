"""ConfigMap and Secret."""

from __future__ import annotations

from pydantic import Field

from hostpod.kube.meta import ObjectMeta
from hostpod.kube.model import KubeModel, StringMap


class ConfigMap(KubeModel):
    """Settings by key."""

    printed_zeros = frozenset({"immutable"})

    api_version: str | None = Field(default=None, alias="apiVersion")
    kind: str | None = None
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    immutable: bool | None = None
    data: StringMap = Field(default_factory=dict)
    binary_data: StringMap = Field(default_factory=dict, alias="binaryData")


class Secret(KubeModel):
    """Sensitive settings by key, in base64."""

    printed_zeros = frozenset({"immutable"})

    api_version: str | None = Field(default=None, alias="apiVersion")
    kind: str | None = None
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    immutable: bool | None = None
    data: StringMap = Field(default_factory=dict)
    string_data: StringMap = Field(default_factory=dict, alias="stringData")
    type: str | None = None

"""ConfigMap and Secret."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from hostpod.kube.meta import ObjectMeta
from hostpod.kube.model import KubeModel, StringMap

# What they hold is shown by no repr and no error.
_HIDDEN = ConfigDict(hide_input_in_errors=True)


class ConfigMap(KubeModel):
    """Settings by key."""

    model_config = _HIDDEN

    printed_zeros = frozenset({"immutable"})

    api_version: str | None = Field(default=None, alias="apiVersion")
    kind: str | None = None
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    immutable: bool | None = None
    data: StringMap = Field(default_factory=dict, repr=False)
    binary_data: StringMap = Field(default_factory=dict, repr=False, alias="binaryData")


class Secret(KubeModel):
    """Sensitive settings by key, in base64."""

    model_config = _HIDDEN

    printed_zeros = frozenset({"immutable"})

    api_version: str | None = Field(default=None, alias="apiVersion")
    kind: str | None = None
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)
    immutable: bool | None = None
    data: StringMap = Field(default_factory=dict, repr=False)
    string_data: StringMap = Field(default_factory=dict, repr=False, alias="stringData")
    type: str | None = None

"""ConfigMap and Secret."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from pydantic import ConfigDict, Field

from hostpod.kube.meta import ObjectMeta
from hostpod.kube.model import KubeModel, StringMap

# Kind, namespace and name: no two objects have the same.
ConfigKey = tuple[str, str, str]

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

    def contents(self) -> dict[str, bytes]:
        """What it holds by key."""
        return {key: text.encode() for key, text in self.data.items()} | _decoded(self.binary_data)


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

    def contents(self) -> dict[str, bytes]:
        """What it holds by key; stringData goes over data."""
        return _decoded(self.data) | {key: text.encode() for key, text in self.string_data.items()}


Configs = Mapping[ConfigKey, ConfigMap | Secret]


def decoded(text: str) -> bytes | None:
    """What a value in base64 stands for, line breaks left out; None where it is no base64."""
    try:
        return base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return None


def _decoded(values: Mapping[str, str]) -> dict[str, bytes]:
    return {key: decoded(text) or b"" for key, text in values.items()}

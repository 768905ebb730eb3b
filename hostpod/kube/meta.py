"""Metadata, label selectors and references to other objects."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from hostpod.kube.model import Int64, Items, KubeModel, StringMap, Strings, Time


class OwnerReference(KubeModel):
    """The object that this one belongs to."""

    printed_zeros = frozenset({"controller", "block_owner_deletion"})

    api_version: str = Field(alias="apiVersion")
    kind: str
    name: str
    uid: str
    block_owner_deletion: bool | None = Field(default=None, alias="blockOwnerDeletion")
    controller: bool | None = None


class ManagedFieldsEntry(KubeModel):
    """Which fields a manager of the API server owns."""

    api_version: str | None = Field(default=None, alias="apiVersion")
    fields_type: str | None = Field(default=None, alias="fieldsType")
    fields_v1: Mapping[str, object] = Field(default_factory=dict, alias="fieldsV1")
    manager: str | None = None
    operation: str | None = None
    subresource: str | None = None
    time: Time | None = None


class ObjectMeta(KubeModel):
    """Name, labels and bookkeeping of an object."""

    printed_zeros = frozenset({"deletion_grace_period_seconds"})

    name: str | None = None
    generate_name: str | None = Field(default=None, alias="generateName")
    namespace: str | None = None
    self_link: str | None = Field(default=None, alias="selfLink")
    uid: str | None = None
    resource_version: str | None = Field(default=None, alias="resourceVersion")
    generation: Int64 | None = None
    creation_timestamp: Time | None = Field(default=None, alias="creationTimestamp")
    deletion_timestamp: Time | None = Field(default=None, alias="deletionTimestamp")
    deletion_grace_period_seconds: Int64 | None = Field(default=None, alias="deletionGracePeriodSeconds")
    labels: StringMap = Field(default_factory=dict)
    annotations: StringMap = Field(default_factory=dict)
    owner_references: Items[OwnerReference] = Field(default=(), alias="ownerReferences")
    finalizers: Strings = ()
    managed_fields: Items[ManagedFieldsEntry] = Field(default=(), alias="managedFields")


class ShardInfo(KubeModel):
    """The part of a sharded list that this one is."""

    selector: str


class ListMeta(KubeModel):
    """Bookkeeping of a list."""

    printed_zeros = frozenset({"remaining_item_count"})

    continue_: str | None = Field(default=None, alias="continue")
    remaining_item_count: Int64 | None = Field(default=None, alias="remainingItemCount")
    resource_version: str | None = Field(default=None, alias="resourceVersion")
    self_link: str | None = Field(default=None, alias="selfLink")
    shard_info: ShardInfo | None = Field(default=None, alias="shardInfo")


class LabelSelectorRequirement(KubeModel):
    """One condition on a label: In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: Strings = ()


class LabelSelector(KubeModel):
    """Conditions on labels; all of them must hold."""

    match_expressions: Items[LabelSelectorRequirement] = Field(default=(), alias="matchExpressions")
    match_labels: StringMap = Field(default_factory=dict, alias="matchLabels")


class LocalObjectReference(KubeModel):
    """The name of an object in the same namespace."""

    name: str | None = None


class ObjectReference(KubeModel):
    """Any object, or a part of it; events point with it."""

    kind: str | None = None
    namespace: str | None = None
    name: str | None = None
    uid: str | None = None
    api_version: str | None = Field(default=None, alias="apiVersion")
    resource_version: str | None = Field(default=None, alias="resourceVersion")
    field_path: str | None = Field(default=None, alias="fieldPath")


class TypedLocalObjectReference(KubeModel):
    """An object of some kind in the same namespace."""

    printed_zeros = frozenset({"api_group"})

    name: str
    kind: str
    api_group: str | None = Field(default=None, alias="apiGroup")


class TypedObjectReference(KubeModel):
    """An object of some kind in any namespace."""

    printed_zeros = frozenset({"api_group", "namespace"})

    name: str
    kind: str
    api_group: str | None = Field(default=None, alias="apiGroup")
    namespace: str | None = None

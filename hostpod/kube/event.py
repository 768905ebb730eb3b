"""Events: what happened to an object."""

from __future__ import annotations

from pydantic import Field

from hostpod.kube.meta import ObjectMeta, ObjectReference
from hostpod.kube.model import Int32, KubeModel, MicroTime, Time


class EventSource(KubeModel):
    """Who saw it."""

    component: str | None = None
    host: str | None = None


class EventSeries(KubeModel):
    """How often it was repeated."""

    printed_nulls = frozenset({"last_observed_time"})

    count: Int32 | None = None
    last_observed_time: MicroTime | None = Field(default=None, alias="lastObservedTime")


class Event(KubeModel):
    """Something that happened to an object."""

    printed_zeros = frozenset({"reporting_component", "reporting_instance"})
    printed_nulls = frozenset({"event_time", "first_timestamp", "last_timestamp"})

    kind: str | None = None
    api_version: str | None = Field(default=None, alias="apiVersion")
    metadata: ObjectMeta
    involved_object: ObjectReference = Field(alias="involvedObject")
    reason: str | None = None
    message: str | None = None
    source: EventSource = Field(default_factory=EventSource)
    first_timestamp: Time | None = Field(default=None, alias="firstTimestamp")
    last_timestamp: Time | None = Field(default=None, alias="lastTimestamp")
    count: Int32 | None = None
    type: str | None = None
    event_time: MicroTime | None = Field(default=None, alias="eventTime")
    series: EventSeries | None = None
    action: str | None = None
    related: ObjectReference | None = None
    reporting_component: str = Field(default="", alias="reportingComponent")
    reporting_instance: str = Field(default="", alias="reportingInstance")

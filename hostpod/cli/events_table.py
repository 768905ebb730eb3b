"""Events as kubectl lists them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hostpod.cli.times import since

JsonObject = Mapping[str, Any]

HEADERS = ("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE")


def event_interval(event: JsonObject, now: float) -> str:
    """When an event was seen: `5s`, or `5s (x3 over 2m)` for one that came again."""
    first = since(event.get("eventTime") or event.get("firstTimestamp"), now)
    series = event.get("series")
    if series:
        return f"{since(series.get('lastObservedTime'), now)} (x{series.get('count', 0)} over {first})"
    if event.get("count", 0) > 1:
        return f"{since(event.get('lastTimestamp'), now)} (x{event['count']} over {first})"
    return first


def event_source(event: JsonObject) -> str:
    """Who says so."""
    return str(event.get("source", {}).get("component") or event.get("reportingComponent", ""))


def event_row(event: JsonObject, now: float) -> tuple[str, ...]:
    """The cells below HEADERS."""
    about = event.get("involvedObject", {})
    return (
        event_interval(event, now),
        event.get("type", ""),
        event.get("reason", ""),
        f"{about.get('kind', '')}/{_short_name(about)}",
        event.get("message", "").strip(),
    )


def _short_name(about: JsonObject) -> str:
    """A manifest is in the manifests directory, and its whole path is in the message."""
    name = str(about.get("name", ""))
    return name.rpartition("/")[2] if about.get("kind") == "File" else name


def by_last_time(events: Iterable[JsonObject]) -> list[JsonObject]:
    """Oldest first, by when they were last seen."""
    return sorted(events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""))


def events_about(events: Iterable[JsonObject], pod: JsonObject) -> list[JsonObject]:
    """The events of a pod: of this one, not of one that had its name before."""
    metadata = pod["metadata"]
    return [
        event
        for event in by_last_time(events)
        if event.get("involvedObject", {}).get("name") == metadata["name"]
        and event["involvedObject"].get("namespace") == metadata.get("namespace")
        and event["involvedObject"].get("uid") in {None, "", metadata.get("uid")}
    ]

"""What happened, as v1 Events: repeats are folded with a count, many alike are combined, the oldest forgotten. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from hostpod.plan.timestamp import timestamp

EventType = Literal["Normal", "Warning"]

# Of client-go's EventAggregator.
ALIKE_MOST = 10
ALIKE_WITHIN_S = 600.0
COMBINED = "(combined from similar events): "
# events.k8s.io asks for 1 KiB; an error of the runtime is longer at times, and whole in the journal.
MESSAGE_LIMIT = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What an event is about. `container` is empty for what concerns the whole object."""

    kind: Literal["Pod", "Node", "File"]
    namespace: str
    name: str
    uid: str = ""
    container: str = ""
    init: bool = False

    def render(self) -> dict[str, Any]:
        """The ObjectReference."""
        involved = {"kind": self.kind, "name": self.name}
        if self.kind != "Node":  # a node is in no namespace, its events are in "default"
            involved["namespace"] = self.namespace
        if self.kind != "File":
            involved |= {"apiVersion": "v1", "uid": self.uid}
        if self.container:
            field = "initContainers" if self.init else "containers"
            involved["fieldPath"] = f"spec.{field}{{{self.container}}}"
        return involved


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One event, seen `count` times. `serial` is its own for ever; `combined` stands for many of different messages."""

    about: About
    type: EventType
    reason: str
    message: str
    first_at: float
    last_at: float
    count: int
    serial: int
    combined: bool = False

    def render(self, node: str) -> dict[str, Any]:
        """The v1 Event as `kubectl get events -o json` shows it."""
        first = timestamp(self.first_at)
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{self.about.name.replace('/', '.').strip('.')}.{self.serial:016x}",
                "namespace": self.about.namespace,
                "creationTimestamp": first,
            },
            "involvedObject": self.about.render(),
            "reason": self.reason,
            "message": self.message,
            "source": {"component": "hostpod", "host": node},
            "firstTimestamp": first,
            "lastTimestamp": first if self.last_at == self.first_at else timestamp(self.last_at),
            "count": self.count,
            "type": self.type,
            "eventTime": None,
            "reportingComponent": "hostpod",
            "reportingInstance": node,
        }


_EVENT = TypeAdapter(Event)


def event_line(event: Event) -> bytes:
    """An event as one line of a file."""
    return _EVENT.dump_json(event) + b"\n"


def read_events(content: bytes) -> list[Event]:
    """The events of a file's lines, the one that happened last at the end.

    A later line of an event takes the place of an earlier one. What a crash or a damaged disk left of a line is none.
    """
    found: dict[int, Event] = {}
    for line in content.split(b"\n"):
        with suppress(ValidationError):
            event = _EVENT.validate_json(line)
            found.pop(event.serial, None)
            found[event.serial] = event
    return list(found.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """What is kept: events that came within `age_s`, and the newest of them that are `size_bytes` of lines together."""

    age_s: float = 86400.0
    size_bytes: int = 2 * 1024 * 1024 // 3


_Kind = tuple[About, str, str]
_Key = tuple[About, str, str, str]


class Happenings:
    """The newest events within a bound, in the order in which they happened last."""

    def __init__(self, bound: Bound) -> None:
        self._bound = bound
        self._kept: OrderedDict[_Key, tuple[Event, int]] = OrderedDict()
        self._messages: dict[_Kind, set[str]] = {}
        self._size_bytes = 0
        self._serial = 0

    def restore(self, events: Iterable[Event], now: float) -> None:
        """Begin with what an earlier daemon kept."""
        for event in events:
            self._serial = max(self._serial, event.serial)
            self._keep(_key_of(event), event)
        self.forget_old(now)

    def add(self, about: About, type_: EventType, reason: str, message: str, now: float) -> Event:
        """Something happened: a new event, or one that came again with a count of one more."""
        message = _short(printable(message))
        self.forget_old(now)
        kind = (about, type_, reason)
        key: _Key = (*kind, message)
        combined = key not in self._kept and self._too_many(kind, now)
        if combined:
            key, message = (*kind, COMBINED), COMBINED + message
        if key in self._kept:
            old, _ = self._kept[key]
            event = replace(old, message=message, last_at=now, count=old.count + 1)
        else:
            # Unlike that of any other event, though an earlier daemon may have died before its last ones were kept.
            self._serial = max(self._serial + 1, int(now * 1e9))
            event = Event(
                about=about, type=type_, reason=reason, message=message, first_at=now, last_at=now, count=1,
                serial=self._serial, combined=combined,
            )  # fmt: skip
        self._keep(key, event)
        self.forget_old(now)
        return event

    def _too_many(self, kind: _Kind, now: float) -> bool:
        """Whether another message of this kind is one of a flood. A flood goes on until none came for a while."""
        if self._is_recent((*kind, COMBINED), now):
            return True
        recent = sum(self._is_recent((*kind, message), now) for message in self._messages.get(kind, ()))
        return recent >= ALIKE_MOST - 1

    def _is_recent(self, key: _Key, now: float) -> bool:
        kept = self._kept.get(key)
        return kept is not None and now - kept[0].last_at <= ALIKE_WITHIN_S

    def _keep(self, key: _Key, event: Event) -> None:
        self._drop(key)
        size_bytes = len(event_line(event))
        self._kept[key] = event, size_bytes
        self._messages.setdefault(key[:3], set()).add(key[3])
        self._size_bytes += size_bytes

    def _drop(self, key: _Key) -> None:
        if key not in self._kept:
            return
        _, size_bytes = self._kept.pop(key)
        self._size_bytes -= size_bytes
        self._messages[key[:3]].discard(key[3])
        if not self._messages[key[:3]]:
            del self._messages[key[:3]]

    def forget_old(self, now: float) -> None:
        """Forget what is out of bounds."""
        while self._kept:
            key, (event, _) = next(iter(self._kept.items()))
            if self._size_bytes <= self._bound.size_bytes and now - event.last_at <= self._bound.age_s:
                return
            self._drop(key)

    def all(self) -> tuple[Event, ...]:
        """All of them, the one that happened last at the end."""
        return tuple(event for event, _ in self._kept.values())


def printable(text: str) -> str:
    """A text that can be encoded: a file's name, say, may hold bytes that are no characters."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _short(message: str) -> str:
    return message if len(message) <= MESSAGE_LIMIT else f"{message[: MESSAGE_LIMIT - 1]}…"


def _key_of(event: Event) -> _Key:
    return event.about, event.type, event.reason, COMBINED if event.combined else event.message

"""What happened, as v1 Events: kept in memory, repeats folded with a count, told to whoever watches."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from hostpod.engine.records import ContainerRecord
from hostpod.engine.watchers import Change, Watchers
from hostpod.kube import ObjectMeta
from hostpod.plan.status import timestamp

log = logging.getLogger(__name__)

EventType = Literal["Normal", "Warning"]
KEPT = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One event; `container` is empty for what concerns the whole pod, `pod` is None for what concerns a file."""

    type: EventType
    reason: str
    message: str
    namespace: str
    name: str
    uid: str
    container: str
    kind: str
    first_at: float
    last_at: float
    count: int
    serial: int

    def render(self, node: str) -> dict[str, Any]:
        """The v1 Event as `kubectl get events -o json` shows it."""
        involved = {"kind": self.kind, "namespace": self.namespace, "name": self.name}
        if self.kind == "Pod":
            involved |= {"apiVersion": "v1", "uid": self.uid}
        if self.container:
            involved["fieldPath"] = f"spec.containers{{{self.container}}}"
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{self.name.replace('/', '.').strip('.')}.{self.serial:016x}",
                "namespace": self.namespace,
                "creationTimestamp": timestamp(self.first_at),
            },
            "involvedObject": involved,
            "reason": self.reason,
            "message": self.message,
            "source": {"component": "hostpod", "host": node},
            "firstTimestamp": timestamp(self.first_at),
            "lastTimestamp": timestamp(self.last_at),
            "count": self.count,
            "type": self.type,
            "reportingComponent": "hostpod",
            "reportingInstance": node,
        }


class EventLog:
    """The newest events. Every event goes to the journal as well, where it outlives the daemon."""

    def __init__(self, *, node: str, now: Callable[[], float]) -> None:
        self._node = node
        self._now = now
        self._kept: OrderedDict[tuple[str, ...], Event] = OrderedDict()
        self._serial = 0
        self._watchers = Watchers()

    def pod(
        self, meta: ObjectMeta, type_: EventType, reason: str, message: str, *, container: str = "", cause: str = ""
    ) -> None:
        """Record what happened to a pod or to one container of it. `cause` is more exact than the reason, and goes to
        the journal alone."""
        about = ("Pod", meta.namespace or "default", meta.name or "", meta.uid or "")
        self._log(self._record(about, container, type_, reason, message), cause)

    def file(self, path: str, reason: str, message: str) -> None:
        """Record what is wrong with a manifest file."""
        self._log(self._record(("File", "default", path, ""), "", "Warning", reason, message), "")

    def _record(
        self, about: tuple[str, str, str, str], container: str, type_: EventType, reason: str, message: str
    ) -> Event:
        kind, namespace, name, uid = about
        now = self._now()
        key = (*about, container, type_, reason, message)
        old = self._kept.pop(key, None)
        if old is None:
            self._serial += 1
            event = Event(
                type=type_, reason=reason, message=message, namespace=namespace, name=name, uid=uid,
                container=container, kind=kind, first_at=now, last_at=now, count=1, serial=self._serial,
            )  # fmt: skip
        else:
            event = replace(old, last_at=now, count=old.count + 1)
        self._kept[key] = event
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self._tell(event, "ADDED" if old is None else "MODIFIED")
        return event

    def _log(self, event: Event, cause: str) -> None:
        level = logging.WARNING if event.type == "Warning" else logging.INFO
        fields = {"event": event.reason, "cause": cause}
        if event.kind == "Pod":
            where = f"{event.name}/{event.container}: " if event.container else f"{event.name}: "
            fields |= {"pod": event.name, "namespace": event.namespace, "pod_uid": event.uid}
            fields |= {"container": event.container}
        else:
            where = ""  # the message begins with the file
            fields |= {"file": event.name}
        log.log(level, "%s%s: %s", where, event.reason, event.message, extra=fields)

    def died(self, meta: ObjectMeta, record: ContainerRecord) -> None:
        """Tell the journal how a container ended. Kubernetes has no event for it: there it is in the pod's status."""
        fields = {
            "pod": meta.name,
            "namespace": meta.namespace or "default",
            "pod_uid": meta.uid,
            "container": record.name,
            "container_id": record.id,
            "event": "Died",
            "cause": record.reason,
            "exit_code": record.exit_code,
        }
        expected = record.exit_code == 0 or record.stop_sent_at is not None
        level = logging.INFO if expected else logging.WARNING
        why = f": {record.message}" if record.message else ""
        ending = f"{record.reason}, exit code {record.exit_code}{why}"
        log.log(level, "%s/%s: Died: %s", meta.name, record.name, ending, extra=fields)

    def _tell(self, event: Event, change: str) -> None:
        if self._watchers:
            self._watchers.tell({"type": change, "object": event.render(self._node)})

    def rendered(self) -> list[dict[str, Any]]:
        """All events kept, the one that happened last at the end."""
        return [event.render(self._node) for event in self._kept.values()]

    def watch(self) -> AsyncGenerator[Change, None]:
        """All events kept, then each as it happens. A watcher that lags far behind is let go."""
        return self._watchers.watch(lambda: [{"type": "ADDED", "object": event} for event in self.rendered()])

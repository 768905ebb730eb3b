"""What happened, as v1 Events: kept in memory and on disk, repeats folded with a count, told to whoever watches."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hostpod.config import EventsConfig
from hostpod.engine.event_file import EventFile
from hostpod.engine.records import ContainerRecord
from hostpod.engine.watchers import Change, Watchers
from hostpod.kube import ObjectMeta, Pod
from hostpod.plan.happenings import About, Bound, Event, EventType, Happenings, printable

log = logging.getLogger(__name__)


class EventLog:
    """What happened lately. Every event goes to the journal as well, each time that it happens.

    Without `kept` it is in memory alone. Recording is for one thread; it never waits for the disk.
    """

    def __init__(self, *, node: str, now: Callable[[], float], bound: Bound | None = None) -> None:
        self._node = node
        self._now = now
        self._happenings = Happenings(bound or Bound())
        self._lock = threading.Lock()  # the thread that writes looks at all events now and then
        self._file: EventFile | None = None
        self._watchers = Watchers()

    @contextmanager
    def kept(self, path: Path, config: EventsConfig) -> Iterator[None]:
        """Begin with what an earlier daemon kept in a file, and keep there what happens inside of the block."""
        file = EventFile(
            path, limit_bytes=config.max_bytes, age_s=config.max_age_s, everything=self._everything, now=self._now
        )
        self._happenings.restore(file.load(), self._now())
        with file:
            self._file = file
            try:
                yield
            finally:
                self._file = None

    def pod(
        self, pod: Pod, type_: EventType, reason: str, message: str, *, container: str = "", cause: str = ""
    ) -> None:
        """Record what happened to a pod or to one container of it. `cause` is more exact than the reason, and goes to
        the journal alone."""
        meta, init = pod.metadata, any(each.name == container for each in pod.spec.init_containers)
        about = About(
            kind="Pod", namespace=meta.namespace or "default", name=meta.name or "", uid=meta.uid or "",
            container=container, init=init,
        )  # fmt: skip
        self._record(about, type_, reason, message, cause)

    def file(self, path: str, reason: str, message: str) -> None:
        """Record what is wrong with a manifest file."""
        self._record(About(kind="File", namespace="default", name=printable(path)), "Warning", reason, message, "")

    def node(self, type_: EventType, reason: str, message: str) -> None:
        """Record what happened to the node."""
        about = About(kind="Node", namespace="default", name=self._node, uid=self._node)
        self._record(about, type_, reason, message, "")

    def _record(self, about: About, type_: EventType, reason: str, message: str, cause: str) -> None:
        with self._lock:
            event = self._happenings.add(about, type_, reason, message, self._now())
        if self._file is not None:
            self._file.put(event)
        if self._watchers:
            change = "ADDED" if event.count == 1 else "MODIFIED"
            self._watchers.tell({"type": change, "object": event.render(self._node)})
        _log(about, type_, reason, message, cause)

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

    def rendered(self) -> list[dict[str, Any]]:
        """All events kept, the one that happened last at the end."""
        return [event.render(self._node) for event in self._everything()]

    def watch(self) -> AsyncGenerator[Change, None]:
        """All events kept, then each as it happens. A watcher that lags far behind is let go."""
        return self._watchers.watch(lambda: [{"type": "ADDED", "object": event} for event in self.rendered()])

    def _everything(self) -> Sequence[Event]:
        with self._lock:
            self._happenings.forget_old(self._now())
            return self._happenings.all()


def bound_of(config: EventsConfig) -> Bound:
    """What is known is a third of what may be on disk: an old file of two thirds is there until a new one is whole."""
    return Bound(age_s=config.max_age_s, size_bytes=config.max_bytes // 3)


def _log(about: About, type_: EventType, reason: str, message: str, cause: str) -> None:
    level = logging.WARNING if type_ == "Warning" else logging.INFO
    fields = {"event": reason, "cause": cause}
    where = ""  # a file's message begins with it
    if about.kind == "Pod":
        where = f"{about.name}/{about.container}: " if about.container else f"{about.name}: "
        fields |= {"pod": about.name, "namespace": about.namespace, "pod_uid": about.uid}
        fields |= {"container": about.container}
    elif about.kind == "File":
        fields |= {"file": about.name}
    log.log(level, "%s%s: %s", where, reason, message, extra=fields)

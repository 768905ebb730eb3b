"""What is written down of a pod and its containers: only what cannot be seen on the host again.

Each record is one JSON file on the runtime side, replaced atomically; a reboot forgets them all. pod.json is written
before anything of a pod is made and removed after everything of it is gone, so no crash leaves a thing without owner.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from hostpod.engine.paths import ContainerPaths, PodPaths
from hostpod.host.store import write_json
from hostpod.kube import Pod, to_json
from hostpod.plan.observed import ContainerPhase, Ending, ObservedContainer, Stopping, Unhealthy, Verdict

Record = TypeVar("Record")


class DamagedRecordError(Exception):
    """A record does not hold what was written; the message names the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PodRecord:
    """An admitted pod: its manifest as admitted, the file it came from, and whether it is being ended or has failed.

    `oom_kills` is how many kills for memory, of those that its cgroup counts, ends of containers account for.
    `first_id` is what the root of its user namespace is on the host; 0 where it has the host's.
    """

    pod: Pod
    file: str
    admitted_at: float
    ending: Ending | None = None
    sandbox_at: float | None = None
    oom_kills: int = 0
    verdict: Verdict | None = None
    first_id: int = 0

    def save(self, paths: PodPaths) -> None:
        content = {
            "pod": to_json(self.pod),
            "file": self.file,
            "admitted_at": self.admitted_at,
            "ending": asdict(self.ending) if self.ending else None,
            "sandbox_at": self.sandbox_at,
            "oom_kills": self.oom_kills,
            "verdict": asdict(self.verdict) if self.verdict else None,
            "first_id": self.first_id,
        }
        _write(paths.record, content)

    @classmethod
    def load(cls, paths: PodPaths) -> PodRecord:
        """Raises DamagedRecordError, also where the pod was never admitted."""
        frame = _parsed(paths.record, _bytes(paths.record), _FRAME)
        pod = _parsed(paths.record, json.dumps(frame.pod).encode(), _POD)
        if pod.metadata.uid != paths.runtime.name:
            raise DamagedRecordError(f"{paths.record}: it is the record of pod {pod.metadata.uid}")
        return cls(
            pod=pod,
            file=frame.file,
            admitted_at=frame.admitted_at,
            ending=frame.ending,
            sandbox_at=frame.sandbox_at,
            oom_kills=frame.oom_kills,
            verdict=frame.verdict,
            first_id=frame.first_id,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Frame:
    """A pod's record around the pod. Apart from it, because a validator that holds all of Pod takes 40 ms to build."""

    pod: Any
    file: str
    admitted_at: float
    ending: Ending | None
    sandbox_at: float | None
    oom_kills: int = 0
    verdict: Verdict | None = None
    first_id: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerRecord:
    """One attempt at running a container. Times are wall seconds; `…_started` are in clock ticks since boot.

    `pid` is the container's first process, `monitor` the conmon that ends after it. What the plan decides from is told
    at ObservedContainer.
    """

    name: str
    id: str
    attempt: int
    backoff_s: float
    image: str
    image_id: str
    stop_signal: str
    log: str
    cgroup: str
    created_at: float
    pid: int | None = None
    pid_started: int | None = None
    monitor: int | None = None
    monitor_started: int | None = None
    started_at: float | None = None
    finished_at: float | None = None
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
    resources: str = ""
    post_started_at: float | None = None
    startup: bool | None = None
    startup_at: float | None = None
    ready: bool | None = None
    ready_at: float | None = None
    unhealthy: Unhealthy | None = None
    stopping: Stopping | None = None
    pre_stopped_at: float | None = None
    stop_sent_at: float | None = None
    kill_sent: bool = False
    cleaned: bool = False

    @property
    def phase(self) -> ContainerPhase:
        if self.exit_code is not None:
            return "exited"
        if self.started_at is not None:
            return "running"
        return "creating" if self.pid is None else "created"

    def observed(self) -> ObservedContainer:
        """The part of it that decisions are made from."""
        return ObservedContainer(phase=self.phase, **{name: getattr(self, name) for name in _OBSERVED})

    def save(self, paths: ContainerPaths) -> None:
        _write(paths.record, asdict(self))

    @classmethod
    def load(cls, path: Path) -> ContainerRecord:
        """Raises DamagedRecordError."""
        record = _parsed(path, _bytes(path), _CONTAINER)
        if not record.id.startswith(path.parent.name):
            raise DamagedRecordError(f"{path}: it is the record of container {record.id}")
        return record


_POD = TypeAdapter(Pod)
_FRAME = TypeAdapter(_Frame)
_CONTAINER = TypeAdapter(ContainerRecord)
_OBSERVED = tuple(field.name for field in fields(ObservedContainer) if field.name != "phase")


def container_records(paths: PodPaths) -> Iterator[Path]:
    """The directories of a pod's attempts, with or without a record in them."""
    if paths.containers.is_dir():
        yield from sorted(path for path in paths.containers.iterdir() if path.is_dir())


def _write(path: Path, content: dict[str, Any]) -> None:
    # The runtime directory is a tmpfs that a reboot empties: there is no disk to wait for.
    write_json(path, content, durable=False)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DamagedRecordError(f"{path}: no record is there") from error
    except OSError as error:
        raise DamagedRecordError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from error


def _parsed(path: Path, content: bytes, kind: TypeAdapter[Record]) -> Record:
    try:
        return kind.validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "content"
        raise DamagedRecordError(f"{path}: {where}: {first['msg'].lower()}") from error

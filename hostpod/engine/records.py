"""What is written down of a pod and its containers: only what cannot be seen on the host again.

Each record is one JSON file on the runtime side, replaced atomically; a reboot forgets them all. pod.json is written
before anything of a pod is made and removed after everything of it is gone, so no crash leaves a thing without owner.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hostpod.engine.paths import ContainerPaths, PodPaths
from hostpod.host.store import StoreError, read_json, write_json
from hostpod.kube import Pod, to_json
from hostpod.plan.observed import ContainerPhase, Ending, ObservedContainer


class DamagedRecordError(Exception):
    """A record does not hold what was written; the message names the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PodRecord:
    """An admitted pod: its manifest as admitted, the file it came from, and whether it is being ended."""

    pod: Pod
    file: str
    admitted_at: float
    ending: Ending | None = None
    sandbox_at: float | None = None

    def save(self, paths: PodPaths) -> None:
        content = {
            "pod": to_json(self.pod),
            "file": self.file,
            "admittedAt": self.admitted_at,
            "ending": asdict(self.ending) if self.ending else None,
            "sandboxAt": self.sandbox_at,
        }
        _write(paths.record, content)

    @classmethod
    def load(cls, paths: PodPaths) -> PodRecord:
        """Raises DamagedRecordError, also where the pod was never admitted."""
        content = _read(paths.record)
        try:
            return cls(
                pod=Pod.model_validate_json(json.dumps(content["pod"])),
                file=content["file"],
                admitted_at=content["admittedAt"],
                ending=Ending(**content["ending"]) if content["ending"] else None,
                sandbox_at=content["sandboxAt"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedRecordError(f"{paths.record}: {error}") from error


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerRecord:
    """One attempt at running a container. Times are wall seconds; `pid_started` is in clock ticks since boot."""

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
    started_at: float | None = None
    finished_at: float | None = None
    exit_code: int | None = None
    reason: str = ""
    message: str = ""
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
        return ObservedContainer(
            name=self.name,
            id=self.id,
            attempt=self.attempt,
            phase=self.phase,
            backoff_s=self.backoff_s,
            image=self.image,
            image_id=self.image_id,
            created_at=self.created_at,
            stop_signal=self.stop_signal,
            started_at=self.started_at,
            finished_at=self.finished_at,
            exit_code=self.exit_code,
            reason=self.reason,
            message=self.message,
            stop_sent_at=self.stop_sent_at,
            kill_sent=self.kill_sent,
            cleaned=self.cleaned,
        )

    def save(self, paths: ContainerPaths) -> None:
        _write(paths.record, {name: getattr(self, name) for name in _CONTAINER_FIELDS})

    @classmethod
    def load(cls, path: Path) -> ContainerRecord:
        """Raises DamagedRecordError."""
        content = _read(path)
        try:
            return cls(**content)
        except TypeError as error:
            raise DamagedRecordError(f"{path}: {error}") from error


_CONTAINER_FIELDS = tuple(field.name for field in fields(ContainerRecord))


def container_records(paths: PodPaths) -> Iterator[Path]:
    """The directories of a pod's attempts, with or without a record in them."""
    if paths.containers.is_dir():
        yield from sorted(path for path in paths.containers.iterdir() if path.is_dir())


def _write(path: Path, content: dict[str, Any]) -> None:
    # The runtime directory is a tmpfs that a reboot empties: there is no disk to wait for.
    write_json(path, content, durable=False)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except StoreError as error:
        raise DamagedRecordError(str(error)) from error
    if not isinstance(content, dict):
        raise DamagedRecordError(f"{path}: no record is there")
    return content

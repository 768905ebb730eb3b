"""What a worker sees of its pod on the host: the input of every decision. Built by engine/, never changed here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hostpod.kube import Pod

ContainerPhase = Literal["creating", "created", "running", "exited"]

NAMESPACES = "namespaces"
VOLUMES = "volumes"
NETWORK = "network"
PAUSE = "pause"
POD = "pod"


def action_key(kind: type, target: str) -> str:
    """What a refusal is remembered by: the kind of action and what it was for."""
    return f"{kind.__name__} {target}"


def image_target(container: str) -> str:
    """Key of what is done for one container's image."""
    return f"image:{container}"


def image_volume_target(volume: str) -> str:
    """Key of what is done for the image that a volume shows."""
    return f"imageVolume:{volume}"


def container_target(container: str) -> str:
    """Key of what is done to one container; actions with one key never run side by side."""
    return f"container:{container}"


def post_start_target(container: str) -> str:
    """Key of the hook that follows a container's start; it runs beside what else is done to the container."""
    return f"postStart:{container}"


def pre_stop_target(container: str) -> str:
    """Key of the hook that precedes a container's stop signal."""
    return f"preStop:{container}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stopping:
    """One container alone is being ended since `since` (wall seconds), and SIGKILL follows after `grace_s`.

    What follows is decided by the restart policy; or another attempt, whatever the policy says; or one that, as the
    first of a changed container, waits for nothing.
    """

    since: float
    grace_s: float
    reason: str
    then: Literal["policy", "restart", "afresh"] = "policy"
    hook_failed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Unhealthy:
    """A startup or liveness probe failed as often as its threshold says."""

    probe: Literal["startup", "liveness"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ObservedContainer:
    """One attempt at running one container of the pod, also of an init container.

    Times are wall seconds. `attempt` counts from 0 and is the restartCount. `backoff_s` is the wait that follows this
    attempt's end, decided when it was made. `resources` is what it was given, as plan/change.py writes it, empty where
    nobody knows. `post_started_at` and `pre_stopped_at` are when a hook was over.
    `startup` and `ready` are the results of its probes, None before the first, and `…_at` when they changed.
    `unhealthy` says why a probe wants it to end. `cleaned` says that nothing but its record and its log is left.
    """

    name: str
    id: str
    attempt: int
    phase: ContainerPhase
    backoff_s: float
    image: str
    image_id: str
    created_at: float
    stop_signal: str = "SIGTERM"
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """The world refused an action `count` times in a row, the last time at `at` (wall seconds). `action` is its key."""

    action: str
    count: int
    at: float
    reason: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """The pod is being ended since `since` (wall seconds); SIGKILL follows after `grace_s`."""

    since: float
    grace_s: float
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the status of a pod says that was ended though its manifest wants it: it is failed, for this reason.

    Where the pod stays on the host, its containers end since `since` (wall seconds), with `grace_s` until SIGKILL.
    """

    reason: str
    message: str
    since: float = 0.0
    grace_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ObservedPod:
    """One pod on the host. `busy` are the targets of actions that still run.

    `stale` says that volumes may show what was, of objects or of the pod itself; `renew_at` (wall seconds) is when they
    need another token.
    `waits` says which other pods it waits for before anything is made of it.
    `volume_images` are the images that are mounted for volumes, by the volume's name.
    `remains` says that something of the sandbox may be there that no other field tells of, half-made or half-removed.
    """

    pod: Pod
    admitted_at: float
    ending: Ending | None = None
    namespaces: bool = False
    volumes: bool = False
    stale: bool = False
    renew_at: float | None = None
    network: bool = False
    pause: bool = False
    remains: bool = False
    sandbox_at: float | None = None
    ips: tuple[str, ...] = ()
    containers: tuple[ObservedContainer, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    volume_images: Mapping[str, str] = field(default_factory=dict)
    failures: Mapping[str, Failure] = field(default_factory=dict)
    busy: frozenset[str] = frozenset()
    verdict: Verdict | None = None
    waits: str = ""

    @property
    def uid(self) -> str:
        return self.pod.metadata.uid or ""

    @property
    def ip(self) -> str | None:
        """The address that probes and people use."""
        return self.ips[0] if self.ips else None

    @property
    def sandboxed(self) -> bool:
        """Whether anything of the sandbox may exist on the host."""
        return self.namespaces or self.network or self.pause or self.remains

    def latest(self, name: str) -> ObservedContainer | None:
        """The newest attempt of a container, None before the first."""
        return max((c for c in self.containers if c.name == name), key=lambda c: c.attempt, default=None)

    def previous(self, name: str) -> ObservedContainer | None:
        """The attempt before the newest one, where its record is still kept."""
        attempts = sorted((c for c in self.containers if c.name == name), key=lambda c: c.attempt)
        return attempts[-2] if len(attempts) > 1 else None

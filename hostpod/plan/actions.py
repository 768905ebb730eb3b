"""Everything hostpod can do to a pod: a closed union. Each action carries the reason a person may read."""

from __future__ import annotations

from dataclasses import dataclass

from hostpod.kube import Pod
from hostpod.plan.observed import (
    NAMESPACES,
    NETWORK,
    PAUSE,
    POD,
    VOLUMES,
    Stopping,
    Verdict,
    action_key,
    container_target,
    image_target,
    image_volume_target,
    post_start_target,
    pre_stop_target,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Action:
    reason: str

    @property
    def key(self) -> str:
        """What a refusal of this action is remembered by."""
        return action_key(type(self), self.target)  # type: ignore[attr-defined]  # every member of the union has one


@dataclass(frozen=True, kw_only=True, slots=True)
class _OfContainer(_Action):
    container: str

    @property
    def target(self) -> str:
        return container_target(self.container)


@dataclass(frozen=True, kw_only=True, slots=True)
class _OfAttempt(_OfContainer):
    id: str


# The pod


@dataclass(frozen=True, kw_only=True, slots=True)
class AdmitPod(_Action):
    """Write down that the pod exists, before anything of it is made."""

    pod: Pod
    target: str = POD


@dataclass(frozen=True, kw_only=True, slots=True)
class BeginEnding(_Action):
    """Write down that the pod is being ended."""

    grace_s: float
    target: str = POD


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdatePod(_Action):
    """Write down that the pod is as its manifest is now. What follows for its containers is seen then."""

    pod: Pod
    target: str = POD


@dataclass(frozen=True, kw_only=True, slots=True)
class FailPod(_Action):
    """Write down that the pod has failed, whatever its containers do: they end, and it stays failed."""

    verdict: Verdict
    target: str = POD


@dataclass(frozen=True, kw_only=True, slots=True)
class MakeNamespaces(_Action):
    """Make the pod's namespaces and its cgroup."""

    target: str = NAMESPACES


@dataclass(frozen=True, kw_only=True, slots=True)
class AttachNetwork(_Action):
    """Give the pod an address and join it to the bridge."""

    target: str = NETWORK


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPause(_Action):
    """Start the process that owns the pod's namespaces."""

    target: str = PAUSE


@dataclass(frozen=True, kw_only=True, slots=True)
class PrepareVolumes(_Action):
    """Make the pod's volumes and files; or only write anew what volumes show of objects and of the pod itself."""

    target: str = VOLUMES


@dataclass(frozen=True, kw_only=True, slots=True)
class TearDownSandbox(_Action):
    """End pause, give the address back, unpin the namespaces, remove the pod's cgroup."""

    target: str = POD


@dataclass(frozen=True, kw_only=True, slots=True)
class ForgetPod(_Action):
    """Remove the pod's volumes, logs and records: the last act."""

    target: str = POD


# Its containers


@dataclass(frozen=True, kw_only=True, slots=True)
class EnsureImage(_OfContainer):
    """Have the container's image on this host, by its pull policy."""

    @property
    def target(self) -> str:
        return image_target(self.container)


@dataclass(frozen=True, kw_only=True, slots=True)
class EnsureVolumeImage(_Action):
    """Have the image that a volume shows on this host, by its pull policy, and mount it for the pod."""

    volume: str

    @property
    def target(self) -> str:
        return image_volume_target(self.volume)


@dataclass(frozen=True, kw_only=True, slots=True)
class Abandon(_OfContainer):
    """Nobody waits any more for what is under way: a pull, a hook. `what` is its target.

    What is under way for all containers together is of none of them.
    """

    what: str
    container: str = ""

    @property
    def target(self) -> str:
        return f"abandon {self.what}"


@dataclass(frozen=True, kw_only=True, slots=True)
class CreateContainer(_OfContainer):
    """Make one attempt of a container up to the moment before its process runs."""

    attempt: int
    backoff_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class StartContainer(_OfAttempt):
    """Let a created container's process run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPostStart(_OfAttempt):
    """Run the hook of a container that has just been started; where it fails the container ends."""

    grace_s: float

    @property
    def target(self) -> str:
        return post_start_target(self.container)


@dataclass(frozen=True, kw_only=True, slots=True)
class ResizeContainer(_OfAttempt):
    """Give a running container the cpu and memory that its pod says now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BeginStopping(_OfAttempt):
    """Write down that one container is to end while its pod goes on."""

    stopping: Stopping


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPreStop(_OfAttempt):
    """Run the hook of a container that is about to be asked to end, until `until` (wall seconds) at most."""

    until: float

    @property
    def target(self) -> str:
        return pre_stop_target(self.container)


@dataclass(frozen=True, kw_only=True, slots=True)
class StopContainer(_OfAttempt):
    """Ask a container to end by its stop signal."""

    signal: str


@dataclass(frozen=True, kw_only=True, slots=True)
class KillContainer(_OfAttempt):
    """SIGKILL to every process of a container."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DiscardContainer(_OfAttempt):
    """Undo an attempt whose making was refused or cut off: it never was, and is not counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanContainer(_OfAttempt):
    """Free what an ended container held, but its record and its log."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ForgetContainer(_OfAttempt):
    """Drop the record and the log of an old attempt."""

    @property
    def target(self) -> str:
        return f"forget:{self.id}"


Action = (
    AdmitPod
    | BeginEnding
    | UpdatePod
    | FailPod
    | MakeNamespaces
    | AttachNetwork
    | RunPause
    | PrepareVolumes
    | EnsureImage
    | EnsureVolumeImage
    | Abandon
    | CreateContainer
    | StartContainer
    | RunPostStart
    | ResizeContainer
    | BeginStopping
    | RunPreStop
    | StopContainer
    | KillContainer
    | DiscardContainer
    | CleanContainer
    | ForgetContainer
    | TearDownSandbox
    | ForgetPod
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What to do now, all of it side by side, and when to look again (wall seconds; None: when something happens)."""

    actions: tuple[Action, ...] = ()
    wake_at: float | None = None

"""When the world refuses: the one place that tells a refusal (retried, shown) from a bug (ends the daemon)."""

from __future__ import annotations

from collections.abc import Mapping

from hostpod.engine.resizing import ResizeRefusedError
from hostpod.host.cgroup import CgroupError
from hostpod.host.conmon import ConmonError
from hostpod.host.logs import LogError
from hostpod.host.process import CommandError
from hostpod.host.runc import RuncError
from hostpod.host.store import StoreError
from hostpod.images import ImageError
from hostpod.network import NetworkError
from hostpod.oci import SpecError
from hostpod.plan import actions as do
from hostpod.volumes import VolumeError

REFUSALS = (
    OSError,
    CgroupError,
    CommandError,
    ConmonError,
    ImageError,
    LogError,
    NetworkError,
    ResizeRefusedError,
    RuncError,
    SpecError,
    StoreError,
    VolumeError,
)

_WAITING_REASONS: Mapping[type, str] = {
    do.EnsureImage: "ErrImagePull",
    do.EnsureVolumeImage: "ErrImagePull",
    do.CreateContainer: "CreateContainerError",
    do.StartContainer: "RunContainerError",
    do.MakeNamespaces: "CreatePodSandboxError",
    do.AttachNetwork: "CreatePodSandboxError",
    do.RunPause: "CreatePodSandboxError",
}


def waiting_reason(action: do.Action, refusal: BaseException) -> str:
    """The container's waiting reason after a refusal, as the kubelet names it."""
    if isinstance(refusal, ImageError):
        return refusal.reason
    if isinstance(action, do.CreateContainer) and isinstance(refusal, SpecError | VolumeError):
        return "CreateContainerConfigError"
    return _WAITING_REASONS.get(type(action), "ContainerCreating")


def event_reason(action: do.Action) -> str:
    """The reason of the Warning event, as the kubelet names it."""
    match action:
        case do.PrepareVolumes():
            return "FailedMount"
        case do.MakeNamespaces() | do.AttachNetwork() | do.RunPause():
            return "FailedCreatePodSandBox"
        case (
            do.BeginStopping()
            | do.RunPreStop()
            | do.StopContainer()
            | do.KillContainer()
            | do.CleanContainer()
            | do.TearDownSandbox()
            | do.ForgetPod()
        ):
            return "FailedKillPod"
        case do.ResizeContainer():
            return "ResizeError"
        case _:
            return "Failed"


def event_cause(action: do.Action, refusal: BaseException) -> str:
    """What a Failed event is about more exactly, for the journal; empty where nothing is known."""
    match action:
        case do.EnsureImage() | do.EnsureVolumeImage() | do.CreateContainer() | do.StartContainer():
            return waiting_reason(action, refusal)
        case _:
            return ""


_DOING: Mapping[type, str] = {
    do.AdmitPod: "write the pod down",
    do.BeginEnding: "write down that the pod ends",
    do.UpdatePod: "take over the change of the pod",
    do.ResizeContainer: "resize",
    do.FailPod: "write down that the pod has failed",
    do.MakeNamespaces: "make the pod's namespaces",
    do.AttachNetwork: "join the pod to its network",
    do.RunPause: "run the pod's pause process",
    do.PrepareVolumes: "prepare the pod's volumes",
    do.TearDownSandbox: "take the pod's sandbox down",
    do.ForgetPod: "remove the pod's files",
    do.EnsureImage: "get the image of",
    do.EnsureVolumeImage: "get the image of",
    do.CreateContainer: "create",
    do.StartContainer: "start",
    do.RunPostStart: "run the postStart hook of",
    do.BeginStopping: "write down the end of",
    do.RunPreStop: "run the preStop hook of",
    do.StopContainer: "stop",
    do.KillContainer: "kill",
    do.DiscardContainer: "undo the making of",
    do.CleanContainer: "clean up after",
    do.ForgetContainer: "forget",
}


def explain(action: do.Action, refusal: BaseException) -> str:
    """What could not be done and why, for a person. A refusal that says so itself is not introduced once more."""
    container, volume = getattr(action, "container", None), getattr(action, "volume", None)
    what = f'container "{container}"' if container else f'volume "{volume}"' if volume else ""
    why = words(refusal)
    if why.startswith("cannot "):
        return f"{what}: {why}" if what else why
    return f"cannot {_DOING[type(action)]} {what}".rstrip() + f": {why}"


def words(refusal: BaseException) -> str:
    """A refusal as a person reads it: what the kernel answered, without its number."""
    if not isinstance(refusal, OSError) or type(refusal).__str__ is not OSError.__str__ or not refusal.strerror:
        return str(refusal)
    return f"{refusal.filename}: {refusal.strerror.lower()}" if refusal.filename else refusal.strerror.lower()

"""When the world refuses: the one place that tells a refusal (retried, shown) from a bug (ends the daemon)."""

from __future__ import annotations

from hostpod.host.process import CommandError
from hostpod.host.store import StoreError
from hostpod.images import ImageError
from hostpod.network import NetworkError
from hostpod.oci import SpecError
from hostpod.plan import actions as do
from hostpod.volumes import VolumeError

REFUSALS = (OSError, CommandError, StoreError, ImageError, NetworkError, VolumeError, SpecError)


def waiting_reason(action: do.Action, refusal: BaseException) -> str:
    """The container's waiting reason after a refusal, as the kubelet names it."""
    match action, refusal:
        case _, ImageError():
            return refusal.reason
        case do.EnsureImage(), _:
            return "ErrImagePull"
        case do.CreateContainer(), SpecError() | VolumeError():
            return "CreateContainerConfigError"
        case do.CreateContainer(), _:
            return "CreateContainerError"
        case do.StartContainer(), _:
            return "RunContainerError"
        case ((do.PinNamespaces() | do.AttachNetwork() | do.RunPause()), _):
            return "CreatePodSandboxError"
        case _:
            return "ContainerCreating"


def event_reason(action: do.Action) -> str:
    """The reason of the Warning event, as the kubelet names it."""
    match action:
        case do.PrepareVolumes():
            return "FailedMount"
        case do.PinNamespaces() | do.AttachNetwork() | do.RunPause():
            return "FailedCreatePodSandBox"
        case do.StopContainer() | do.KillContainer() | do.CleanContainer() | do.TearDownSandbox() | do.ForgetPod():
            return "FailedKillPod"
        case _:
            return "Failed"


def explain(action: do.Action, refusal: BaseException) -> str:
    """What could not be done and why, for a person."""
    match action:
        case do.EnsureImage() | do.CreateContainer() | do.StartContainer():
            return f'cannot {_verb(action)} container "{action.container}": {refusal}'
        case do.StopContainer() | do.KillContainer() | do.CleanContainer() | do.ForgetContainer():
            return f'cannot {_verb(action)} container "{action.container}": {refusal}'
        case _:
            return f"cannot {_verb(action)}: {refusal}"


def _verb(action: do.Action) -> str:
    return {
        "EnsureImage": "get the image of",
        "CreateContainer": "create",
        "StartContainer": "start",
        "StopContainer": "stop",
        "KillContainer": "kill",
        "CleanContainer": "clean up",
        "ForgetContainer": "forget",
        "PinNamespaces": "make the pod's namespaces",
        "AttachNetwork": "join the pod to its network",
        "RunPause": "run the pod's pause process",
        "PrepareVolumes": "prepare the pod's volumes",
        "TearDownSandbox": "take the pod's sandbox down",
        "ForgetPod": "remove the pod's files",
        "BeginEnding": "write down that the pod ends",
        "AdmitPod": "write the pod down",
    }.get(type(action).__name__, "do what is needed")

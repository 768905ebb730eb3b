"""Which attempt of a container a person means who asks for its log: by the status that the person sees. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hostpod.kube.api_status import StatusError

_PULLS = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}


def logged_attempt(status: Mapping[str, Any], *, pod: str, previous: bool) -> str:
    """The attempt's id, by the kubelet's rules. Raises StatusError where there is none yet.

    While a container waits for its restart, the attempt that ended is meant both with and without `previous`.
    """
    state, last = status["state"], status.get("lastState", {}).get("terminated")
    if previous and last is None:
        raise _refusal(f'previous terminated container "{status["name"]}" in pod "{pod}" not found')
    if previous or (last is not None and "waiting" in state):
        return _id(last)
    if "terminated" in state:
        return _id(state["terminated"])
    if "running" in state:
        return _id(status)
    reason = state.get("waiting", {}).get("reason", "ContainerCreating")
    raise _refusal(f'container "{status["name"]}" in pod "{pod}" is waiting to start: {_PULLS.get(reason, reason)}')


def _id(of: Mapping[str, Any]) -> str:
    return str(of["containerID"]).rpartition("/")[2]


def _refusal(message: str) -> StatusError:
    return StatusError("BadRequest", message)

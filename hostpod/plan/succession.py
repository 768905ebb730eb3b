"""A new version of a pod that starts beside the old one and takes its place when it is ready. Pure.

It is what the annotation hostpod.io/replace asks of a new version that cannot take the old one's place by a change
of the running pod. Without it the old one ends first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hostpod.kube import Pod
from hostpod.kube.annotations import REPLACE, REPLACE_DEADLINE, WHEN_READY
from hostpod.plan.change import change_of

DEADLINE_S = 600.0  # that of a Deployment's progressDeadlineSeconds

Place = Literal["wish", "stay"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Here:
    """One pod of the name that is on the host. `ready` it is also when it did its work, `done` when that is over."""

    key: str
    pod: Pod
    admitted_at: float
    ready: bool = False
    done: bool = False
    failed: bool = False
    ends: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Seating:
    """Who of a name is wanted, by keys: the new version (`wish`), what runs as it is (`stay`); all others end.

    `wake_at` is when that has to be looked at again (wall seconds). `withdrawn` says that the new version was not ready
    in its time, and does not come any more.
    """

    places: Mapping[str, Place] = field(default_factory=dict)
    wake_at: float | None = None
    withdrawn: bool = False


def is_gated(pod: Pod) -> bool:
    """Whether a new version is to take the place of the old one only when it is ready."""
    return pod.metadata.annotations.get(REPLACE) == WHEN_READY


def deadline_s(pod: Pod) -> float:
    """How long it may take until it is ready."""
    return float(pod.metadata.annotations.get(REPLACE_DEADLINE, DEADLINE_S))


def second_key(key: str, pod: Pod) -> str:
    """The key of a version that is here beside the old one."""
    return f"{key}#{pod.uid}"


def seat(key: str, wish: Pod, here: Sequence[Here], *, withdrawn: bool, now: float) -> Seating:
    """Who of one name is wanted. `withdrawn` says that this version of the wish was withdrawn before."""
    new = next((each for each in here if not each.ends and change_of(each.pod, wish).kind != "replace"), None)
    old = next((each for each in here if each is not new and not each.ends and not each.done), None)
    if old is None or not _may_be_beside(wish, old):
        return Seating(places={new.key if new is not None else _free(key, wish, here): "wish"})
    if new is None:
        return Seating(places={old.key: "stay"} if withdrawn else {old.key: "stay", _free(key, wish, here): "wish"},
                       withdrawn=withdrawn)  # fmt: skip
    if new.ready:
        return Seating(places={new.key: "wish"})
    at = new.admitted_at + deadline_s(wish)
    if now >= at or new.failed:
        return Seating(places={old.key: "stay"}, withdrawn=True)
    return Seating(places={old.key: "stay", new.key: "wish"}, wake_at=at)


def _free(key: str, wish: Pod, here: Sequence[Here]) -> str:
    """Where a version that is not here yet goes: beside an old one that is to stay, else into its place after it."""
    stays = any(not each.ends and not each.done and _may_be_beside(wish, each) for each in here)
    return second_key(key, wish) if stays else key


def _may_be_beside(wish: Pod, old: Here) -> bool:
    """Two pods of one uid cannot be here at once."""
    return is_gated(wish) and old.pod.uid != wish.uid

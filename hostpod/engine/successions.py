"""New versions of pods beside old ones: who of each name is wanted now (plan/succession.py), and who was withdrawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hostpod.engine.worker import Wish, Worker
from hostpod.kube import Pod
from hostpod.kube.annotations import CONFIG_HASH
from hostpod.plan.admission import Refusal
from hostpod.plan.restarts import work_over
from hostpod.plan.status import lets_others_start, phase
from hostpod.plan.succession import Here, Seating, deadline_s, seat, second_key

NOT_READY_IN_TIME = "NotReadyInTime"


@dataclass(frozen=True, kw_only=True, slots=True)
class Seated:
    """Wishes by the keys of their workers, new versions that were withdrawn, and when to look again (wall seconds).

    `stays` are the keys of what goes on though its manifest says otherwise now.
    """

    wishes: Mapping[str, Wish]
    stays: frozenset[str] = frozenset()
    withdrawn: Mapping[str, tuple[Pod, Refusal]] = field(default_factory=dict)
    wake_at: float | None = None


def first_key(key: str) -> str:
    """The key of the name, also where a worker has that of a second version."""
    return key.partition("#")[0]


class Successions:
    """Remembers which new versions were withdrawn; a new daemon tries them once more."""

    def __init__(self) -> None:
        self._withdrawn: dict[str, str | None] = {}

    def seat(self, wishes: Mapping[str, Wish], workers: Mapping[str, Worker], *, now: float) -> Seated:
        """Who is wanted now."""
        here = _here(workers)
        wanted: dict[str, Wish] = {}
        stays: set[str] = set()
        withdrawn: dict[str, tuple[Pod, Refusal]] = {}
        times = []
        for key, wish in wishes.items():
            seating = self._seat(key, wish.pod, here.get(key, ()), now)
            for place, what in seating.places.items():
                wanted[place] = wish if what == "wish" else _as_it_is(workers[place])
                if what == "stay":
                    stays.add(place)
            if seating.withdrawn:
                withdrawn[second_key(key, wish.pod)] = (wish.pod, _refusal(wish.pod))
            if seating.wake_at is not None:
                times.append(seating.wake_at)
        return Seated(wishes=wanted, stays=frozenset(stays), withdrawn=withdrawn, wake_at=min(times, default=None))

    def _seat(self, key: str, wish: Pod, here: Sequence[Here], now: float) -> Seating:
        mark = wish.metadata.annotations.get(CONFIG_HASH)
        seating = seat(key, wish, here, withdrawn=self._withdrawn.get(key) == mark, now=now)
        if seating.withdrawn:
            self._withdrawn[key] = mark
        else:
            self._withdrawn.pop(key, None)
        return seating


def _here(workers: Mapping[str, Worker]) -> Mapping[str, Sequence[Here]]:
    """By name what is on the host, the oldest first."""
    found: dict[str, list[Here]] = defaultdict(list)
    for key, worker in workers.items():
        seen = worker.observed()
        if seen is not None:
            found[first_key(key)].append(
                Here(
                    key=key,
                    pod=seen.pod,
                    admitted_at=seen.admitted_at,
                    ready=lets_others_start(seen),
                    done=work_over(seen) is not None,
                    failed=work_over(seen) is not None and phase(seen) != "Succeeded",
                    ends=seen.ending is not None,
                )
            )
    return {key: sorted(each, key=lambda one: one.admitted_at) for key, each in found.items()}


def _as_it_is(worker: Worker) -> Wish:
    assert worker.state is not None, "only what is on the host stays"
    return Wish(pod=worker.state.record.pod, file=worker.state.record.file)


def _refusal(pod: Pod) -> Refusal:
    message = f"withdrawn: it was not ready within {deadline_s(pod):g} s, and the old one goes on; change its manifest"
    return Refusal(reason=NOT_READY_IN_TIME, message=message)

"""Which wished pods this host takes now: what the decision needs is gathered here, from workers, settings and host."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hostpod.engine.worker import Wish, Worker
from hostpod.plan.admission import Admission, Room, admit_pods, needs_of
from hostpod.plan.change import change_of


def place(
    wished: Mapping[str, Wish],
    workers: Mapping[str, Worker],
    *,
    room: Room,
    finished: Collection[str],
    conditions: Collection[str],
    all_left: bool = False,
) -> Admission:
    """Take what fits of the wishes, beside what is here. `finished` are pods that have ended for good.

    With `all_left` it is as if what is about to go were gone.
    """
    return admit_pods(
        {key: wish.pod for key, wish in wished.items()},
        {key: wish.pod for key, wish in granted(workers).items()},
        room=room,
        finished=[key for key in finished if key in wished and is_as_wished(workers[key], wished[key])],
        leaving=[
            needs_of(key, worker.state.record.pod)
            for key, worker in workers.items()
            if not all_left and worker.state is not None and not (key in wished and is_as_wished(worker, wished[key]))
        ],
        conditions=conditions,
    )


def is_as_wished(worker: Worker, wish: Wish) -> bool:
    """Whether the pod on the host is of the version that is wished."""
    return worker.state is not None and change_of(worker.state.record.pod, wish.pod).kind != "replace"


def granted(workers: Mapping[str, Worker]) -> Mapping[str, Wish]:
    """What every pod that is here was taken as: it goes on as that where a change of it does not fit."""
    found = {key: worker.wish or _as_it_is(worker) for key, worker in workers.items()}
    return {key: wish for key, wish in found.items() if wish is not None}


def _as_it_is(worker: Worker) -> Wish | None:
    """A pod that an earlier daemon left, and that does not end."""
    if worker.state is None or worker.state.record.ending is not None:
        return None
    return Wish(pod=worker.state.record.pod, file=worker.state.record.file)

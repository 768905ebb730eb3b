"""What other wishes would make of each pod: the engine's decisions, gathered for somebody who only wants to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hostpod.engine.placement import is_as_wished
from hostpod.engine.successions import Seated, first_key
from hostpod.engine.worker import Wish, Worker
from hostpod.plan.admission import Admission
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.leaving import Leave
from hostpod.plan.observed import ObservedPod
from hostpod.plan.ordering import Waiting, may_start, order_pods
from hostpod.plan.prospect import Prospect, prospect_of, refused, replaced_when_ready
from hostpod.plan.status import lets_others_start

Workers = Mapping[str, Worker]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """What would be decided of all pods together.

    `later` is the admission when all that is about to go is gone; `farewell` is why no pod comes at all.
    """

    seated: Seated
    admission: Admission
    later: Admission
    farewell: Leave | None
    now: float
    rule: BackoffRule


def prospects(wishes: Mapping[str, Wish], workers: Workers, outlook: Outlook) -> Mapping[str, Prospect]:
    """By the keys of names, in their order, of all that are wished or here."""
    found: dict[str, Prospect] = {}
    waits = _waits(outlook.seated.wishes, workers)
    for name in sorted({*wishes, *map(first_key, workers)}):
        wish = wishes.get(name)
        if wish is not None:
            found[name] = replace(_of_wished(name, wish, workers, outlook, waits), file=wish.file)
        elif (worker := _present(name, workers)) is not None and worker.state is not None:
            found[name] = replace(_of_unwished(worker, outlook), file=worker.state.record.file)
    return found


def _of_unwished(worker: Worker, outlook: Outlook) -> Prospect:
    return prospect_of(None, worker.observed(), outlook.now, outlook.rule, leave=worker.must_leave)


def _of_wished(
    name: str, wish: Wish, workers: Workers, outlook: Outlook, waits: Mapping[str, Waiting | None]
) -> Prospect:
    old = next((workers[key] for key in outlook.seated.stays if first_key(key) == name), None)
    withdrawn = next((told for key, (_, told) in outlook.seated.withdrawn.items() if first_key(key) == name), None)
    if withdrawn is not None:
        return refused(wish.pod, _seen(old), withdrawn, goes_on=True)
    key = next(key for key, each in outlook.seated.wishes.items() if each is wish)
    here = workers.get(key)
    refusal = outlook.admission.refused.get(key)
    if refusal is not None and key in outlook.later.refused:
        return refused(wish.pod, _seen(old or here), refusal, goes_on=old is not None or key in outlook.admission.kept)
    if old is not None and old.state is not None:
        return replaced_when_ready(old.state.record.pod, wish.pod)
    leave = here.must_leave if here is not None else outlook.farewell
    found = prospect_of(wish.pod, _seen(here), outlook.now, outlook.rule, waiting=waits[key], leave=leave)
    if refusal is not None:
        found = replace(found, steps=(*found.steps, f"others have to end first: {refusal.message}"))
    return found


def _present(name: str, workers: Workers) -> Worker | None:
    """The worker of a name that has a pod."""
    return next((each for key, each in workers.items() if first_key(key) == name and each.state is not None), None)


def _seen(worker: Worker | None) -> ObservedPod | None:
    return worker.observed() if worker is not None else None


def _waits(wishes: Mapping[str, Wish], workers: Workers) -> Mapping[str, Waiting | None]:
    """What each would wait for if it were new; who goes on and lets others start is not waited for."""
    stay = {key: _seen(workers.get(key)) for key, wish in wishes.items() if key in workers and
            is_as_wished(workers[key], wish)}  # fmt: skip
    ready = [key for key, seen in stay.items() if seen is not None and lets_others_start(seen)]
    order = order_pods({key: wish.pod for key, wish in wishes.items()})
    return {key: may_start(key, order, ready) for key in wishes}

"""All pods of the node: a worker each, the newest wishes handed to them, what changed told to whoever watches."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from itertools import chain

from hostpod.config import BackoffConfig, Config
from hostpod.engine.adoption import adopt, resume
from hostpod.engine.edges import Edges
from hostpod.engine.placement import granted, place
from hostpod.engine.prospects import Outlook, prospects
from hostpod.engine.room import room_now
from hostpod.engine.sights import PodJson, Sights
from hostpod.engine.state import PodState
from hostpod.engine.successions import Successions, first_key
from hostpod.engine.view import Refused, render
from hostpod.engine.watchers import Change
from hostpod.engine.worker import Wish, Worker
from hostpod.host.clock import now
from hostpod.kube import Pod
from hostpod.kube.config import Configs
from hostpod.plan.admission import Admission, Refusal
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.leaving import Farewell, Leave, Staying, grace_of, longest_s, plan_leaving
from hostpod.plan.ordering import Order, leaving_turns, may_start, order_pods
from hostpod.plan.prospect import Prospect
from hostpod.plan.restarts import is_finished, work_over
from hostpod.plan.status import lets_others_start
from hostpod.plan.succession import second_key
from hostpod.plan.summary import Standing, standing

REPLACING = "Replacing"

Occupancy = frozenset[tuple[str, str, bool, bool]]


class Engine:
    """Run it as one task; it ends when it is cancelled, and touches no container then."""

    def __init__(self, edges: Edges, *, changed: Callable[[], None]) -> None:
        self._edges = edges
        self._rule = _rule(edges.config.backoff)
        self._changed = changed
        self._wishes: Sequence[Wish] = ()
        self._farewell: Farewell | None = None
        self._moved = asyncio.Event()
        self._workers: dict[str, Worker] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._started: set[Worker] = set()
        self._refused: dict[str, Refused] = {}
        self._conditions: frozenset[str] = frozenset()
        self._occupied: Occupancy = frozenset()
        self._order = Order()
        self._ordered = False
        self._seconds: set[str] = set()
        self._successions = Successions()
        self._timer: asyncio.TimerHandle | None = None
        self._sights = Sights(lambda: {*self._workers, *self._refused}, self._look)

    async def adopt(self, gets_on: Callable[[], None] = lambda: None) -> None:
        """Take over what an earlier daemon left running. Nothing is changed on the host until the first wishes.

        `gets_on` is called before each thing that may take its time.
        """
        states = await adopt(self._edges, gets_on)
        for state in sorted(states, key=lambda each: each.record.admitted_at):
            gets_on()
            worker = self._add(self._key_of(state), state)
            await resume(state, self._edges, worker.told)

    def adopted(self) -> Mapping[str, Sequence[Wish]]:
        """The pods that are here and not ending, by the manifest file that each came from; of two the older."""
        by_file: dict[str, list[Wish]] = {}
        for key, worker in self._workers.items():
            if key == first_key(key) and worker.state is not None and worker.state.record.ending is None:
                record = worker.state.record
                by_file.setdefault(record.file, []).append(Wish(pod=record.pod, file=record.file))
        return by_file

    def _key_of(self, state: PodState) -> str:
        key = pod_key(state.record.pod.metadata.namespace, state.record.pod.metadata.name)
        return key if key not in self._workers else second_key(key, state.record.pod)

    async def run(self) -> None:
        """Let the workers work, until cancelled. Call it after the first `apply`."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._start_new()
            await asyncio.Event().wait()

    def apply(self, wishes: Sequence[Wish]) -> None:
        """All pods that should be; every other pod ends."""
        self._wishes = wishes
        seated = self._successions.seat(_by_name(wishes), self._workers, now=now())
        by_key = seated.wishes
        self._wake_at(seated.wake_at)
        before, self._occupied = granted(self._workers), self._occupancy()
        admission = self._admission(by_key, self._occupied)
        refused = {key: (by_key[key].pod, refusal) for key, refusal in admission.refused.items()}
        self._refuse({**refused, **seated.withdrawn})
        for key in admission.taken:
            if key not in self._workers and key != first_key(key):
                self._edges.events.pod(by_key[key].pod, "Normal", REPLACING, "starts beside the old one, until ready")
            worker = self._workers.get(key) or self._add(key, None)
            worker.want(by_key[key])
        for key in admission.kept:
            self._workers[key].want(before[key])
        for key in self._workers.keys() - {*admission.taken, *admission.kept}:
            self._workers[key].want(None)
        self._order = order_pods({key: wish.pod for key, wish in by_key.items()})
        self._ordered = any(self._order.before.values())
        self._hold()
        self._start_new()

    def prospects(self, wishes: Sequence[Wish]) -> Mapping[str, Prospect]:
        """What `apply` of these wishes would make of each pod, by its key. Nothing is changed."""
        seated = deepcopy(self._successions).seat(_by_name(wishes), self._workers, now=now())
        occupied = self._occupancy()
        outlook = Outlook(
            seated=seated,
            admission=self._admission(seated.wishes, occupied),
            later=self._admission(seated.wishes, occupied, all_left=True),
            farewell=_refusal(self._farewell) if self._farewell else None,
            now=now(),
            rule=self._rule,
        )
        return prospects(_by_name(wishes), self._workers, outlook)

    def _admission(self, wishes: Mapping[str, Wish], occupied: Occupancy, *, all_left: bool = False) -> Admission:
        return place(
            wishes,
            self._workers,
            room=room_now(self._edges),
            finished=[key for key, _, over, _ in occupied if over],
            conditions=self._conditions,
            all_left=all_left,
        )

    def _wake_at(self, at: float | None) -> None:
        """Look again at who is wanted when somebody's time is over."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if at is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, at - now()), lambda: self.apply(self._wishes))

    def show_conditions(self, conditions: frozenset[str]) -> None:
        """What this node is short of, by the names of its conditions: what is new does not come meanwhile."""
        self._conditions = conditions
        self.apply(self._wishes)

    def _hold(self) -> None:
        """Let those start whose turn it is."""
        first = frozenset(chain.from_iterable(self._order.before.values()))
        seen = {key: worker.observed() for key, worker in self._workers.items() if key in first}
        ready = [key for key, pod in seen.items() if pod is not None and lets_others_start(pod)]
        for key, worker in self._workers.items():
            worker.hold(may_start(key, self._order, ready))

    def states(self) -> Mapping[str, PodState]:
        """All pods of which something is on the host."""
        return {key: worker.state for key, worker in self._workers.items() if worker.state is not None}

    def wanted(self) -> Iterable[Pod]:
        """All pods that should be, on the host or not."""
        return [wish.pod for wish in self._wishes]

    def evict(self, key: str, leave: Leave) -> None:
        """One pod ends, and is shown as failed until it is forgiven."""
        self._workers[key].evict(leave)

    def forgive(self, key: str) -> None:
        """A pod that was evicted may come again."""
        self._workers[key].evict(None)

    def evicted(self) -> Collection[str]:
        """The pods that were evicted and may not come again yet."""
        return [key for key, worker in self._workers.items() if worker.is_evicted]

    def _refuse(self, pods: Mapping[str, tuple[Pod, Refusal]]) -> None:
        """These do not fit; each is told once."""
        before, self._refused = self._refused, {}
        for key, (pod, refusal) in pods.items():
            refused = before.get(key)
            if refused is None or refused.pod.uid != pod.uid or refused.refusal.reason != refusal.reason:
                refused = Refused(pod=pod, since=now(), refusal=refusal)
                self._edges.events.pod(pod, "Warning", refusal.reason, refusal.message)
            self._refused[key] = refused
        for key in {*before, *self._refused}:
            self._tell(key)

    def _occupancy(self) -> Occupancy:
        """What is on the host, by key and uid, whether it has ended for good, and whether it is ready where another
        waits for that: when it changes, others may fit, or go.

        A pod that was evicted may come again, and keeps its room.
        """
        here = ((key, worker.observed()) for key, worker in self._workers.items())
        return frozenset(
            (
                key,
                seen.uid,
                seen.verdict is None and is_finished(seen),
                key != first_key(key) and (lets_others_start(seen) or work_over(seen) is not None),
            )
            for key, seen in here
            if seen
        )

    def _worker_changed(self, key: str) -> None:
        self._tell(key)
        if self._ordered:
            self._hold()
        if (self._refused or self._seconds) and self._farewell is None and self._occupancy() != self._occupied:
            self.apply(self._wishes)

    def _add(self, key: str, state: PodState | None) -> Worker:
        worker = Worker(self._edges, self._rule, state, lambda: self._worker_changed(worker.key), key=key)
        self._workers[key] = worker
        if key != first_key(key):
            self._seconds.add(key)
        if self._farewell is not None:
            worker.leave(_refusal(self._farewell))
        return worker

    def _start_new(self) -> None:
        if self._tasks is None:
            return
        for worker in [each for each in self._workers.values() if each not in self._started]:
            self._started.add(worker)
            self._tasks.create_task(self._work(worker), name=f"pod {worker.key}")

    async def _work(self, worker: Worker) -> None:
        await worker.run()
        while worker.wish is not None:  # it came while the worker took leave of its last action
            await worker.run()
        del self._workers[worker.key]
        self._started.discard(worker)
        self._seconds.discard(worker.key)
        self._worker_changed(worker.key)
        self._move_up(worker.key)

    def _move_up(self, key: str) -> None:
        """The place of a pod that is gone goes to the version of it that came beside it."""
        second = next((each for each in self._seconds if first_key(each) == key), None)
        if second is not None and key not in self._workers:
            worker = self._workers[key] = self._workers.pop(second)
            worker.key = key
            self._seconds.discard(second)
            self._worker_changed(second)
            self._worker_changed(key)

    @property
    def tasks(self) -> asyncio.TaskGroup:
        """Where work lives that people ask for; it is cancelled with the engine."""
        assert self._tasks is not None, "run() comes first"
        return self._tasks

    def show_configs(self, configs: Configs) -> None:
        """All ConfigMaps and Secrets that there are now; pods that name one that is another look again."""
        changed = self._edges.configs.replace(configs)
        for worker in self._workers.values() if changed else ():
            worker.configs_changed(changed)

    def retry_images(self) -> None:
        """An image came into the store: pods that wait for one look again now."""
        for worker in self._workers.values():
            worker.retry_images()

    def reconfigure(self, config: Config) -> None:
        """Other settings hold from now on. Those that only a restart can change must be as they were."""
        self._edges.config = config
        self._edges.images.reconfigure(config.images)
        self._rule = _rule(config.backoff)
        for worker in self._workers.values():
            worker.reconfigure(self._rule)
        self.apply(self._wishes)

    def pings(self) -> Mapping[str, Callable[[Callable[[], None]], None]]:
        """By name what shows that work goes on: each takes an answer to be called after a whole round."""
        return {f"pod {key}": worker.ping for key, worker in self._workers.items()}

    # All pods end

    async def leave(self, farewell: Farewell) -> None:
        """End the pods; returns when they are gone or have had their time. No pod is admitted until `stay`."""
        since, self._farewell = now(), farewell
        for worker in self._workers.values():
            if worker.state is None:
                worker.leave(_refusal(farewell))
        while True:
            self._moved.clear()
            plan = plan_leaving(self._staying(farewell), farewell, since=since, now=now())
            for key, leave in plan.leaves.items():
                self._workers[key].leave(leave)
            if plan.wake_at is None:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, plan.wake_at - now())):
                    await self._moved.wait()

    def stay(self, farewell: Farewell) -> None:
        """The pods that this farewell ended, or is about to, are wanted again; not where all leave for another."""
        if self._farewell is farewell:
            self._farewell = None
            for worker in self._workers.values():
                worker.leave(None)

    def leaving_takes_s(self, farewell: Farewell) -> float:
        """How long `leave` may take at most."""
        return longest_s(self._staying(farewell), farewell)

    def _staying(self, farewell: Farewell) -> list[Staying]:
        observed = {key: worker.observed() for key, worker in self._workers.items()}
        here = {
            key: seen
            for key, seen in observed.items()
            if seen is not None and (farewell.finished_too or not is_finished(seen))
        }
        turns = leaving_turns({key: seen.pod for key, seen in here.items()})
        return [
            Staying(
                key=key,
                priority=turns[key].priority,
                level=turns[key].level,
                grace_s=grace_of(seen.pod),
                leave=self._workers[key].asked_to_leave,
            )
            for key, seen in here.items()
        ]

    # What people see

    def is_empty(self) -> bool:
        """Whether nothing of any pod is on the host."""
        return all(worker.state is None for worker in self._workers.values())

    def counts(self) -> Mapping[Standing, int]:
        """How many pods stand how, for the status line."""
        at = now()
        seen = (worker.sight() for worker in self._workers.values())
        stand: Counter[Standing] = Counter(standing(each, at, self._rule) for each in seen if each is not None)
        return stand + Counter({"failed": len(self._refused.keys() - self._workers.keys())})

    def names(self) -> tuple[str, ...]:
        """Namespace and name of the pods of which something is on the host."""
        return tuple(sorted(key for key, worker in self._workers.items() if worker.state is not None))

    def pod_state(self, namespace: str, name: str) -> PodState | None:
        """The pod of a name that is on the host."""
        worker = self._workers.get(pod_key(namespace, name))
        return worker.state if worker else None

    def pods(self) -> list[PodJson]:
        """Every pod with its status, by namespace and name."""
        return self._sights.all()

    def pod(self, namespace: str, name: str) -> PodJson | None:
        """One pod with its status."""
        return self._look(pod_key(namespace, name))

    def watch_pods(self) -> AsyncGenerator[Change, None]:
        """All pods, then each change of one."""
        return self._sights.watch()

    def _look(self, key: str) -> PodJson | None:
        seen = self._workers[key].sight() if key in self._workers else None
        if seen is not None:
            return render(seen, now=now(), rule=self._rule, host_ips=self._edges.network.uplink_addresses())
        return self._refused[key].render() if key in self._refused else None

    def _tell(self, key: str) -> None:
        self._changed()
        self._moved.set()
        self._sights.tell(key)


def _by_name(wishes: Iterable[Wish]) -> Mapping[str, Wish]:
    return {pod_key(wish.pod.metadata.namespace, wish.pod.metadata.name): wish for wish in wishes}


def pod_key(namespace: str | None, name: str | None) -> str:
    """What a pod is known by on this node."""
    return f"{namespace or 'default'}/{name}"


def _rule(backoff: BackoffConfig) -> BackoffRule:
    return BackoffRule(initial_s=backoff.initial_s, max_s=backoff.max_s, reset_s=backoff.reset_s)


def _refusal(farewell: Farewell) -> Leave:
    """For a pod that is not on the host yet: it does not come while all leave."""
    return Leave(reason=farewell.reason, until=0.0, waited_until=0.0)

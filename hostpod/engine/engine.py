"""All pods of the node: a worker each, the newest wishes handed to them, what changed told to whoever watches."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence

from hostpod.engine.adoption import adopt, resume
from hostpod.engine.edges import Edges
from hostpod.engine.sights import PodJson, Sights
from hostpod.engine.state import PodState
from hostpod.engine.view import OUT_OF_PODS, Refused, render
from hostpod.engine.watchers import Change
from hostpod.engine.worker import Wish, Worker
from hostpod.host.clock import now
from hostpod.kube import Pod
from hostpod.plan.admission import admit_pods
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.status import phase


class Engine:
    """Run it as one task; it ends when it is cancelled, and touches no container then."""

    def __init__(self, edges: Edges, *, changed: Callable[[], None]) -> None:
        backoff = edges.config.backoff
        self._edges = edges
        self._rule = BackoffRule(initial_s=backoff.initial_s, max_s=backoff.max_s, reset_s=backoff.reset_s)
        self._changed = changed
        self._workers: dict[str, Worker] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._started: set[str] = set()
        self._refused: dict[str, Refused] = {}
        self._sights = Sights(lambda: {*self._workers, *self._refused}, self._look)

    async def adopt(self) -> None:
        """Take over what an earlier daemon left running. Nothing is changed on the host until the first wishes."""
        for state in await adopt(self._edges):
            worker = self._add(self._key_of(state), state)
            await resume(state, self._edges, worker.told)

    def adopted(self) -> Mapping[str, Sequence[Wish]]:
        """The pods that are here and not ending, by the manifest file that each came from."""
        by_file: dict[str, list[Wish]] = {}
        for worker in self._workers.values():
            if worker.state is not None and worker.state.record.ending is None:
                record = worker.state.record
                by_file.setdefault(record.file, []).append(Wish(pod=record.pod, file=record.file))
        return by_file

    def _key_of(self, state: PodState) -> str:
        key = pod_key(state.record.pod.metadata.namespace, state.record.pod.metadata.name)
        # Two pods of one name exist only after damage; the second gets a name that nobody wishes, and so it ends.
        return key if key not in self._workers else f"{key}#{state.uid}"

    async def run(self) -> None:
        """Let the workers work, until cancelled. Call it after the first `apply`."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._start_new()
            await asyncio.Event().wait()

    def apply(self, wishes: Sequence[Wish]) -> None:
        """All pods that should be; every other pod ends."""
        by_key = {pod_key(w.pod.metadata.namespace, w.pod.metadata.name): w for w in wishes}
        admission = admit_pods(by_key, self._workers, max_pods=self._edges.config.max_pods)
        self._refuse({key: by_key[key].pod for key in admission.refused})
        for key in admission.taken:
            worker = self._workers.get(key) or self._add(key, None)
            worker.want(by_key[key])
        for key in self._workers.keys() - set(admission.taken):
            self._workers[key].want(None)
        self._start_new()

    def _refuse(self, pods: Mapping[str, Pod]) -> None:
        """There is no room for these; each is told once."""
        before, self._refused = self._refused, {}
        for key, pod in pods.items():
            refused = before.get(key)
            if refused is None or refused.pod.uid != pod.uid:
                refused = Refused(pod=pod, since=now(), max_pods=self._edges.config.max_pods)
                self._edges.events.pod(pod.metadata, "Warning", OUT_OF_PODS, refused.message)
            self._refused[key] = refused
        for key in {*before, *self._refused}:
            self._tell(key)

    def _add(self, key: str, state: PodState | None) -> Worker:
        worker = Worker(self._edges, self._rule, state, lambda: self._tell(key))
        self._workers[key] = worker
        return worker

    def _start_new(self) -> None:
        if self._tasks is None:
            return
        for key in self._workers.keys() - self._started:
            self._started.add(key)
            self._tasks.create_task(self._work(key, self._workers[key]), name=f"pod {key}")

    async def _work(self, key: str, worker: Worker) -> None:
        await worker.run()
        while worker.wish is not None:  # it came while the worker took leave of its last action
            await worker.run()
        del self._workers[key]
        self._started.discard(key)
        self._tell(key)

    @property
    def tasks(self) -> asyncio.TaskGroup:
        """Where work lives that people ask for; it is cancelled with the engine."""
        assert self._tasks is not None, "run() comes first"
        return self._tasks

    def retry_images(self) -> None:
        """An image came into the store: pods that wait for one look again now."""
        for worker in self._workers.values():
            worker.retry_images()

    # What people see

    def is_empty(self) -> bool:
        """Whether nothing of any pod is on the host."""
        return all(worker.state is None for worker in self._workers.values())

    def counts(self) -> Mapping[str, int]:
        """Pods by phase, for the status line."""
        phases = (phase(seen) for worker in self._workers.values() if (seen := worker.sight()) is not None)
        return Counter(phases) + Counter({"Failed": len(self._refused.keys() - self._workers.keys())})

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
            return render(seen, now=now(), rule=self._rule, host_ip=self._edges.network.uplink_address())
        return self._refused[key].render() if key in self._refused else None

    def _tell(self, key: str) -> None:
        self._changed()
        self._sights.tell(key)


def pod_key(namespace: str | None, name: str | None) -> str:
    """What a pod is known by on this node."""
    return f"{namespace or 'default'}/{name}"

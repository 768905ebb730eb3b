"""One worker owns one pod: observe, plan, execute, sleep until woken. The newest wish wins."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from hostpod.engine import connection
from hostpod.engine.edges import Edges
from hostpod.engine.executor import Told, admit, execute
from hostpod.engine.probe_targets import probe_targets
from hostpod.engine.prober import Prober
from hostpod.engine.refusals import REFUSALS, event_cause, event_reason, explain, waiting_reason, words
from hostpod.engine.resizing import update
from hostpod.engine.state import PodState
from hostpod.engine.tidings import Tidings
from hostpod.engine.view import not_yet_admitted
from hostpod.host.clock import now
from hostpod.kube import Pod
from hostpod.kube.config import ConfigKey
from hostpod.kube.references import config_references, pull_secret_references
from hostpod.plan import actions as do
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.happenings import EventType
from hostpod.plan.image_volumes import image_volumes
from hostpod.plan.leaving import Leave
from hostpod.plan.observed import (
    Failure,
    ObservedPod,
    action_key,
    container_target,
    image_target,
    image_volume_target,
)
from hostpod.plan.ordering import Waiting
from hostpod.plan.reconcile import plan_pod

NODE_SHUTDOWN = "NodeShutdown"  # the kubelet's name of the event


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """A pod that should be, and the manifest file that says so."""

    pod: Pod
    file: str


class Worker:
    """The task of one pod name. It ends when the pod is neither wished nor there."""

    def __init__(
        self, edges: Edges, rule: BackoffRule, state: PodState | None, changed: Callable[[], None], *, key: str = ""
    ) -> None:
        self.key = key
        self._edges = edges
        self._rule = rule
        self._state = state
        self._wish: Wish | None = None
        self._changed = changed
        self._woken = asyncio.Event()
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._tidings = Tidings(edges, self._woken.set)
        self._prober = Prober(edges, self._tidings.probed)
        self._told = Told(container_ended=self._tidings.container_ended, pause_ended=self._pause_ended)
        self._wished_at = now()
        self._admission: Failure | None = None
        self._leave: Leave | None = None
        self._eviction: Leave | None = None
        self._held: Waiting | None = None
        self._departed: ObservedPod | None = None
        self._rounds = False
        self._pings: list[Callable[[], None]] = []

    @property
    def wish(self) -> Wish | None:
        return self._wish

    @property
    def state(self) -> PodState | None:
        """The pod on the host, None before it is admitted and after it is gone. For reading only."""
        return self._state

    @property
    def told(self) -> Told:
        """Where the ends of watched processes are told."""
        return self._told

    def want(self, wish: Wish | None) -> None:
        """The newest wish; it takes effect when the worker looks next, which is at once."""
        if wish is None or self._wish is None or wish.pod.metadata.uid != self._wish.pod.metadata.uid:
            self._wished_at = now()
        self._wish = wish
        self._woken.set()

    def leave(self, leave: Leave | None) -> None:
        """The pod is to end whatever is wished; None: it may be here again."""
        if leave is not None and leave.verdict is not None and self._state is not None:
            self._edges.events.pod(self._state.record.pod, "Normal", NODE_SHUTDOWN, leave.verdict.message)
        self._leave = leave
        self._departed = self._departed if self.must_leave else None
        self._woken.set()

    def evict(self, leave: Leave | None) -> None:
        """The pod is to end, as the host is short of something, and is shown as failed; None: it may be here again."""
        if leave is not None and leave.verdict is not None and self._state is not None:
            self._edges.events.pod(self._state.record.pod, "Warning", leave.verdict.reason, leave.verdict.message)
        self._eviction = leave
        self._departed = self._departed if self.must_leave else None
        self._woken.set()

    def hold(self, waiting: Waiting | None) -> None:
        """A pod that is not on the host yet does not come while it waits for others; each reason is told once."""
        if waiting == self._held:
            return
        self._held = waiting
        if waiting is not None and self._state is None and self._wish is not None:
            kind: EventType = "Warning" if waiting.astray else "Normal"
            self._edges.events.pod(self._wish.pod, kind, waiting.reason, waiting.message)
        self._woken.set()

    @property
    def is_evicted(self) -> bool:
        return self._eviction is not None

    @property
    def must_leave(self) -> Leave | None:
        """Why the pod ends and does not come, whatever is wished."""
        return self._eviction or self._leave

    @property
    def _away(self) -> Leave | None:
        """The same, also where it is only too early for the pod to come."""
        if self.must_leave is None and self._held is not None and self._state is None:
            return Leave(reason=self._held.message, until=0.0, waited_until=0.0)
        return self.must_leave

    @property
    def asked_to_leave(self) -> Leave | None:
        return self._leave

    def reconfigure(self, rule: BackoffRule) -> None:
        """Another rule of waiting, also for waits that have begun."""
        self._rule = rule
        self._woken.set()

    def ping(self, answer: Callable[[], None]) -> None:
        """Ask for a whole round; `answer` is called after it. One that has no rounds any more answers at once."""
        if self._rounds:
            self._pings.append(answer)
            self._woken.set()
        else:
            answer()

    def retry_images(self) -> None:
        """An image came into the store: whoever waits for a pull looks again now."""
        if self._state is not None:
            for container in self._state.record.pod.spec.all_containers:
                self._state.failures.pop(action_key(do.EnsureImage, image_target(container.name)), None)
            for volume in image_volumes(self._state.record.pod):
                self._state.failures.pop(action_key(do.EnsureVolumeImage, image_volume_target(volume)), None)
            self._woken.set()

    def configs_changed(self, changed: frozenset[ConfigKey]) -> None:
        """ConfigMaps and Secrets came, changed or went: a pod that names one of them looks again now."""
        if self._state is None or not changed & config_references(self._state.record.pod):
            return
        self._state.stale = True
        self._state.failures.pop(do.PrepareVolumes(reason="").key, None)
        for container in self._state.record.pod.spec.all_containers:
            self._state.failures.pop(action_key(do.CreateContainer, container_target(container.name)), None)
        if changed & pull_secret_references(self._state.record.pod):
            self.retry_images()
        self._woken.set()

    def observed(self) -> ObservedPod | None:
        """What is seen of the pod now."""
        return self._state.observed(frozenset(self._busy)) if self._state else None

    def sight(self) -> ObservedPod | None:
        """What people are shown: the pod on the host, else the one that is wished."""
        if self._state is None and self._wish is not None:
            if self._departed is not None:
                return self._departed
            waits = self._held.message if self._held else ""
            return not_yet_admitted(self._wish.pod, wished_at=self._wished_at, waits=waits)
        return self.observed()

    async def run(self) -> None:
        """Work until the pod is neither wished nor there."""
        try:
            async with asyncio.TaskGroup() as actions:
                self._rounds = True
                while self._wish is not None or self._state is not None:
                    await self._round(actions)
                self._rounds = False  # what is left are the last actions, each with a deadline of its own
                self._answer()
        finally:
            if self._state is not None:
                self._state.unwatch()

    async def _round(self, actions: asyncio.TaskGroup) -> None:
        self._woken.clear()
        self._tidings.write_down(self._state, self._rule)
        wished = self._wish.pod if self._wish else None
        plan = plan_pod(wished, self.observed(), now(), self._rule, self._admission, leave=self._away)
        for action in plan.actions:
            self._begin(action, actions)
        self._probe(actions)
        self._changed()
        self._answer()
        if self._state is None and self._wish is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, plan.wake_at - now()) if plan.wake_at is not None else None):
                await self._woken.wait()

    def _answer(self) -> None:
        pings, self._pings = self._pings, []
        for answer in pings:
            answer()

    def _begin(self, action: do.Action, actions: asyncio.TaskGroup) -> None:
        if isinstance(action, do.Abandon):
            abandoned = self._busy[action.what]
            if not abandoned.cancelling():  # a second cancellation would break its cleaning up
                abandoned.cancel()
            return
        if action.target in self._busy:
            return
        self._busy[action.target] = actions.create_task(self._do(action), name=f"{action.target}: {action.reason}")

    async def _do(self, action: do.Action) -> None:
        try:
            await self._act(action)
        except REFUSALS as refusal:
            self._refused(action, refusal)
        else:
            if self._state is not None:
                self._state.failures.pop(action.key, None)
        finally:
            del self._busy[action.target]
            self._woken.set()

    async def _act(self, action: do.Action) -> None:
        if isinstance(action, do.AdmitPod):
            if self._away is not None:  # since this was planned
                return
            assert self._wish is not None, "a pod is admitted because it is wished"
            self._state, self._admission = admit(action.pod, self._wish.file, self._edges), None
            return
        assert self._state is not None, "only an admitted pod is acted upon"
        if isinstance(action, do.UpdatePod):
            await connection.change(self._state, action.pod, self._edges)
            if self._wish is None:  # since this was planned
                return
            update(self._state, action.pod, self._wish.file)
            return
        if isinstance(action, do.ForgetPod) and self.must_leave is not None and self.must_leave.verdict is not None:
            self._departed = replace(self._state.observed(frozenset()), ending=None, verdict=self.must_leave.verdict)
        await execute(action, self._state, self._edges, self._told)
        if isinstance(action, do.ForgetPod):
            self._state = None

    def _refused(self, action: do.Action, refusal: BaseException) -> None:
        pod = self._state.record.pod if self._state else action.pod if isinstance(action, do.AdmitPod) else None
        if pod is not None:
            container = str(getattr(action, "container", ""))
            reason, cause, message = event_reason(action), event_cause(action, refusal), explain(action, refusal)
            self._edges.events.pod(pod, "Warning", reason, message, container=container, cause=cause)
        before = self._state.failures.get(action.key) if self._state else self._admission
        failure = Failure(
            action=action.key,
            count=before.count + 1 if before else 1,
            at=now(),
            reason=waiting_reason(action, refusal),
            message=words(refusal),
        )
        if self._state is not None:
            self._state.failures[action.key] = failure
        else:
            self._admission = failure

    def _probe(self, actions: asyncio.TaskGroup) -> None:
        seen = self.observed()
        self._prober.want(probe_targets(seen, self._edges.network.uplink_address) if seen else (), actions)

    def _pause_ended(self) -> None:
        if self._state is not None:
            self._state.pause = None
            self._woken.set()

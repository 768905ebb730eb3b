"""A host on which every action succeeds at once, or is refused when the test says so. No mock: it keeps a pod."""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from hostpod.kube import Pod
from hostpod.plan import actions as do
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.change import resources_of
from hostpod.plan.observed import ContainerPhase, Ending, Failure, ObservedContainer, ObservedPod
from hostpod.plan.reconcile import plan_pod
from hostpod.plan.stages import Happening
from tests.unit.plan.tables import heed_action, heed_containers, heed_pod


class IdealHost:
    """One pod name on a host, its clock, and all that was ever started."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wish: Pod | None = None
        self.seen: ObservedPod | None = None
        self.started: list[str] = []
        self.forgotten: list[str] = []
        self.rule = BackoffRule()
        self._made = 0

    def plan(self) -> do.Plan:
        return plan_pod(self.wish, self.seen, self.now, self.rule)

    def settle(self, rounds: int = 60) -> None:
        """Apply plans, and let time pass to each wake-up, until nothing is left to do or to wait for."""
        for _ in range(rounds):
            plan = self.plan()
            for action in plan.actions:
                self.apply(action)
            if not plan.actions:
                if plan.wake_at is None:
                    return
                assert plan.wake_at > self.now, "a wake-up lies in the future"
                self.now = plan.wake_at
        raise AssertionError(f"the plan does not come to rest: {self.plan()}")

    def refuse(self, action: do.Action) -> None:
        """The world refuses this action now."""
        assert self.seen is not None
        before = self.seen.failures.get(action.key)
        failure = Failure(
            action=action.key, count=before.count + 1 if before else 1, at=self.now, reason="R", message="m"
        )
        self.seen = replace(self.seen, failures={**self.seen.failures, action.key: failure})
        self._leave_half(action)

    def _leave_half(self, action: do.Action) -> None:
        """What a refusal, or a crash, may leave behind."""
        assert self.seen is not None
        match action:
            case do.MakeNamespaces() | do.TearDownSandbox():
                self.seen = replace(self.seen, remains=True)
            case do.CreateContainer():
                before = self.seen
                self._create(before, action, phase="creating")
                heed_containers(before, {action.container: ("making begins",)}, self.seen)
            case _:
                pass

    def exit(self, cid: str, code: int) -> None:
        """A running container ends."""
        self._happens(cid, "process ends", phase="exited", exit_code=code, finished_at=self.now)

    def attempts(self) -> tuple[ObservedContainer, ...]:
        return self.seen.containers if self.seen else ()

    def _change(self, cid: str, **changes: object) -> None:
        assert self.seen is not None
        changed = tuple(replace(c, **changes) if c.id == cid else c for c in self.seen.containers)  # type: ignore[arg-type]
        self.seen = replace(self.seen, containers=changed)

    def _happens(self, cid: str, happening: Happening, **changes: object) -> None:
        before = self.seen
        self._change(cid, **changes)
        (name,) = (attempt.name for attempt in self.attempts() if attempt.id == cid)
        heed_containers(before, {name: (happening,)}, self.seen)
        heed_pod(before, "work over", self.seen)

    def apply(self, action: do.Action) -> None:
        """It is done, at once."""
        before = self.seen
        self._apply(action)
        heed_action(before, action, self.seen)
        if isinstance(action, do.KillContainer):
            self.exit(action.id, 137)

    def _apply(self, action: do.Action) -> None:  # noqa: C901
        if isinstance(action, do.AdmitPod):
            assert self.seen is None, "one pod of a name at a time"
            self.seen = ObservedPod(pod=action.pod, admitted_at=self.now)
            return
        seen = self.seen
        assert seen is not None, f"{action} acts on no pod"
        match action:
            case do.BeginEnding():
                self.seen = replace(seen, ending=Ending(since=self.now, grace_s=action.grace_s, reason=action.reason))
            case do.MakeNamespaces():
                self.seen = replace(seen, namespaces=True)
            case do.PrepareVolumes():
                self.seen = replace(seen, volumes=True)
            case do.AttachNetwork():
                assert seen.namespaces
                self.seen = replace(seen, network=True)
            case do.RunPause():
                assert seen.namespaces
                self.seen = replace(seen, pause=True)
            case do.EnsureImage():
                self.seen = replace(seen, images={**seen.images, action.container: "sha256:1"})
            case do.FailPod():
                self.seen = replace(seen, verdict=action.verdict)
            case do.Abandon():
                raise AssertionError("on this host nothing takes time")
            case do.CreateContainer():
                self._create(seen, action)
            case do.StartContainer():
                assert action.id not in self.started, "started twice"
                assert seen.ending is None, "started although its pod ends"
                assert seen.verdict is None, "started although its pod has failed"
                self._heed_turn(seen, action.container)
                self.started.append(action.id)
                self._change(action.id, phase="running", started_at=self.now)
            case do.UpdatePod():
                assert action.pod.uid == seen.uid
                images = {c.name: c.image for c in seen.pod.spec.all_containers}
                kept = {name: image for name, image in seen.images.items()
                        if action.pod.spec.container(name).image == images[name]}  # fmt: skip
                self.seen = replace(seen, pod=action.pod, images=kept)
            case do.ResizeContainer():
                self._change(action.id, resources=resources_of(seen.pod.spec.container(action.container)))
            case do.RunPostStart():
                self._change(action.id, post_started_at=self.now)
            case do.BeginStopping():
                self._change(action.id, stopping=action.stopping)
            case do.RunPreStop():
                assert action.until > self.now
                self._change(action.id, pre_stopped_at=self.now)
            case do.StopContainer():
                self._heed_order(seen, action)
                self._change(action.id, stop_sent_at=self.now)
            case do.KillContainer():
                self._change(action.id, kill_sent=True)
            case do.DiscardContainer():
                assert all(c.phase == "creating" for c in seen.containers if c.id == action.id)
                self.seen = replace(seen, containers=tuple(c for c in seen.containers if c.id != action.id))
            case do.CleanContainer():
                self._change(action.id, cleaned=True)
            case do.ForgetContainer():
                self.seen = replace(seen, containers=tuple(c for c in seen.containers if c.id != action.id))
            case do.TearDownSandbox():
                assert all(c.cleaned for c in seen.containers)
                self.seen = replace(seen, namespaces=False, network=False, pause=False, remains=False)
            case do.ForgetPod():
                assert not seen.sandboxed
                self.forgotten.append(seen.uid)
                self.seen = None
            case _:
                assert_never(action)

    def _heed_turn(self, seen: ObservedPod, name: str) -> None:
        """Those before a container that starts for the first time have done their work or, sidecars, run."""
        names = [each.name for each in seen.pod.spec.all_containers]
        if any(c.name == name and c.started_at is not None for c in seen.containers):
            return
        for init in seen.pod.spec.init_containers[: names.index(name)]:
            latest = seen.latest(init.name)
            assert latest is not None, f"{name} starts before {init.name}"
            if init.restart_policy != "Always":
                assert (latest.phase, latest.exit_code) == ("exited", 0), f"{name} starts before {init.name} is over"

    def _heed_order(self, seen: ObservedPod, action: do.StopContainer) -> None:
        """A sidecar that ends with its pod ends after those that came after it, or when the time is over."""
        sidecars = [each.name for each in seen.pod.spec.sidecars]
        (asked,) = (c for c in seen.containers if c.id == action.id)
        if action.container not in sidecars or asked.stopping is not None:
            return
        since = seen.ending.since if seen.ending else self.now
        later = {*(c.name for c in seen.pod.spec.containers), *sidecars[sidecars.index(action.container) + 1 :]}
        alive = [c for c in seen.containers if c.name in later and c.phase == "running"]
        assert not alive or self.now >= since + (seen.ending.grace_s if seen.ending else 0.0)

    def probed(self, cid: str, **results: object) -> None:
        """A probe of a running container came to a result."""
        if results.get("startup"):
            self._happens(cid, "startup probe passed", **results)
        else:
            self._change(cid, **results)

    def _create(self, seen: ObservedPod, action: do.CreateContainer, phase: ContainerPhase = "created") -> None:
        assert seen.namespaces
        assert seen.volumes
        assert action.container in seen.images
        living = [c for c in seen.containers if c.name == action.container and c.phase != "exited"]
        assert not living, "one attempt of a container at a time"
        self._made += 1
        made = ObservedContainer(
            name=action.container,
            id=f"{action.container}-{self._made}",
            attempt=action.attempt,
            phase=phase,
            backoff_s=action.backoff_s,
            image=seen.pod.spec.container(action.container).image or "",
            resources=resources_of(seen.pod.spec.container(action.container)),
            image_id="sha256:1",
            created_at=self.now,
        )
        images = {name: image for name, image in seen.images.items() if name != action.container}
        self.seen = replace(seen, containers=(*seen.containers, made), images=images)

"""A host on which every action succeeds, now or later, or is refused when the test says so. No mock: it keeps a pod."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, assert_never

from hostpod.kube import Pod
from hostpod.plan import actions as do
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.change import resources_of
from hostpod.plan.image_volumes import has_volume_images
from hostpod.plan.observed import Ending, Failure, ObservedContainer, ObservedPod, Stopping
from hostpod.plan.reconcile import plan_pod
from hostpod.plan.restarts import pod_ends
from hostpod.plan.stages import Happening
from tests.unit.plan.tables import heed_begin, heed_containers, heed_end, heed_pod

AtRestart = Literal["dies", "waits", "runs"]
"""What a restart of the daemon does to a container that waits for its start; it runs where it was just let run."""

INSTANT = (do.AdmitPod, do.UpdatePod, do.BeginEnding, do.FailPod, do.BeginStopping, do.StopContainer, do.Abandon)
"""What is written down and done in one go; everything else takes time, in which other things happen."""


class IdealHost:
    """One pod name on a host, its clock, what is under way, and all that was ever started."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wish: Pod | None = None
        self.seen: ObservedPod | None = None
        self.under_way: dict[str, do.Action] = {}
        self.started: list[str] = []
        self.forgotten: list[str] = []
        self.rule = BackoffRule()
        self._made = 0
        self._image_of: dict[str, str | None] = {}

    def plan(self) -> do.Plan:
        seen = replace(self.seen, busy=frozenset(self.under_way)) if self.seen else None
        return plan_pod(self.wish, seen, self.now, self.rule)

    def settle(self, rounds: int = 200) -> None:
        """Apply plans, finish what is under way, and let time pass, until nothing is left to do or to wait for."""
        for _ in range(rounds):
            plan = self.plan()
            for action in plan.actions:
                self.apply(action)
            if plan.actions:
                continue
            if self.under_way:
                self.finish(next(iter(self.under_way)))
            elif plan.wake_at is None:
                return
            else:
                assert plan.wake_at > self.now, "a wake-up lies in the future"
                self.now = plan.wake_at
        raise AssertionError(f"the plan does not come to rest: {self.plan()}")

    def apply(self, action: do.Action) -> None:
        """An action begins and succeeds."""
        self.begin(action)
        if action.target in self.under_way:
            self.finish(action.target)

    def refuse(self, action: do.Action) -> None:
        """An action begins, and the world refuses it, if it has a say."""
        if isinstance(action, do.AdmitPod | do.Abandon):
            self.begin(action)
        elif isinstance(action, INSTANT):
            self._heed(action)
            self._fail(action)
        else:
            self.begin(action)
            self.finish(action.target, refused=True)

    def cannot_run(self, action: do.Action) -> None:
        """As `apply`, but for a container whose program runc cannot run: its attempt has ended before it began."""
        if not isinstance(action, do.CreateContainer):
            self.apply(action)
            return
        self.begin(action)
        del self.under_way[action.target]
        made = self._made_for(action.container)
        self._happens(made, "refused by runc", phase="exited", exit_code=128, finished_at=self.now)

    def begin(self, action: do.Action) -> None:
        """An action is under way, unless it needs no time."""
        self._heed(action)
        heed_begin(self.seen, action)
        if isinstance(action, INSTANT):
            self._succeed(action)
            return
        assert action.target not in self.under_way, f"{action} while {self.under_way[action.target]}"
        self.under_way[action.target] = action
        match action:
            case do.CreateContainer():
                before = self.seen
                self._create(action)
                heed_containers(before, {action.container: ("making begins",)}, self.seen)
            case do.EnsureImage():
                assert self.seen is not None
                self._image_of[action.target] = self.seen.pod.spec.container(action.container).image
            case _:
                pass

    def finish(self, target: str, *, refused: bool = False) -> None:
        """An action that is under way succeeds, or is refused."""
        action = self.under_way.pop(target)
        if refused or (isinstance(action, do.StartContainer) and self._attempt(action.id).phase == "exited"):
            self._fail(action)
        else:
            self._succeed(action)
            if self.seen is not None:
                failures = {key: value for key, value in self.seen.failures.items() if key != action.key}
                self.seen = replace(self.seen, failures=failures)

    def exit(self, cid: str, code: int) -> None:
        """A container ends that runs, or is killed while it waits for its start."""
        code = code if self._attempt(cid).phase == "running" else 137
        self._happens(cid, "process ends", phase="exited", exit_code=code, finished_at=self.now)

    def pause_ends(self) -> None:
        """The pod's pause process is killed, and takes along those that share their processes with it."""
        if self.seen is not None and self.seen.pause:
            self.seen = replace(self.seen, pause=False)
            if self.seen.pod.spec.share_process_namespace:
                for attempt in self.alive():
                    self.exit(attempt.id, 137)

    def probed(self, cid: str, **results: object) -> None:
        """A probe of a running container came to a result."""
        if results.get("startup"):
            self._happens(cid, "startup probe passed", **results)
        else:
            self._change(cid, **results)

    def restart(self, waiting: AtRestart = "dies") -> None:
        """The daemon dies at this moment, and the next one knows what is written down and what it sees of the host."""
        cut_off, self.under_way = self.under_way, {}
        if self.seen is None:
            return
        for action in cut_off.values():
            if (
                isinstance(action, do.StartContainer)
                and waiting == "runs"
                and self._attempt(action.id).phase == "created"
            ):
                self._succeed(action)
            elif isinstance(action, do.ForgetPod):  # its record goes last
                self.seen = replace(self.seen, containers=())
        if waiting != "waits":
            for attempt in self.attempts():
                if attempt.phase == "created":
                    self._happens(attempt.id, "lost before its start", phase="creating")
        lives = self.seen.pause or bool(self.alive())  # namespaces are found by a process in them
        self.seen = replace(
            self.seen,
            namespaces=self.seen.namespaces and lives,
            network=self.seen.network and lives,
            volumes=False,
            remains=True,
            images={},
            volume_images={},
            failures={},
        )

    def starting(self) -> set[str]:
        """The attempts that were started, or are about to be."""
        return {*self.started, *(a.id for a in self.under_way.values() if isinstance(a, do.StartContainer))}

    def attempts(self) -> tuple[ObservedContainer, ...]:
        return self.seen.containers if self.seen else ()

    def alive(self) -> list[ObservedContainer]:
        """The attempts of which a process is there."""
        return [attempt for attempt in self.attempts() if attempt.phase in ("created", "running")]

    def _attempt(self, cid: str) -> ObservedContainer:
        return next(attempt for attempt in self.attempts() if attempt.id == cid)

    def _change(self, cid: str, **changes: object) -> None:
        assert self.seen is not None
        changed = tuple(replace(c, **changes) if c.id == cid else c for c in self.seen.containers)  # type: ignore[arg-type]
        self.seen = replace(self.seen, containers=changed)

    def _happens(self, cid: str, happening: Happening, **changes: object) -> None:
        before, name = self.seen, self._attempt(cid).name
        self._change(cid, **changes)
        heed_containers(before, {name: (happening,)}, self.seen)
        heed_pod(before, ("work over", "containers begun"), self.seen)

    def _drop(self, cid: str) -> None:
        assert self.seen is not None
        self.seen = replace(self.seen, containers=tuple(c for c in self.seen.containers if c.id != cid))

    def _heed(self, action: do.Action) -> None:  # noqa: C901
        """What must hold when an action begins."""
        if isinstance(action, do.AdmitPod):
            assert self.seen is None, "one pod of a name at a time"
            return
        seen = self.seen
        assert seen is not None, f"{action} acts on no pod"
        match action:
            case do.UpdatePod():
                assert action.pod.uid == seen.uid
            case do.Abandon():
                self._heed_need(seen, self.under_way[action.what])
            case do.AttachNetwork() | do.RunPause():
                assert seen.namespaces
            case do.CreateContainer():
                assert seen.namespaces
                assert seen.volumes
                assert action.container in seen.images
                assert has_volume_images(seen.pod.spec.container(action.container), seen)
                living = [c for c in seen.containers if c.name == action.container and c.phase != "exited"]
                assert not living, "one attempt of a container at a time"
            case do.StartContainer():
                assert action.id not in self.started, "started twice"
                assert self._attempt(action.id).phase == "created"
                assert seen.ending is None, "started although its pod ends"
                assert seen.verdict is None, "started although its pod has failed"
                self._heed_turn(seen, action.container)
            case do.RunPreStop():
                assert action.until > self.now
            case do.StopContainer():
                self._heed_order(seen, action)
            case do.DiscardContainer():
                assert self._attempt(action.id).phase == "creating"
            case do.CleanContainer():
                assert self._attempt(action.id).phase == "exited"
            case do.ForgetContainer():
                assert self._attempt(action.id).cleaned
            case do.TearDownSandbox() | do.ForgetPod():
                assert not self.under_way, f"{action} while {self.under_way}"
                assert all(c.cleaned for c in seen.containers)
                assert isinstance(action, do.TearDownSandbox) or not seen.sandboxed
            case _:
                pass

    def _succeed(self, action: do.Action) -> None:
        before = self.seen
        self._take_effect(action)
        heed_end(before, action, self.seen)
        if isinstance(action, do.KillContainer) and self._attempt(action.id).phase != "exited":
            self.exit(action.id, 137)

    def _take_effect(self, action: do.Action) -> None:  # noqa: C901
        if isinstance(action, do.AdmitPod):
            self.seen = ObservedPod(pod=action.pod, admitted_at=self.now)
            return
        seen = self.seen
        assert seen is not None, f"{action} acts on no pod"
        match action:
            case do.BeginEnding():
                self.seen = replace(seen, ending=Ending(since=self.now, grace_s=action.grace_s, reason=action.reason))
            case do.FailPod():
                self.seen = replace(seen, verdict=action.verdict)
            case do.MakeNamespaces():
                self.seen = replace(seen, namespaces=True)
            case do.PrepareVolumes():
                self.seen = replace(seen, volumes=True, stale=False)
            case do.AttachNetwork():
                self.seen = replace(seen, network=True)
            case do.RunPause():
                self.seen = replace(seen, pause=True)
            case do.EnsureImage():
                if self._image_of[action.target] == seen.pod.spec.container(action.container).image:
                    self.seen = replace(seen, images={**seen.images, action.container: "sha256:1"})
            case do.EnsureVolumeImage():
                self.seen = replace(seen, volume_images={**seen.volume_images, action.volume: "sha256:2"})
            case do.Abandon():
                del self.under_way[action.what]
            case do.CreateContainer():
                self._change(self._made_for(action.container), phase="created")
            case do.StartContainer():
                self.started.append(action.id)
                self._change(action.id, phase="running", started_at=self.now)
            case do.UpdatePod():
                self._update(seen, action.pod)
            case do.ResizeContainer():
                self._change(action.id, resources=resources_of(seen.pod.spec.container(action.container)))
            case do.RunPostStart():
                self._change(action.id, post_started_at=self.now)
            case do.BeginStopping():
                self._change(action.id, stopping=action.stopping)
            case do.RunPreStop():
                self._change(action.id, pre_stopped_at=self.now)
            case do.StopContainer():
                self._change(action.id, stop_sent_at=self.now)
            case do.KillContainer():
                self._change(action.id, kill_sent=True)
            case do.CleanContainer():
                self._change(action.id, cleaned=True)
            case do.DiscardContainer() | do.ForgetContainer():
                self._drop(action.id)
            case do.TearDownSandbox():
                self.seen = replace(seen, namespaces=False, network=False, pause=False, remains=False)
            case do.ForgetPod():
                self.forgotten.append(seen.uid)
                self.seen = None
            case _:
                assert_never(action)

    def _fail(self, action: do.Action) -> None:
        """What the world's no leaves behind. A hook is not tried again."""
        assert self.seen is not None
        match action:
            case do.RunPostStart():
                failed = Stopping(since=self.now, grace_s=action.grace_s, reason="r", hook_failed=True)
                self._change(action.id, stopping=failed)
                return
            case do.RunPreStop():
                self._change(action.id, pre_stopped_at=self.now)
                return
            case do.MakeNamespaces() | do.TearDownSandbox():
                self.seen = replace(self.seen, remains=True)
            case _:
                pass
        before = self.seen.failures.get(action.key)
        failure = Failure(
            action=action.key, count=before.count + 1 if before else 1, at=self.now, reason="R", message="m"
        )
        self.seen = replace(self.seen, failures={**self.seen.failures, action.key: failure})

    def _heed_need(self, seen: ObservedPod, abandoned: do.Action) -> None:
        """Only what nobody needs any more is given up: its pod ends, or its container does or has."""
        if not pod_ends(seen) and isinstance(abandoned, do.RunPostStart | do.RunPreStop):
            attempt = self._attempt(abandoned.id)
            assert attempt.phase == "exited" or attempt.stopping is not None, f"{abandoned} is given up"

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

    def _update(self, seen: ObservedPod, pod: Pod) -> None:
        images = {c.name: c.image for c in seen.pod.spec.all_containers}
        kept = {n: image for n, image in seen.images.items() if pod.spec.container(n).image == images[n]}
        self.seen = replace(seen, pod=pod, images=kept)

    def _made_for(self, name: str) -> str:
        """The attempt of a container that is in the making."""
        (made,) = (c.id for c in self.attempts() if c.name == name and c.phase == "creating")
        return made

    def _create(self, action: do.CreateContainer) -> None:
        """From the first moment on there is a record of it."""
        assert self.seen is not None
        self._made += 1
        made = ObservedContainer(
            name=action.container,
            id=f"{action.container}-{self._made}",
            attempt=action.attempt,
            phase="creating",
            backoff_s=action.backoff_s,
            image=self.seen.pod.spec.container(action.container).image or "",
            resources=resources_of(self.seen.pod.spec.container(action.container)),
            image_id="sha256:1",
            created_at=self.now,
        )
        images = {name: image for name, image in self.seen.images.items() if name != action.container}
        self.seen = replace(self.seen, containers=(*self.seen.containers, made), images=images)

"""Who comes again after its end, and when the work of a pod is over. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hostpod.kube import Container, ContainerRestartRule, Pod
from hostpod.plan.leaving import grace_of
from hostpod.plan.observed import ObservedContainer, ObservedPod


def is_init(pod: Pod, name: str) -> bool:
    """Whether a container is an init container that ends before the others begin: no sidecar."""
    return any(each.name == name and each.restart_policy != "Always" for each in pod.spec.init_containers)


def will_restart(pod: Pod, ended: ObservedContainer) -> bool:
    """Whether another attempt follows this end: by the container's rules, else by its policy, else by the pod's."""
    container = pod.spec.container(ended.name)
    if ended.stopping is not None and ended.stopping.then != "policy":
        return True
    if is_init(pod, ended.name) and ended.exit_code == 0:
        return False
    if any(_applies(rule, ended.exit_code) for rule in container.restart_policy_rules):
        return True
    match restart_policy(pod, container):
        case "Never":
            return False
        case "OnFailure":
            return ended.exit_code != 0
        case _:
            return True


def restart_policy(pod: Pod, container: Container) -> str:
    """The policy that holds for a container."""
    return container.restart_policy or pod.spec.restart_policy or "Always"


def _applies(rule: ContainerRestartRule, code: int | None) -> bool:
    about = rule.exit_codes
    if rule.action != "Restart" or about is None or code is None:
        return False
    return (code in about.values) is (about.operator == "In")


def ended_for_good(seen: ObservedPod, container: Container) -> ObservedContainer | None:
    """The last attempt of a container after which no other comes."""
    latest = seen.latest(container.name)
    return latest if latest is not None and latest.phase == "exited" and not will_restart(seen.pod, latest) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Over:
    """The pod's work is done or has failed since `since` (wall seconds): what still runs ends within `grace_s`."""

    since: float
    grace_s: float
    reason: str


def work_over(seen: ObservedPod) -> Over | None:
    """Whether nothing of the pod has to run any more: it failed, an init container did, or all containers ended."""
    if seen.verdict is not None:
        return Over(since=seen.verdict.since, grace_s=seen.verdict.grace_s, reason=seen.verdict.message)
    grace_s = grace_of(seen.pod)
    for container in seen.pod.spec.init_containers:
        last = ended_for_good(seen, container)
        if last is not None and last.exit_code != 0 and is_init(seen.pod, container.name):
            reason = f"init container {container.name} failed"
            return Over(since=last.finished_at or 0.0, grace_s=grace_s, reason=reason)
    lasts = [ended_for_good(seen, container) for container in seen.pod.spec.containers]
    if not all(lasts):
        return None
    since = max(last.finished_at or 0.0 for last in lasts if last is not None)
    return Over(since=since, grace_s=grace_s, reason="all containers of the pod have ended")


def pod_ends(seen: ObservedPod) -> bool:
    """Whether all containers of a pod are to end, or have: it leaves, its work is over, or it has failed."""
    return seen.ending is not None or work_over(seen) is not None


def comes_again(seen: ObservedPod, ended: ObservedContainer) -> bool:
    """Whether another attempt follows this end: the pod goes on, and the container's policy says so."""
    return will_restart(seen.pod, ended) and not pod_ends(seen)


def is_finished(seen: ObservedPod) -> bool:
    """Whether the pod's work is over and nothing of it runs any more."""
    return work_over(seen) is not None and all(attempt.phase == "exited" for attempt in seen.containers)

"""Change of a pod in place: its record, and cpu and memory of containers that go on running."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from hostpod.engine.edges import Edges
from hostpod.engine.room import memory_rule
from hostpod.engine.sandbox import pod_cgroup
from hostpod.engine.state import PodState
from hostpod.host.usage import working_set_bytes
from hostpod.kube import Container, Pod, ResourceRequirements
from hostpod.oci import container_resources, pod_limits
from hostpod.plan.actions import ResizeContainer
from hostpod.plan.change import resources_in, resources_of


class ResizeRefusedError(Exception):
    """A container uses more than it is to have; the message can be shown as it is."""


def update(state: PodState, pod: Pod, file: str) -> None:
    """From now on the pod is this one. Images that were fetched for another reference are not its own any more."""
    before = {container.name: container.image for container in state.record.pod.spec.all_containers}
    state.keep_pod(replace(state.record, pod=pod, file=file))
    state.stale = True
    for container in pod.spec.all_containers:
        if container.image != before[container.name]:
            state.forget_image(container.name)


async def resize(state: PodState, action: ResizeContainer, edges: Edges) -> None:
    """Pod before container where it grows, container before pod where it shrinks.

    What a container has is written down last: after a crash all of it is done again.
    """
    record = state.containers[action.id]
    container = state.record.pod.spec.container(action.container)
    await asyncio.to_thread(_refuse_less_than_is_used, container, record.cgroup, edges)
    await _limit(state, _at_its_largest(state), edges)
    bundle = state.paths.container(action.id).bundle
    wanted = container_resources(state.record.pod, container, edges.privileges, memory_rule(edges))
    path = bundle / "resources.json"
    path.write_text(json.dumps({kind: wanted[kind] for kind in ("cpu", "memory", "unified") if kind in wanted}))
    async with edges.slots:
        await edges.runc.update(action.id, path)
    if _is_settled(state, but=action.id):
        await _limit(state, state.record.pod, edges)
    state.keep(replace(state.containers[action.id], resources=resources_of(container)))


async def _limit(state: PodState, like: Pod, edges: Edges) -> None:
    """The limits that the pod would have as `like`. Its cgroup is where it is, whatever class that would be of."""
    limits = pod_limits(like, pids_limit=edges.config.cgroups.pids_limit)
    await edges.cgroups.limit_pod(pod_cgroup(edges, state.record.pod), limits)


def _refuse_less_than_is_used(container: Container, cgroup: str, edges: Edges) -> None:
    """The kernel would make room by killing."""
    limit = container.resources.limits.get("memory")
    used = working_set_bytes(edges.cgroups.layout, cgroup) if limit else 0
    if limit and used > limit.value:
        raise ResizeRefusedError(f"cannot limit memory to {limit}: {used} bytes are in use; it stays as it was")


def _at_its_largest(state: PodState) -> Pod:
    """The pod with the most that each container has or is to have: what its cgroup has to allow meanwhile."""
    held = {each.name: each.resources for each in state.containers.values() if each.phase == "running"}
    pod = state.record.pod
    return pod.model_copy(
        update={
            "spec": pod.spec.model_copy(
                update={
                    "containers": tuple(_larger(each, held.get(each.name, "")) for each in pod.spec.containers),
                    "init_containers": tuple(
                        _larger(each, held.get(each.name, "")) for each in pod.spec.init_containers
                    ),
                }
            )
        }
    )


def _larger(container: Container, held: str) -> Container:
    if not held:
        return container
    before, now = resources_in(held), container.resources
    larger = ResourceRequirements(
        limits={**now.limits, **{name: max(each, now.limits.get(name, each)) for name, each in before.limits.items()}},
        requests={
            **now.requests, **{name: max(each, now.requests.get(name, each)) for name, each in before.requests.items()}
        },
    )  # fmt: skip
    return container.model_copy(update={"resources": larger})


def _is_settled(state: PodState, *, but: str) -> bool:
    spec = state.record.pod.spec
    running = (each for each in state.containers.values() if each.phase == "running" and each.id != but)
    return all(each.resources in ("", resources_of(spec.container(each.name))) for each in running)

"""What this host has left, and what each pod has of it: readings for the decisions of plan/pressure.py."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from hostpod.config import EvictionConfig
from hostpod.engine.edges import Edges
from hostpod.engine.sandbox import pod_cgroup
from hostpod.engine.state import PodState
from hostpod.host.left import Left, inodes_left, memory_left, on_one_file_system, processes_left, space_left
from hostpod.host.usage import DiskUsage, disk_usage, process_count, working_set_bytes
from hostpod.kube.pod_resources import NOTHING, pod_requests
from hostpod.kube.priority import priority_of
from hostpod.plan.eviction import ContainerUsage, Usage
from hostpod.plan.pressure import RESOURCES, Reading, Rule, Signal


def rule_of(config: EvictionConfig) -> Rule:
    """The settings as the decisions want them."""
    return Rule(
        thresholds={
            "memory.available": config.memory_available,
            "pid.available": config.pid_available,
            "nodefs.available": config.nodefs_available,
            "nodefs.inodesFree": config.nodefs_inodes_free,
            "imagefs.available": config.imagefs_available,
            "imagefs.inodesFree": config.imagefs_inodes_free,
        },
        reclaim=config.minimum_reclaim,
        transition_s=config.transition_period_s,
    )


def read_left(edges: Edges) -> Mapping[Signal, Reading]:
    """What is left now: a few small files and a system call a file system, some 0.1 ms together."""
    pods, images = (edges.paths.state, edges.paths.logs), (edges.paths.images,)
    left: dict[Signal, Left | None] = {
        "memory.available": memory_left(),
        "pid.available": processes_left(),
        "nodefs.available": space_left(pods),
        "nodefs.inodesFree": inodes_left(pods),
        "imagefs.available": space_left(images),
        "imagefs.inodesFree": inodes_left(images),
    }
    return {signal: Reading(available=each[0], capacity=each[1]) for signal, each in left.items() if each}


async def usages(signal: Signal, pods: Mapping[str, PodState], edges: Edges) -> list[Usage]:
    """What each pod has of what is short. Nothing of a file system of images alone: no pod's end frees that."""
    match RESOURCES[signal]:
        case "memory":
            return [_memory(key, state, edges) for key, state in pods.items()]
        case "pids":
            layout = edges.cgroups.layout
            return [
                _usage(key, state, process_count(layout, pod_cgroup(edges, state.record.pod)))
                for key, state in pods.items()
            ]
        case resource:
            if signal.startswith("imagefs") and not on_one_file_system(edges.paths.images, edges.paths.state):
                return []
            used = await asyncio.to_thread(_disk, dict(pods), edges)
            if resource == "inodes":
                return [_usage(key, state, used[key].inodes) for key, state in pods.items()]
            return [_usage(key, state, used[key].used_bytes, "ephemeral-storage") for key, state in pods.items()]


def _usage(key: str, state: PodState, used: int, asked_as: str = "") -> Usage:
    pod = state.record.pod
    requested = pod_requests(pod).get(asked_as, NOTHING).value
    return Usage(key=key, priority=priority_of(pod), used=used, requested=requested)


def _memory(key: str, state: PodState, edges: Edges) -> Usage:
    pod, layout = state.record.pod, edges.cgroups.layout
    asked = {
        container.name: container.resources.requests.get("memory", NOTHING).value
        for container in (*pod.spec.init_containers, *pod.spec.containers)
    }
    return Usage(
        key=key,
        priority=priority_of(pod),
        used=working_set_bytes(layout, pod_cgroup(edges, pod)),
        requested=pod_requests(pod).get("memory", NOTHING).value,
        containers=tuple(
            ContainerUsage(
                name=record.name, used=working_set_bytes(layout, record.cgroup), requested=asked.get(record.name, 0)
            )
            for record in state.containers.values()
            if record.phase == "running"
        ),
    )


def _disk(pods: Mapping[str, PodState], edges: Edges) -> Mapping[str, DiskUsage]:
    """Writable layers, volumes and logs."""
    return {key: disk_usage((edges.paths.pod(state.uid).state, _logs(state, edges))) for key, state in pods.items()}


def _logs(state: PodState, edges: Edges) -> Path:
    pod = state.record.pod
    return edges.paths.pod_logs(pod.namespace or "default", pod.name, state.uid)

"""Which containers ended because the kernel killed them for memory.

conmon looks into its container's cgroup for that when the container has ended. systemd removes a scope's cgroup as soon
as nothing runs in it, and is often quicker. But on cgroup v2 a kill is counted in every cgroup above as well, and the
pod's is there as long as the pod: a kill that is counted there, in no container that has yet to end, and that no
earlier end accounts for, was in the container whose end is looked at. On v1 only conmon tells.
"""

from __future__ import annotations

from collections.abc import Sequence

from hostpod.engine.edges import Edges
from hostpod.engine.records import ContainerRecord
from hostpod.engine.sandbox import pod_cgroup
from hostpod.engine.state import PodState
from hostpod.host.conmon import was_oom_killed
from hostpod.host.pids import start_ticks

# 128 + SIGKILL. A kill in a container takes its first process too, by memory.oom.group.
EXIT_KILLED = 137


def killed_for_memory(state: PodState, cid: str, code: int, edges: Edges) -> tuple[bool, int]:
    """Whether a container that has just ended was killed for memory, and how many kills are accounted for then."""
    others = [each for each in state.containers.values() if each.exit_code is None and each.id != cid]
    counted, before = _counted(state, others, edges), state.record.oom_kills
    before = before if counted >= before else 0  # a number that went down is that of a new cgroup
    told = was_oom_killed(state.paths.container(cid).bundle)
    by_another = code != EXIT_KILLED or state.containers[cid].kill_sent
    killed = told or (not by_another and counted > before)
    if all(_lives(each) for each in others):
        return killed, counted
    # Some of the kills may be of a container whose end is looked at next; one at least was of this.
    return killed, min(before + killed, counted)


def _counted(state: PodState, others: Sequence[ContainerRecord], edges: Edges) -> int:
    """Kills in the pod, but of none in these containers, as far as their cgroups are there."""
    in_pod = edges.cgroups.oom_kills(pod_cgroup(edges, state.record.pod))
    return max(0, in_pod - sum(edges.cgroups.oom_kills(each.cgroup) for each in others))


def _lives(record: ContainerRecord) -> bool:
    """Whether its first process does; asked after the counts are read, as a process ends after it is counted."""
    return record.pid is None or start_ticks(record.pid) == record.pid_started

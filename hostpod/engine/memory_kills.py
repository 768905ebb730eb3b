"""Which containers ended because the kernel killed them for memory.

conmon looks into its container's cgroup for that when the container has ended. systemd removes a scope's cgroup as soon
as nothing runs in it, and is often quicker. But on cgroup v2 a kill is counted in every cgroup above as well, and the
pod's is there as long as the pod: a kill that is counted there, in no container that has yet to end, and that no
earlier end accounts for, was in the container whose end is looked at. On v1 only conmon tells.
"""

from __future__ import annotations

from hostpod.engine.edges import Edges
from hostpod.engine.sandbox import pod_cgroup
from hostpod.engine.state import PodState
from hostpod.host.conmon import was_oom_killed

# 128 + SIGKILL. A kill in a container takes its first process too, by memory.oom.group.
EXIT_KILLED = 137


def killed_for_memory(state: PodState, cid: str, code: int, edges: Edges) -> int | None:
    """Whether a container that has just ended was killed for memory: how many kills of its pod are told of then.

    None when it was not.
    """
    told = was_oom_killed(state.paths.container(cid).bundle)
    if not told and (code != EXIT_KILLED or state.containers[cid].kill_sent):
        return None
    counted, before = _counted(state, cid, edges), state.record.oom_kills
    # A number that went down is that of a new cgroup.
    return counted if told or counted > (before if counted >= before else 0) else None


def _counted(state: PodState, cid: str, edges: Edges) -> int:
    """Kills in the pod, but of none in its other containers whose end is not written down yet."""
    others = [each.cgroup for each in state.containers.values() if each.exit_code is None and each.id != cid]
    in_pod = edges.cgroups.oom_kills(pod_cgroup(edges, state.record.pod))
    return max(0, in_pod - sum(edges.cgroups.oom_kills(path) for path in others))

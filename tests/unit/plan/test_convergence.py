"""For any order of wishes, ends and refusals the plan comes to rest, and at rest the host is as it was wished."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from hostpod.kube import Pod
from hostpod.plan.observed import ObservedContainer
from tests.unit.plan.build import pod
from tests.unit.plan.ideal_host import IdealHost

POLICIES = st.sampled_from(["Always", "OnFailure", "Never"])


def _pod(salt: str, names: tuple[str, ...], policy: str, sharing: bool) -> Pod:
    """A pod whose uid tells its content, as the uids of static pods do."""
    uid = f"{salt}-{'-'.join(names)}-{policy}-{sharing}"
    return pod(*names, uid=uid, restartPolicy=policy, shareProcessNamespace=sharing)


PODS = st.builds(
    _pod, st.sampled_from(["a", "b"]), st.sampled_from([("web",), ("web", "side")]), POLICIES, st.booleans()
)


def _running(host: IdealHost) -> list[ObservedContainer]:
    return [c for c in host.attempts() if c.phase == "running"]


def _end_one(code: int) -> Callable[[IdealHost], None]:
    def act(host: IdealHost) -> None:
        for container in _running(host)[:1]:
            host.exit(container.id, code)

    return act


def _step(*, refused: bool) -> Callable[[IdealHost], None]:
    def act(host: IdealHost) -> None:
        for action in host.plan().actions[:1]:
            if refused and host.seen is not None:
                host.refuse(action)
            else:
                host.apply(action)

    return act


def _wish(value: object) -> Callable[[IdealHost], None]:
    def act(host: IdealHost) -> None:
        host.wish = value  # type: ignore[assignment]

    return act


def _wait(seconds: float) -> Callable[[IdealHost], None]:
    def act(host: IdealHost) -> None:
        host.now += seconds

    return act


HAPPENINGS = st.lists(
    st.one_of(
        PODS.map(_wish),
        st.just(_wish(None)),
        st.sampled_from([0, 1, 137]).map(_end_one),
        st.just(_step(refused=False)),
        st.just(_step(refused=True)),
        st.sampled_from([0.1, 5.0, 700.0]).map(_wait),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(HAPPENINGS)
def test_whatever_happens_the_plan_comes_to_rest_at_the_wish(happenings: list[Callable[[IdealHost], None]]) -> None:
    host = IdealHost()
    for happening in happenings:
        happening(host)
    host.settle()
    if host.wish is None:
        assert host.seen is None
        return
    assert host.seen is not None
    assert host.seen.pod.metadata.uid == host.wish.metadata.uid
    assert host.seen.ending is None
    for container in host.wish.spec.containers:
        latest = host.seen.latest(container.name)
        assert latest is not None
        restarts = {"Always": True, "OnFailure": latest.exit_code != 0, "Never": False}
        assert latest.phase == "running" or not restarts[host.wish.spec.restart_policy or "Always"]
        assert len([c for c in host.attempts() if c.name == container.name]) <= 2


def test_an_endless_crash_is_restarted_ever_more_slowly() -> None:
    host = IdealHost()
    host.wish = pod()
    times = []
    for _ in range(9):
        host.settle()
        times.append(host.now)
        (running,) = _running(host)
        host.exit(running.id, 1)
    assert [later - earlier for earlier, later in pairwise(times)] == [
        0, 10, 20, 40, 80, 160, 300, 300
    ]  # fmt: skip

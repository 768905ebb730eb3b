from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.kube import Pod
from hostpod.kube.pod_resources import container_limits, limit_of, pod_limit, pod_requests


def container(name: str, cpu: int = 0, **more: Any) -> dict[str, Any]:
    amounts = {"cpu": f"{cpu}m"} if cpu else {}
    return {"name": name, "image": "img", "resources": {"requests": amounts, "limits": amounts}, **more}


def sidecar(name: str, cpu: int) -> dict[str, Any]:
    return container(name, cpu, restartPolicy="Always")


def pod(init: list[dict[str, Any]], *main: dict[str, Any]) -> Pod:
    return Pod.model_validate({"metadata": {"name": "p"}, "spec": {"initContainers": init, "containers": main}})


# The examples of KEP-753, "Resources calculation for scheduling and pod admission".
@pytest.mark.parametrize(
    ("init", "main", "milli"),
    [
        ([], [100, 200], 300),
        ([("init", 50)], [100], 100),
        ([("init", 500), ("init", 300)], [100], 500),
        ([("sidecar", 100)], [200, 300], 600),
        ([("sidecar", 100), ("init", 600)], [200], 700),
        ([("init", 600), ("sidecar", 100)], [200], 600),
        ([("sidecar", 100), ("init", 10), ("sidecar", 200), ("init", 250)], [50], 550),
        ([("sidecar", 100), ("sidecar", 200)], [0], 300),
    ],
)
def test_the_moment_at_which_most_is_needed_counts(init: list[tuple[str, int]], main: list[int], milli: int) -> None:
    before = [
        sidecar(f"i{n}", cpu) if kind == "sidecar" else container(f"i{n}", cpu) for n, (kind, cpu) in enumerate(init)
    ]
    subject = pod(before, *(container(f"c{n}", cpu) for n, cpu in enumerate(main)))
    assert pod_requests(subject)["cpu"].milli == milli


def test_each_resource_is_counted_for_itself() -> None:
    subject = pod(
        [{"name": "i", "image": "img", "resources": {"requests": {"cpu": "2", "memory": "1Mi"}}}],
        {"name": "c", "image": "img", "resources": {"requests": {"cpu": "1", "memory": "3Mi"}}},
    )
    assert {name: amount.value for name, amount in pod_requests(subject).items()} == {"cpu": 2, "memory": 3 << 20}
    assert pod_requests(pod([], container("c"))) == {}


def test_a_limit_holds_only_where_every_container_has_one() -> None:
    limit = pod_limit(pod([sidecar("s", 100), container("i", 700)], container("c", 500)), "cpu")
    assert limit is not None
    assert limit.milli == 800
    assert pod_limit(pod([container("i")], container("c", 500)), "cpu") is None
    assert pod_limit(pod([], container("c", 500), container("d")), "cpu") is None


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 1000)), max_size=6), st.lists(st.integers(1, 1000), min_size=1))
def test_it_is_never_less_than_what_runs_at_any_time(init: list[tuple[bool, int]], main: list[int]) -> None:
    before = [sidecar(f"i{n}", cpu) if beside else container(f"i{n}", cpu) for n, (beside, cpu) in enumerate(init)]
    asked = pod_requests(pod(before, *(container(f"c{n}", cpu) for n, cpu in enumerate(main))))["cpu"].milli
    running = sum(cpu for beside, cpu in init if beside) + sum(main)
    at_a_time = [sum(c for b, c in init[:n] if b) + cpu for n, (_, cpu) in enumerate(init)]
    assert asked == max([running, *at_a_time])


def test_what_the_pod_says_as_a_whole_counts_instead() -> None:
    whole = {"requests": {"cpu": "3"}, "limits": {"memory": "1Gi"}}
    spec = {"containers": [container("c", 500), container("d")], "resources": whole}
    subject = Pod.model_validate({"metadata": {"name": "p"}, "spec": spec})
    assert pod_requests(subject)["cpu"].milli == 3000
    assert str(pod_limit(subject, "memory")) == "1Gi"
    assert pod_limit(subject, "cpu") is None
    assert [str(limit_of(subject, each, "memory")) for each in subject.spec.containers] == ["1Gi", "1Gi"]
    assert [str(limit_of(subject, each, "cpu")) for each in subject.spec.containers] == ["500m", "None"]


def test_limits_of_those_that_have_one() -> None:
    subject = pod([sidecar("s", 100)], container("c", 500), container("d"))
    assert container_limits(subject.spec)["cpu"].milli == 600

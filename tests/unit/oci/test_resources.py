from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hostpod.oci import PodLimits, pod_limits, qos_class
from hostpod.oci.resources import container_resources, oom_score_adj, quota_us, shares
from tests.unit.oci.samples import FREE, ON_V2, pod, resources

BOTH = {"cpu": "500m", "memory": "64Mi"}


@pytest.mark.parametrize(
    ("containers", "qos"),
    [
        ([resources()], "BestEffort"),
        ([resources({"cpu": "0"}, {"memory": "0"})], "BestEffort"),
        ([resources({"ephemeral-storage": "1Gi"})], "BestEffort"),
        ([resources({"cpu": "1m"})], "Burstable"),
        ([resources(limits={"cpu": "1"})], "Burstable"),
        ([resources(BOTH, BOTH)], "Guaranteed"),
        ([resources({}, BOTH)], "Guaranteed"),
        ([resources({"cpu": "250m", "memory": "64Mi"}, BOTH)], "Burstable"),
        ([resources(BOTH, BOTH), resources()], "Burstable"),
        ([resources({"cpu": "0.5", "memory": "65536Ki"}, BOTH)], "Guaranteed"),
    ],
)
def test_the_class_of_service(containers: list[dict[str, Any]], qos: str) -> None:
    assert qos_class(pod(*containers)) == qos


def test_init_containers_count_for_the_class() -> None:
    assert qos_class(pod(resources(BOTH, BOTH), initContainers=[resources()])) == "Burstable"


@pytest.mark.parametrize(
    ("containers", "limits"),
    [
        ([resources()], (2, None, None)),
        ([resources({"cpu": "100m"})], (102, None, None)),
        ([resources(BOTH, BOTH), resources(BOTH, BOTH)], (1024, 100_000, 128 << 20)),
        ([resources(BOTH, BOTH), resources({"cpu": "1"}, {"cpu": "2"})], (1536, 250_000, None)),
        ([resources({"memory": "1Mi"}, {"memory": "2Mi"})], (2, None, 2 << 20)),
    ],
)
def test_limits_of_the_whole_pod(containers: list[dict[str, Any]], limits: tuple[int, int | None, int | None]) -> None:
    cpu_shares, quota, memory = limits
    assert pod_limits(pod(*containers)) == PodLimits(
        cpu_shares=cpu_shares, cpu_quota_us=quota, memory_limit_bytes=memory, pids_limit=None
    )


def test_an_init_container_that_needs_more_counts() -> None:
    before = resources({"cpu": "2", "memory": "1Gi"}, {"cpu": "2", "memory": "1Gi"})
    limits = pod_limits(pod(resources(BOTH, BOTH), initContainers=[before]), pids_limit=100)
    assert limits == PodLimits(cpu_shares=2048, cpu_quota_us=200_000, memory_limit_bytes=1 << 30, pids_limit=100)


@pytest.mark.parametrize(("milli", "expected"), [(0, 2), (1, 2), (100, 102), (1000, 1024), (10**9, 262_144)])
def test_shares(milli: int, expected: int) -> None:
    assert shares(milli) == expected


@pytest.mark.parametrize(("milli", "expected"), [(1, 1000), (10, 1000), (100, 10_000), (2500, 250_000)])
def test_quota(milli: int, expected: int) -> None:
    assert quota_us(milli) == expected


def test_a_container_s_own_limits_on_v1_and_v2() -> None:
    container = pod(resources({"cpu": "100m"}, {"cpu": "1500m", "memory": "64Mi"})).spec.containers[0]
    devices = [{"allow": False, "access": "rwm"}]
    cpu = {"shares": 102, "quota": 150_000, "period": 100_000}
    assert container_resources(container, FREE) == {"devices": devices, "cpu": cpu, "memory": {"limit": 64 << 20}}
    assert container_resources(container, ON_V2) == {
        "devices": devices,
        "cpu": cpu,
        "memory": {"limit": 64 << 20, "swap": 64 << 20},
        "unified": {"memory.oom.group": "1"},
    }


def test_what_the_host_cannot_limit_is_left_out() -> None:
    container = pod(resources(BOTH, BOTH)).spec.containers[0]
    bare = replace(ON_V2, controllers=frozenset())
    assert container_resources(container, bare) == {"devices": [{"allow": False, "access": "rwm"}]}
    assert set(container_resources(container, replace(FREE, controllers=frozenset({"cpu"})))) == {"devices", "cpu"}


def test_a_limit_alone_is_the_request_too() -> None:
    container = pod(resources(limits={"cpu": "2"})).spec.containers[0]
    assert container_resources(container, FREE)["cpu"]["shares"] == 2048
    assert container_resources(pod().spec.containers[0], FREE)["cpu"] == {"shares": 2}


@pytest.mark.parametrize(
    ("container", "score"),
    [
        (resources(BOTH, BOTH), -997),
        (resources(), 1000),
        (resources({"cpu": "1"}), 999),
        (resources({"memory": "1Gi"}), 750),
        (resources(limits={"memory": "1Gi"}), 750),
        (resources({"memory": "1Mi"}), 999),
        (resources({"memory": "64Gi"}), 3),
    ],
)
def test_who_is_killed_first(container: dict[str, Any], score: int) -> None:
    subject = pod(container)
    assert oom_score_adj(subject, subject.spec.containers[0], 4 << 30) == score


def test_a_sidecar_goes_no_sooner_than_the_containers_that_it_serves() -> None:
    helper = resources({"memory": "1Mi"}) | {"name": "helper", "restartPolicy": "Always"}
    subject = pod(resources({"memory": "1Gi"}), resources({"memory": "2Gi"}), initContainers=[helper])
    assert oom_score_adj(subject, subject.spec.init_containers[0], 4 << 30) == 750
    without = pod(resources({"memory": "1Gi"}), resources(), initContainers=[helper])
    assert oom_score_adj(without, without.spec.init_containers[0], 4 << 30) == 999

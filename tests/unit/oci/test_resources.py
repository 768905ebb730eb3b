from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hostpod.host.privileges import Privileges
from hostpod.kube import Pod
from hostpod.oci import MemoryRule, PodLimits, pod_limits, qos_class
from hostpod.oci.resources import NO_SWAP, container_resources, oom_score_adj, quota_us, shares
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


def told(subject: Pod, privileges: Privileges = FREE, rule: MemoryRule = NO_SWAP) -> dict[str, Any]:
    """linux.resources of the first container, without its devices."""
    made = container_resources(subject, subject.spec.containers[0], privileges, rule)
    assert made.pop("devices") == [{"allow": False, "access": "rwm"}]
    return made


def test_a_container_s_own_limits_on_v1_and_v2() -> None:
    subject = pod(resources({"cpu": "100m"}, {"cpu": "1500m", "memory": "64Mi"}))
    cpu = {"shares": 102, "quota": 150_000, "period": 100_000}
    assert told(subject) == {"cpu": cpu, "memory": {"limit": 64 << 20}}
    assert told(subject, ON_V2) == {
        "cpu": cpu,
        "memory": {"limit": 64 << 20, "swap": 64 << 20},
        "unified": {"memory.oom.group": "1"},
    }


def test_what_the_host_cannot_limit_is_left_out() -> None:
    subject = pod(resources(BOTH, BOTH))
    assert told(subject, replace(ON_V2, controllers=frozenset())) == {}
    assert set(told(subject, replace(FREE, controllers=frozenset({"cpu"})))) == {"cpu"}


def test_a_limit_alone_is_the_request_too() -> None:
    assert told(pod(resources(limits={"cpu": "2"})))["cpu"]["shares"] == 2048
    assert told(pod())["cpu"] == {"shares": 2}


class TestWhole:
    """What a pod says of all its containers together (spec.resources)."""

    @pytest.mark.parametrize(
        ("whole", "containers", "qos"),
        [
            ({"requests": BOTH, "limits": BOTH}, [resources()], "Guaranteed"),
            ({"requests": BOTH, "limits": BOTH}, [resources({"cpu": "1m"}), resources()], "Guaranteed"),
            ({"requests": BOTH}, [resources(BOTH, BOTH)], "Burstable"),
            ({"limits": {"cpu": "1"}}, [resources(BOTH, BOTH)], "Burstable"),
            ({"limits": {"cpu": "0"}}, [resources(BOTH, BOTH)], "BestEffort"),
            ({}, [resources(BOTH, BOTH)], "Guaranteed"),
        ],
    )
    def test_it_alone_counts_for_the_class(
        self, whole: dict[str, Any], containers: list[dict[str, Any]], qos: str
    ) -> None:
        assert qos_class(pod(*containers, resources=whole)) == qos

    def test_the_pod_s_cgroup_has_it_and_containers_without_limits_too(self) -> None:
        whole = {"requests": {"cpu": "1"}, "limits": {"cpu": "2", "memory": "1Gi"}}
        subject = pod(resources(), resources({}, {"memory": "64Mi"}), resources=whole)
        assert pod_limits(subject) == PodLimits(
            cpu_shares=1024, cpu_quota_us=200_000, memory_limit_bytes=1 << 30, pids_limit=None
        )
        assert told(subject) == {
            "cpu": {"shares": 2048, "quota": 200_000, "period": 100_000},
            "memory": {"limit": 1 << 30},
        }
        second = container_resources(subject, subject.spec.containers[1], FREE)
        assert second["memory"] == {"limit": 64 << 20}

    def test_what_no_container_asks_for_is_shared_in_equal_parts(self) -> None:
        whole = {"requests": {"memory": "3Gi"}}
        subject = pod(resources({"memory": "1Gi"}), resources(), resources=whole)
        scores = [oom_score_adj(subject, each, 4 << 30) for each in subject.spec.containers]
        assert scores == [500, 750]


class TestMemoryOnV2:
    """Numbers of the kubelet's formulas."""

    SWAP = replace(ON_V2, swap_bytes=2 << 30)
    SLOWED = MemoryRule(throttling_factor=0.9, allocatable_bytes=4 << 30)
    LIMITED = MemoryRule(limited_swap=True)

    @pytest.mark.parametrize(
        ("container", "high"),
        [
            (resources({"memory": "100Mi"}, {"memory": "200Mi"}), str(190 << 20)),
            (resources({"memory": "100M"}, {"memory": "200M"}), str(189_997_056)),
            (resources({"memory": "200Mi"}, {"memory": "200Mi"}), "max"),
            (resources({}, {"memory": "200Mi"}), "max"),
            (resources({"memory": "1Gi"}), str((((1 << 30) + 9 * (3 << 30) // 10) // 4096) * 4096)),
            (resources(), str(((4 << 30) * 9 // 10) // 4096 * 4096)),
        ],
    )
    def test_what_comes_near_its_limit_is_slowed_down(self, container: dict[str, Any], high: str) -> None:
        assert told(pod(container), ON_V2, self.SLOWED)["unified"]["memory.high"] == high
        assert "memory.high" not in told(pod(container), ON_V2)["unified"]
        assert "unified" not in told(pod(container), FREE, self.SLOWED)

    def test_without_a_word_nobody_has_swap(self) -> None:
        assert told(pod(resources()), self.SWAP)["unified"]["memory.swap.max"] == "0"
        limited = told(pod(resources({}, {"memory": "1Gi"})), self.SWAP)
        assert limited["memory"] == {"limit": 1 << 30, "swap": 1 << 30}
        assert "memory.swap.max" not in told(pod(resources()), ON_V2)["unified"], "where there is none"

    @pytest.mark.parametrize(
        ("containers", "spec", "swap"),
        [
            ([resources({"memory": "1Gi"}, {"memory": "2Gi"})], {}, 512 << 20),
            ([resources({"memory": "1Gi"}, {"memory": "1Gi"})], {}, 0),
            ([resources({"memory": "1Gi", "cpu": "1"}, {"memory": "1Gi", "cpu": "1"})], {}, 0),
            ([resources({"cpu": "1"}, {"memory": "1Gi"})], {}, 0),
            ([resources({"memory": "1Gi"}, {"memory": "2Gi"})], {"priorityClassName": "system-node-critical"}, 0),
        ],
    )
    def test_burstable_pods_have_a_share_of_the_swap(
        self, containers: list[dict[str, Any]], spec: dict[str, Any], swap: int
    ) -> None:
        memory = told(pod(*containers, **spec), self.SWAP, self.LIMITED)["memory"]
        assert memory["swap"] - memory["limit"] == swap

    def test_also_without_a_limit(self) -> None:
        made = told(pod(resources({"memory": "1Gi"})), self.SWAP, self.LIMITED)
        assert made["unified"]["memory.swap.max"] == str(512 << 20)


class TestHugePages:
    HUGE = replace(ON_V2, controllers=ON_V2.controllers | {"hugetlb"}, huge_page_sizes=frozenset({1 << 30}))
    ASKED = resources({}, {"memory": "1Gi", "hugepages-2Mi": "4Mi"})

    def test_limits_of_all_sizes_that_there_are(self) -> None:
        none = {"pageSize": "1GB", "limit": 0}
        assert told(pod(self.ASKED), self.HUGE)["hugepageLimits"] == [{"pageSize": "2MB", "limit": 4 << 20}, none]
        assert told(pod(resources()), self.HUGE)["hugepageLimits"] == [none]
        assert "hugepageLimits" not in told(pod(self.ASKED), ON_V2)

    def test_a_pod_s_own_are_those_of_containers_and_of_its_cgroup(self) -> None:
        subject = pod(resources(), resources={"limits": {"cpu": "1", "hugepages-2Mi": "8Mi"}})
        assert {"pageSize": "2MB", "limit": 8 << 20} in told(subject, self.HUGE)["hugepageLimits"]
        assert pod_limits(subject).huge_pages == {"2MB": 8 << 20}


def test_given_devices_are_allowed_beside_what_is_denied() -> None:
    subject = pod(resources())
    rule = {"type": "c", "major": 1, "minor": 3, "allow": True, "access": "rw"}
    made = container_resources(subject, subject.spec.containers[0], FREE, devices=[rule])
    assert made["devices"] == [{"allow": False, "access": "rwm"}, rule]


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

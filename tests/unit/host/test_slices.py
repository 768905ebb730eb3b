from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from hostpod.host import slices

UID = "0f2c6a4e-1b6d-4e0b-9d0c-8f3a5a1c2b3d"


@dataclass(frozen=True)
class Limits:
    cpu_shares: int = 512
    cpu_quota_us: int | None = None
    memory_limit_bytes: int | None = None
    pids_limit: int | None = None
    huge_pages: Mapping[str, int] = field(default_factory=dict)


@pytest.mark.parametrize(
    ("qos", "name", "path"),
    [
        ("Guaranteed", "hostpod-podu_1.slice", "/hostpod.slice/hostpod-podu_1.slice"),
        (
            "Burstable",
            "hostpod-burstable-podu_1.slice",
            "/hostpod.slice/hostpod-burstable.slice/hostpod-burstable-podu_1.slice",
        ),
        (
            "BestEffort",
            "hostpod-besteffort-podu_1.slice",
            "/hostpod.slice/hostpod-besteffort.slice/hostpod-besteffort-podu_1.slice",
        ),
    ],
)
def test_a_pod_s_slice_lies_below_that_of_its_class(qos: str, name: str, path: str) -> None:
    assert slices.pod_slice("hostpod", qos, "u-1") == name
    assert slices.slice_path(name) == path
    assert slices.unit_of(path) == name
    assert slices.parents(name)[0] == slices.qos_slice("hostpod", qos)
    assert slices.parents(name)[-1] == "hostpod.slice"


def test_no_two_uids_have_one_slice() -> None:
    uids = [UID, UID.replace("-", "_"), UID.replace("-", "."), UID.replace("-", "")]
    names = {slices.pod_slice("hostpod", "Burstable", uid) for uid in uids}
    assert len(names) == len(uids)
    assert all(slices.parents(name) == ("hostpod-burstable.slice", "hostpod.slice") for name in names)


@pytest.mark.parametrize("root", ["hostpod", "hostpod-test-1", "a.b_c"])
@pytest.mark.parametrize("qos", ["Guaranteed", "Burstable", "BestEffort"])
def test_only_a_pod_s_slice_of_this_root_is_one(root: str, qos: str) -> None:
    assert slices.pod_of(root, slices.pod_slice(root, qos, UID)) == UID.replace("-", "_")
    for other in (
        slices.qos_slice(root, qos),
        slices.pod_slice(f"{root}-x", qos, UID),
        slices.pod_slice(f"x{root}", qos, UID),
        f"{root}-{UID}.scope",
        f"{root}-pod.slice",
        f"{root}-podu-below.slice",
        slices.pod_slice(root, qos, UID).removesuffix(".slice") + ".scope",
    ):
        assert slices.pod_of(root, other) is None


@pytest.mark.parametrize(
    ("root", "is_name"),
    [("hostpod", True), ("a-b-c", True), ("a.b_c", True), ("a-", False), ("a--b", False), ("-a", False), ("", False)],
)
def test_dashes_of_a_root_nest_slices(root: str, is_name: bool) -> None:
    assert slices.is_slice_name(root) is is_name


@pytest.mark.parametrize(
    ("root", "above", "name"),
    [
        ("hostpod-podman", "hostpod", "hostpod-podman.slice"),
        ("hostpod-podman-x", "hostpod", "hostpod-podman.slice"),
        ("hostpod-burstable", "hostpod", "hostpod-burstable.slice"),
        ("a-b-besteffort-c", "a-b", "a-b-besteffort.slice"),
        ("hostpod-monitors", "hostpod", "hostpod-monitors.slice"),
    ],
)
def test_no_root_is_what_another_one_takes_for_its_own(root: str, above: str, name: str) -> None:
    refusal = slices.root_refusal(root)
    assert refusal == f'must be another name: hostpod with cgroups.root "{above}" takes {name} for a slice of its own'


@pytest.mark.parametrize(
    "root", ["hostpod", "hostpod-test-1", "podman", "a.b_c", "hostpod-pod", "burstable", "x-mypod"]
)
def test_other_roots_are_fine(root: str) -> None:
    assert slices.root_refusal(root) is None


def test_limits_on_v2() -> None:
    limits = Limits(cpu_shares=1024, cpu_quota_us=150_000, memory_limit_bytes=64 << 20, pids_limit=100)
    assert slices.limit_properties(limits, v2=True) == {
        "CPUWeight": ("t", 39),
        "CPUQuotaPerSecUSec": ("t", 1_500_000),
        "MemoryMax": ("t", 64 << 20),
        "TasksMax": ("t", 100),
    }


def test_limits_on_v1_have_v1_s_names_and_units() -> None:
    limits = Limits(cpu_shares=1024, memory_limit_bytes=64 << 20)
    found = slices.limit_properties(limits, v2=False)
    assert found["CPUShares"] == ("t", 1024)
    assert found["MemoryLimit"] == ("t", 64 << 20)
    assert not {"CPUWeight", "MemoryMax"} & set(found)


def test_without_limits_systemd_s_own_do_not_hold() -> None:
    found = slices.limit_properties(Limits(), v2=True)
    unlimited = {name for name, value in found.items() if value == ("t", slices.INFINITY)}
    assert unlimited == {"CPUQuotaPerSecUSec", "MemoryMax", "TasksMax"}


@pytest.mark.parametrize(("quota_us", "per_s"), [(1000, 10_000), (1001, 20_000), (33_333, 340_000), (50_000, 500_000)])
def test_a_pod_s_quota_is_whole_percents_and_never_below_its_containers(quota_us: int, per_s: int) -> None:
    found = slices.limit_properties(replace(Limits(), cpu_quota_us=quota_us), v2=True)
    assert found["CPUQuotaPerSecUSec"] == ("t", per_s)
    assert per_s >= quota_us * 10


def test_a_description_with_quotes_is_one_text_of_gvariant() -> None:
    found = slices.scope_annotations(r"it's c:\x")
    assert found["org.systemd.property.Description"] == r"'it\'s c:\\x'"


def test_nothing_of_a_pod_is_stopped_by_systemd_at_the_host_s_shutdown_before_hostpod_ends_it() -> None:
    for properties in (slices.described("x"), slices.monitor_properties(7, slice_name="a.slice", description="x")):
        assert properties["DefaultDependencies"] == ("b", False)

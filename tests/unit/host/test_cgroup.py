"""The control files are plain files here; what a real kernel does with them is for the integration tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hostpod.host.cgroup import CgroupError, Cgroups, PodCgroup
from hostpod.host.cgroup_files import LimitsV2, weight_of_shares
from hostpod.host.cgroup_layout import Layout


@dataclass(frozen=True)
class Limits:
    cpu_shares: int = 512
    cpu_quota_us: int | None = 50_000
    memory_limit_bytes: int | None = 1 << 20
    pids_limit: int | None = 10
    huge_pages: Mapping[str, int] = field(default_factory=dict)


@pytest.fixture
def v1(tmp_path: Path) -> Cgroups:
    controllers = {name: tmp_path / name for name in ("cpu", "memory", "pids", "devices")}
    for path in controllers.values():
        path.mkdir()
    return Cgroups("hostpod", Layout(version="v1", controllers=controllers))


@pytest.fixture
def v2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cgroups:
    """The kernel makes the files of a new cgroup; so does this `make`."""
    made = LimitsV2.make

    def make(self: LimitsV2, path: str) -> None:
        directory = tmp_path / path.lstrip("/")
        directory.mkdir()
        _fill(directory)
        made(self, path)

    monkeypatch.setattr(LimitsV2, "make", make)
    _fill(tmp_path)
    return Cgroups("hostpod", Layout(version="v2", unified=tmp_path))


def _fill(directory: Path) -> None:
    (directory / "cgroup.controllers").write_text("cpu memory pids\n")
    (directory / "cgroup.subtree_control").write_text("\n")


def test_a_pod_lies_below_the_parent_of_its_class(v1: Cgroups) -> None:
    assert v1.pod_path("Guaranteed", "u1") == "/hostpod/podu1"
    assert v1.pod_path("Burstable", "u1") == "/hostpod/burstable/podu1"
    assert v1.pod_path("BestEffort", "u1") == "/hostpod/besteffort/podu1"


def test_limits_on_v1(v1: Cgroups, tmp_path: Path) -> None:
    path = v1.pod_path("Burstable", "u1")
    v1.create_pod(path, Limits())
    v1.create_pod(path, Limits())
    below = "hostpod/burstable/podu1"
    assert (tmp_path / "cpu" / below / "cpu.shares").read_text() == "512"
    assert (tmp_path / "cpu" / below / "cpu.cfs_quota_us").read_text() == "50000"
    assert (tmp_path / "memory" / below / "memory.limit_in_bytes").read_text() == "1048576"
    assert (tmp_path / "pids" / below / "pids.max").read_text() == "10"
    assert not (tmp_path / "devices" / "hostpod").exists()
    assert (tmp_path / "cpu" / "hostpod" / "besteffort" / "cpu.shares").read_text() == "2"


def test_limits_on_v2(v2: Cgroups, tmp_path: Path) -> None:
    v2.create_pod(v2.pod_path("Guaranteed", "u1"), Limits())
    pod = tmp_path / "hostpod" / "podu1"
    assert (pod / "cpu.weight").read_text() == "20"
    assert (pod / "cpu.max").read_text() == "50000 100000"
    assert (pod / "memory.max").read_text() == "1048576"
    assert (pod / "pids.max").read_text() == "10"
    for directory in (tmp_path, tmp_path / "hostpod", tmp_path / "hostpod" / "burstable", pod):
        assert (directory / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"


def test_without_limits_only_the_weight_is_set(v1: Cgroups, v2: Cgroups, tmp_path: Path) -> None:
    limits = Limits(cpu_quota_us=None, memory_limit_bytes=None, pids_limit=None)
    for cgroups in (v1, v2):
        cgroups.create_pod("/hostpod/podu1", limits)
    assert [p.name for p in (tmp_path / "memory" / "hostpod" / "podu1").iterdir()] == []
    assert not (tmp_path / "hostpod" / "podu1" / "memory.max").exists()


def test_v2_without_a_controller_is_served_without_it(v2: Cgroups, tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("pids\n")
    v2.create_pod("/hostpod/podu1", Limits())
    assert v2.controllers == {"pids"}
    limits = {path.name for path in (tmp_path / "hostpod" / "podu1").iterdir() if not path.name.startswith("cgroup.")}
    assert limits == {"pids.max"}


def test_a_host_without_a_controller_is_served_without_it(tmp_path: Path) -> None:
    (tmp_path / "freezer").mkdir()
    cgroups = Cgroups("hostpod", Layout(version="v1", controllers={"freezer": tmp_path / "freezer"}))
    cgroups.create_pod("/hostpod/podu1", Limits())
    assert cgroups.oom_kills("/hostpod/podu1") == 0
    assert cgroups.controllers == {"freezer"}


def test_removal_takes_what_lies_below_in_every_hierarchy(v1: Cgroups, tmp_path: Path) -> None:
    path = v1.pod_path("Burstable", "u1")
    for name in ("cpu", "devices"):
        (tmp_path / name / path.lstrip("/") / "container" / "nested").mkdir(parents=True)
    v1.remove_pod(path)
    v1.remove_pod(path)
    assert not (tmp_path / "devices" / path.lstrip("/")).exists()
    assert (tmp_path / "cpu" / "hostpod" / "burstable").exists()


def test_a_removal_that_is_held_up_says_by_whom(v1: Cgroups, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hostpod.host.cgroup.REMOVAL_DEADLINE_S", 0.01)
    pod = tmp_path / "cpu" / "hostpod" / "podu1"
    pod.mkdir(parents=True)
    (pod / "cgroup.procs").write_text("4294967295\n")
    with pytest.raises(CgroupError, match=r"cannot remove cgroup /hostpod/podu1: processes \[4294967295\] are in it"):
        v1.remove_pod("/hostpod/podu1")


def test_pods_are_found_in_any_hierarchy(v1: Cgroups, tmp_path: Path) -> None:
    (tmp_path / "devices" / "hostpod" / "burstable" / "poda").mkdir(parents=True)
    (tmp_path / "cpu" / "hostpod" / "podb").mkdir(parents=True)
    (tmp_path / "cpu" / "hostpod" / "other").mkdir(parents=True)
    assert set(v1.list_pods()) == {
        PodCgroup(uid="a", path="/hostpod/burstable/poda"),
        PodCgroup(uid="b", path="/hostpod/podb"),
    }


def test_kills_for_memory_are_counted(v1: Cgroups, v2: Cgroups, tmp_path: Path) -> None:
    for directory, name, text in (
        (tmp_path / "memory" / "c1", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
        (tmp_path / "c1", "memory.events", "low 0\nhigh 0\nmax 3\noom 3\noom_kill 1\noom_group_kill 0\n"),
    ):
        directory.mkdir()
        (directory / name).write_text(text)
    assert v1.oom_kills("/c1") == 2
    assert v2.oom_kills("/c1") == 1
    assert v1.oom_kills("/gone") == v2.oom_kills("/gone") == 0


def test_v2_kills_in_one_go(v2: Cgroups, tmp_path: Path) -> None:
    (tmp_path / "c1").mkdir()
    v2.kill_all("/c1")
    assert (tmp_path / "c1" / "cgroup.kill").read_text() == "1"
    v2.kill_all("/gone")


def test_root_and_parents_go_when_they_are_empty(v1: Cgroups, tmp_path: Path) -> None:
    for name in ("memory", "pids"):
        (tmp_path / name / "hostpod" / "burstable").mkdir(parents=True)
    (tmp_path / "pids" / "hostpod" / "podu1").mkdir()
    v1.close()
    assert not (tmp_path / "memory" / "hostpod").exists()
    assert (tmp_path / "pids" / "hostpod" / "podu1").exists()


def test_what_cannot_be_made_is_said(tmp_path: Path) -> None:
    cgroups = Cgroups("hostpod", Layout(version="v2", unified=tmp_path / "nowhere"))
    with pytest.raises(CgroupError, match="cannot make cgroup /hostpod: no such file or directory"):
        cgroups.open()
    with pytest.raises(CgroupError, match="cannot make cgroup"):
        cgroups.create_pod("/hostpod/podu1", Limits())


@pytest.mark.parametrize(("shares", "weight"), [(0, 1), (2, 1), (1024, 39), (262144, 10000), (10**9, 10000)])
def test_shares_become_a_weight(shares: int, weight: int) -> None:
    assert weight_of_shares(shares) == weight


def test_huge_pages_on_v1(tmp_path: Path) -> None:
    for name in ("memory", "hugetlb"):
        (tmp_path / name / "hostpod").mkdir(parents=True)
    tree = Cgroups("hostpod", Layout(version="v1", controllers={n: tmp_path / n for n in ("memory", "hugetlb")}))
    tree.create_pod("/hostpod/podu1", Limits(huge_pages={"2MB": 4 << 20}))
    limit = tmp_path / "hugetlb/hostpod/podu1/hugetlb.2MB.limit_in_bytes"
    assert limit.read_text() == str(4 << 20)


def test_huge_pages_on_v2_where_nobody_hands_the_controller_down(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "a.slice", tmp_path / "a.slice/a-pod.slice"):
        directory.mkdir(exist_ok=True)
        (directory / "cgroup.controllers").write_text("memory hugetlb\n")
        (directory / "cgroup.subtree_control").write_text("memory\n")
    tree = Cgroups("hostpod", Layout(version="v2", unified=tmp_path))
    tree.limit_huge_pages("/a.slice/a-pod.slice", {"2MB": 4 << 20})
    assert (tmp_path / "a.slice/cgroup.subtree_control").read_text() == "+hugetlb"
    assert (tmp_path / "a.slice/a-pod.slice/hugetlb.2MB.max").read_text() == str(4 << 20)
    assert (tmp_path / "a.slice/a-pod.slice/cgroup.subtree_control").read_text() == "memory\n"


def test_huge_pages_without_a_controller_are_left(v1: Cgroups, v2: Cgroups) -> None:
    for tree in (v1, v2):
        tree.limit_huge_pages("/hostpod/podu1", {"2MB": 1})

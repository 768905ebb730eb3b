from __future__ import annotations

import resource
from pathlib import Path

import pytest

from hostpod.host.privileges import Privileges, allow_many_descriptors, find_privileges, swap_bytes


def _all(capabilities: str) -> str:
    return "".join(f"Cap{kind}:\t{capabilities}\n" for kind in ("Eff", "Prm", "Bnd"))


@pytest.mark.parametrize(("capabilities", "may"), [("000001ffffffffff", True), ("000001fffeffffff", False)])
def test_the_kernel_says_whether_limits_may_be_raised(tmp_path: Path, capabilities: str, may: bool) -> None:
    (tmp_path / "status").write_text(f"Name:\thostpod\nodd line\n{_all(capabilities)}")
    (tmp_path / "oom_score_adj").write_text("-500\n")
    found = find_privileges(cgroup_v2=True, controllers=frozenset({"cpu"}), proc=tmp_path)
    assert (found.may_raise_limits, found.oom_score_adj, found.cgroup_v2) == (may, -500, True)
    assert found.controllers == {"cpu"}
    assert found.capability_mask == int(capabilities, 16)
    assert found.hard_limits["RLIMIT_NOFILE"] > 0
    assert found.memory_bytes > 1 << 20


def test_this_process_has_privileges_too() -> None:
    assert find_privileges(cgroup_v2=False).hard_limits


def test_what_may_not_be_raised_is_clamped() -> None:
    bound = Privileges(may_raise_limits=False, oom_score_adj=0, hard_limits={"RLIMIT_NOFILE": 4096})
    assert bound.allowed_oom_score_adj(-997) == 0
    assert bound.allowed_oom_score_adj(1000) == 1000
    assert bound.allowed_limit("RLIMIT_NOFILE", 1 << 20) == 4096
    assert bound.allowed_limit("RLIMIT_NOFILE", 1024) == 1024
    assert bound.allowed_limit("RLIMIT_OTHER", 1 << 20) == 1 << 20


def test_who_may_gets_what_is_wanted() -> None:
    free = Privileges(hard_limits={"RLIMIT_NOFILE": 4096})
    assert free.allowed_oom_score_adj(-997) == -997
    assert free.allowed_limit("RLIMIT_NOFILE", 1 << 20) == 1 << 20


def test_as_many_files_may_be_open_as_the_hard_limit_says() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, before[1]), before[1]))
    try:
        allow_many_descriptors()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_swap_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  10 kB\nSwapTotal:  2048 kB\n")
    (tmp_path / "cmdline").write_text("root=/dev/vda quiet\n")
    assert swap_bytes(tmp_path) == 2 << 20
    (tmp_path / "cmdline").write_text("root=/dev/vda swapaccount=0\n")
    assert swap_bytes(tmp_path) == 0

from __future__ import annotations

from pathlib import Path

from hostpod.host.cgroup_layout import cgroup_layout
from hostpod.host.mountinfo import parse_mountinfo

V1 = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
34 31 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/systemd/agent,name=systemd
99 31 0:30 / /srv/root/sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
"""
HYBRID = V1 + "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate\n"
V2 = """\
28 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
99 27 0:26 / /srv/root/sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate
"""


def test_v1_has_a_hierarchy_for_each_controller() -> None:
    layout = cgroup_layout(parse_mountinfo(V1))
    assert layout is not None
    assert (layout.version, layout.unified) == ("v1", None)
    assert layout.of("cpuacct") == layout.of("cpu") == Path("/sys/fs/cgroup/cpu,cpuacct")
    assert layout.of("memory") == Path("/sys/fs/cgroup/memory"), "the first mount, not the copy in a build root"
    assert layout.of("pids") is None
    assert [path.name for path in layout.hierarchies] == ["cpu,cpuacct", "memory", "systemd"]


def test_hybrid_limits_by_v1_and_has_the_unified_hierarchy_too() -> None:
    layout = cgroup_layout(parse_mountinfo(HYBRID))
    assert layout is not None
    assert layout.version == "hybrid"
    assert layout.of("memory") == Path("/sys/fs/cgroup/memory")
    assert layout.hierarchies[-1] == Path("/sys/fs/cgroup/unified")


def test_v2_is_one_hierarchy_for_all() -> None:
    layout = cgroup_layout(parse_mountinfo(V2))
    assert layout is not None
    assert layout.version == "v2"
    assert layout.of("memory") == layout.of("cpu") == Path("/sys/fs/cgroup")
    assert layout.hierarchies == (Path("/sys/fs/cgroup"),)


def test_no_cgroups_is_no_layout() -> None:
    assert cgroup_layout(parse_mountinfo("22 27 0:21 / /proc rw - proc proc rw\n")) is None

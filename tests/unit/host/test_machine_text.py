from __future__ import annotations

import pytest

from hostpod.host.machine_text import (
    cache_bytes,
    chosen,
    counted_file_systems,
    cpu_field,
    cpu_frequency_khz,
    is_real_disk,
    is_real_link,
    keyed_kib,
    number_list,
)
from hostpod.host.mountinfo import parse_mountinfo

CPUINFO = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu MHz\t\t: 2445.426\n\nprocessor\t: 1\ncpu MHz\t\t: 2000.5\n"
MOUNTS = """\
22 1 254:0 / / rw shared:1 - ext4 /dev/vda rw
23 22 254:0 /sub /mnt rw - ext4 /dev/vda rw
24 22 0:5 / /dev/shm rw - tmpfs tmpfs rw
25 22 0:6 /part /part rw - tmpfs tmpfs rw
26 22 0:7 / /proc rw - proc proc rw
27 22 7:1 / /layer ro - squashfs /dev/loop1 ro
"""


def test_memory_of_the_machine_and_of_a_node() -> None:
    assert keyed_kib("MemTotal:       1024 kB\nHugePages_Total:       3\njunk\n") == {
        "MemTotal": 1024 * 1024,
        "HugePages_Total": 3,
    }
    assert keyed_kib("Node 0 MemTotal:       2 kB\n") == {"MemTotal": 2048}


def test_processors() -> None:
    assert cpu_field(CPUINFO, "vendor_id") == ["AuthenticAMD"]
    assert len(cpu_field(CPUINFO, "processor")) == 2


def test_the_clock_is_the_highest_that_is_known() -> None:
    assert cpu_frequency_khz(CPUINFO, ["3600000\n", "3700000\n"]) == 3_700_000
    assert cpu_frequency_khz(CPUINFO, ["", ""]) == 2_445_426
    assert cpu_frequency_khz("", []) == 0


@pytest.mark.parametrize(
    ("text", "numbers"), [("0-1\n", [0, 1]), ("0,2-4", [0, 2, 3, 4]), ("7", [7]), ("", []), ("\n", [])]
)
def test_lists_of_numbers(text: str, numbers: list[int]) -> None:
    assert number_list(text) == numbers


@pytest.mark.parametrize(("text", "size"), [("512K\n", 524288), ("32M", 33554432), ("64", 64), ("", 0)])
def test_sizes_of_caches(text: str, size: int) -> None:
    assert cache_bytes(text) == size


def test_the_scheduler_in_brackets() -> None:
    assert chosen("none [mq-deadline] bfq\n") == "mq-deadline"
    assert chosen("") == "none"


def test_file_systems_with_a_disk_once_and_memory_ones_by_place() -> None:
    assert counted_file_systems(parse_mountinfo(MOUNTS)) == [("/dev/shm", "/dev/shm"), ("/dev/vda", "/")]


def test_what_is_the_machines_own() -> None:
    assert [name for name in ("sda", "nvme0n1", "loop3", "ram0") if is_real_disk(name)] == ["sda", "nvme0n1"]
    assert [name for name in ("eth0", "lo", "veth1", "hostpod0") if is_real_link(name)] == ["eth0", "hostpod0"]

from __future__ import annotations

from pathlib import Path

import pytest

from hostpod.host.machine import machine_info

FILES = {
    "proc/cpuinfo": "processor\t: 0\nvendor_id\t: GenuineIntel\n\nprocessor\t: 1\n",
    "proc/meminfo": "MemTotal: 2048 kB\nSwapTotal: 0 kB\n",
    "proc/sys/kernel/random/boot_id": "boot\n",
    "proc/self/mountinfo": "22 1 254:0 / / rw - ext4 /dev/vda rw\n23 1 254:1 / /gone rw - xfs /dev/vdb rw\n",
    "etc/machine-id": "machine\n",
    "sys/class/dmi/id/product_uuid": "SYSTEM\n",
    "sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "5\n",
    "sys/devices/system/cpu/online": "0-1\n",
    "sys/devices/system/cpu/cpu0/topology/core_id": "0\n",
    "sys/devices/system/cpu/cpu0/topology/physical_package_id": "0\n",
    "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "3000000\n",
    "sys/devices/system/cpu/cpu0/cache/index0/level": "1\n",
    "sys/devices/system/cpu/cpu0/cache/index0/size": "32K\n",
    "sys/devices/system/cpu/cpu0/cache/index0/type": "Data\n",
    "sys/devices/system/cpu/cpu0/cache/index3/level": "3\n",
    "sys/devices/system/cpu/cpu0/cache/index3/size": "8M\n",
    "sys/devices/system/cpu/cpu0/cache/index3/type": "Unified\n",
    "sys/devices/system/cpu/cpu1/topology/core_id": "0\n",
    "sys/devices/system/cpu/cpu1/topology/physical_package_id": "0\n",
    "sys/devices/system/node/node0/cpulist": "0-1\n",
    "sys/devices/system/node/node0/meminfo": "Node 0 MemTotal: 1024 kB\n",
    "sys/devices/system/node/node0/distance": "10\n",
    "sys/block/vda/dev": "254:0\n",
    "sys/block/vda/size": "100\n",
    "sys/block/vda/queue/scheduler": "[none] bfq\n",
    "sys/block/loop0/dev": "7:0\n",
    "sys/class/net/eth0/address": "02:00:00:00:00:01\n",
    "sys/class/net/eth0/mtu": "1500\n",
    "sys/class/net/eth0/speed": "-1\n",
    "sys/class/net/lo/mtu": "65536\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_machine_in_cadvisors_shape(root: Path) -> None:
    info = machine_info(root)
    del info["timestamp"]
    (file_system,) = info.pop("filesystems")
    assert (file_system["device"], file_system["type"]) == ("/dev/vda", "vfs")
    assert file_system["capacity"] > 0
    assert info == {
        "vendor_id": "GenuineIntel",
        "num_cores": 2,
        "num_physical_cores": 1,
        "num_sockets": 1,
        "cpu_frequency_khz": 3_000_000,
        "memory_capacity": 2048 * 1024,
        "swap_capacity": 0,
        "memory_by_type": {},
        "nvm": {"memory_mode_capacity": 0, "app direct_mode_capacity": 0, "avg_power_budget": 0},
        "hugepages": [{"page_size": 2048, "num_pages": 5}],
        "machine_id": "machine",
        "system_uuid": "SYSTEM",
        "boot_id": "boot",
        "disk_map": {"254:0": {"name": "vda", "major": 254, "minor": 0, "size": 51200, "scheduler": "none"}},
        "network_devices": [{"name": "eth0", "mac_address": "02:00:00:00:00:01", "speed": -1, "mtu": 1500}],
        "topology": [
            {
                "node_id": 0,
                "memory": 1024 * 1024,
                "hugepages": [],
                "distances": [10],
                "cores": [
                    {
                        "core_id": 0,
                        "thread_ids": [0, 1],
                        "caches": [{"id": 0, "size": 32768, "type": "Data", "level": 1}],
                        "uncore_caches": [{"id": 0, "size": 8388608, "type": "Unified", "level": 3}],
                        "socket_id": 0,
                    }
                ],
                "caches": None,
            }
        ],
        "cloud_provider": "Unknown",
        "instance_type": "Unknown",
        "instance_id": "None",
    }


def test_a_machine_that_tells_nothing(tmp_path: Path) -> None:
    info = machine_info(tmp_path)
    assert (info["num_cores"], info["memory_capacity"], info["cpu_frequency_khz"]) == (0, 0, 0)
    assert info["topology"][0]["cores"] == []
    assert info["filesystems"] == []


def test_this_machine() -> None:
    info = machine_info()
    assert info["num_cores"] > 0
    assert info["memory_capacity"] > 0
    assert sum(len(core["thread_ids"]) for node in info["topology"] for core in node["cores"]) == info["num_cores"]

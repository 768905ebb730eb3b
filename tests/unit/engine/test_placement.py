from __future__ import annotations

from hostpod.config import parse_config
from hostpod.engine.room import room_of
from hostpod.host.privileges import Privileges
from hostpod.plan.admission import Room
from hostpod.plan.host_ports import HostPort

HOST = Privileges(memory_bytes=4 << 30, cpus=4)
NO_DISK = {"ephemeral-storage": 0}
OWN_PORTS = (HostPort(port=10255, protocol="TCP", address="127.0.0.1"),)


def room(settings: str, *, disk_bytes: int = 0, pages: dict[int, int] | None = None, host: Privileges = HOST) -> Room:
    return room_of(parse_config(settings, file="f"), host, disk_bytes=disk_bytes, pages=pages or {})


def plain(pods: int, cpu_milli: int, memory_bytes: int) -> Room:
    return Room(
        pods=pods,
        cpu_milli=cpu_milli,
        memory_bytes=memory_bytes,
        others=NO_DISK,
        huge_pages=False,
        own_ports=OWN_PORTS,
    )


def test_pods_have_what_is_not_reserved_and_need_not_be_left() -> None:
    settings = "maxPods: 9\nreserved: {cpu: 1500m, memory: 1Gi}\neviction: {memoryAvailable: 1Gi}\n"
    assert room(settings) == plain(9, 2500, 2 << 30)
    assert room("{}") == plain(110, 4000, (4 << 30) - (100 << 20))


def test_hostpod_listens_on_no_port_where_that_is_switched_off() -> None:
    assert room("http: {readOnlyPort: 0}\n").own_ports == ()


def test_where_more_is_reserved_than_there_is_nothing_is_left() -> None:
    assert room("reserved: {cpu: 9, memory: 9Gi}\n") == plain(110, 0, 0)


def test_disk_huge_pages_and_devices() -> None:
    settings = (
        "eviction: {memoryAvailable: 0, nodefsAvailable: 10%}\n"
        "devices: [{resource: example.com/serial, paths: [/dev/ttyS0], count: 3}]\n"
    )
    host = Privileges(memory_bytes=4 << 30, cpus=4, controllers=frozenset({"hugetlb"}))
    found = room(settings, disk_bytes=1000, pages={2 << 20: 1 << 30, 1 << 30: 0}, host=host)
    assert found == Room(
        pods=110,
        cpu_milli=4000,
        memory_bytes=3 << 30,
        others={"ephemeral-storage": 900, "hugepages-2Mi": 1 << 30, "hugepages-1Gi": 0},
        devices={"example.com/serial": 3},
        own_ports=OWN_PORTS,
    )

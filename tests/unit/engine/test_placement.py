from __future__ import annotations

from hostpod.config import parse_config
from hostpod.engine.room import room_of
from hostpod.host.privileges import Privileges
from hostpod.plan.admission import Room
from hostpod.plan.host_ports import HostPort

HOST = Privileges(memory_bytes=4 << 30, cpus=4)
OWN_PORTS = (HostPort(port=10255, protocol="TCP", address="127.0.0.1"),)


def test_pods_have_what_is_not_reserved_and_need_not_be_left() -> None:
    settings = (
        "http: {readOnlyPort: 0}\nmaxPods: 9\nreserved: {cpu: 1500m, memory: 1Gi}\neviction: {memoryAvailable: 1Gi}\n"
    )
    assert room_of(parse_config(settings, file="f"), HOST) == Room(pods=9, cpu_milli=2500, memory_bytes=2 << 30)
    assert room_of(parse_config("{}", file="f"), HOST) == Room(
        pods=110, cpu_milli=4000, memory_bytes=(4 << 30) - (100 << 20), own_ports=OWN_PORTS
    )


def test_where_more_is_reserved_than_there_is_nothing_is_left() -> None:
    settings = "reserved: {cpu: 9, memory: 9Gi}\n"
    assert room_of(parse_config(settings, file="f"), HOST) == Room(
        pods=110, cpu_milli=0, memory_bytes=0, own_ports=OWN_PORTS
    )

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.rules.pods import container_problems, problems


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        (
            [
                {"containerPort": 1},
                {"containerPort": 65535, "hostPort": 65535, "protocol": "SCTP", "hostIP": "192.0.2.1"},
            ],
            [],
        ),
        (
            [{"containerPort": 1, "hostPort": 1, "hostIP": "::1"}],
            ["ports[0].hostIP: is not supported by this version, host ports are of IPv4 alone: remove it"],
        ),
        ([{"containerPort": 0}], ["ports[0].containerPort: 0 is out of range, must be between 1 and 65535"]),
        ([{"containerPort": 65536}], ["ports[0].containerPort: 65536 is out of range, must be between 1 and 65535"]),
        ([{"containerPort": 80, "hostPort": 0}], []),
        (
            [{"containerPort": 80, "hostPort": -1}],
            ["ports[0].hostPort: -1 is out of range, must be between 1 and 65535"],
        ),
        (
            [{"containerPort": 80, "protocol": "ICMP"}],
            ['ports[0].protocol: "ICMP" is not known, write "TCP", "UDP" or "SCTP"'],
        ),
        (
            [{"containerPort": 80, "hostIP": "here"}],
            ['ports[0].hostIP: "here" must be an IP address, like 10.9.8.7 or 2001:db8::1 (no leading zeros)'],
        ),
        (
            [{"containerPort": 80, "name": "80"}],
            [
                (
                    'ports[0].name: "80" must be a port name: lower case letters, digits and single "-" between them, '
                    "a letter at least, 15 at most"
                )
            ],
        ),
        (
            [{"containerPort": 80, "name": "http"}, {"containerPort": 81, "name": "http"}],
            ['ports[1].name: "http" is the name of another port of this container, take another'],
        ),
        (
            [
                {"containerPort": 80, "hostPort": 80, "protocol": "TCP"},
                {"containerPort": 81, "hostPort": 80, "protocol": "UDP"},
            ],
            [],
        ),
        (
            [
                {"containerPort": 80, "hostPort": 80, "protocol": "TCP"},
                {"containerPort": 81, "hostPort": 80, "protocol": "TCP"},
            ],
            ['ports[1].hostPort: "80/TCP" is taken by another port of this pod'],
        ),
    ],
)
def test_ports_of_a_container(ports: list[dict[str, Any]], expected: list[str]) -> None:
    assert container_problems(ports=ports) == expected


def test_containers_share_the_hosts_ports() -> None:
    taken = {"containerPort": 1, "hostPort": 80, "hostIP": "127.0.0.1", "protocol": "TCP"}
    containers = [{"name": name, "image": "a", "ports": [taken]} for name in ("a", "b")]
    assert problems(spec={"containers": containers}) == [
        'spec.containers[1].ports[0].hostPort: "80/TCP 127.0.0.1" is taken by another port of this pod'
    ]


def test_init_containers_run_one_by_one_so_each_has_all_ports() -> None:
    port = {"containerPort": 1, "hostPort": 80, "protocol": "TCP"}
    containers = [{"name": name, "image": "a", "ports": [port]} for name in ("a", "b")]
    assert problems(spec={"initContainers": containers}) == []


def test_in_the_hosts_network_a_port_is_the_hosts() -> None:
    ports = [{"containerPort": 80}, {"containerPort": 81, "hostPort": 81}, {"containerPort": 82, "hostPort": 8082}]
    assert container_problems({"hostNetwork": True}, ports=ports) == [
        "ports[2].hostPort: must be containerPort (82) or left away, hostNetwork is true"
    ]

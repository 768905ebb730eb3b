from __future__ import annotations

import pytest

from hostpod.kube import Pod
from hostpod.plan.host_ports import host_ports, is_anywhere, published_ports

PORTS = [{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}]


def a_pod(*, host_network: bool) -> Pod:
    def container(name: str, port: int, **fields: str) -> dict[str, object]:
        return {"name": name, "image": "img", "ports": [{"containerPort": port, "hostPort": port}], **fields}

    return Pod.model_validate(
        {
            "metadata": {"name": "web"},
            "spec": {
                "hostNetwork": host_network,
                "initContainers": [container("first", 1), container("beside", 2, restartPolicy="Always")],
                "containers": [{"name": "web", "image": "img", "ports": PORTS}],
            },
        }
    )


def test_what_runs_while_the_pod_does_has_its_ports_led_to_it() -> None:
    assert [port.host_port for port in published_ports(a_pod(host_network=False))] == [2, 8080]
    assert {port.port for port in host_ports(a_pod(host_network=False))} == {2, 8080}


def test_on_the_hosts_network_nothing_is_led_and_every_port_is_taken() -> None:
    assert published_ports(a_pod(host_network=True)) == ()
    assert {port.port for port in host_ports(a_pod(host_network=True))} == {2, 81, 8080}


@pytest.mark.parametrize(("address", "anywhere"), [(None, True), ("", True), ("0.0.0.0", True), ("::", True)])
def test_addresses_that_mean_all(address: str | None, *, anywhere: bool) -> None:
    assert is_anywhere(address) == anywhere
    assert not is_anywhere("127.0.0.1")

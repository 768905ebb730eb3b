from __future__ import annotations

from typing import Any

import pytest

from hostpod.cli.field_values import field_value, resource_value

POD: dict[str, Any] = {
    "metadata": {"name": "web-host", "namespace": "default", "uid": "u1", "labels": {"app.example/x": "web"}},
    "spec": {"nodeName": "host"},
    "status": {"podIP": "10.85.0.2", "podIPs": [{"ip": "10.85.0.2"}, {"ip": "fd00::2"}]},
}
CONTAINER = {"resources": {"limits": {"memory": "64Mi", "cpu": "1500m"}, "requests": {"cpu": "250m"}}}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web-host"),
        ("metadata.labels['app.example/x']", "web"),
        ("metadata.annotations['none']", ""),
        ("spec.nodeName", "host"),
        ("status.podIP", "10.85.0.2"),
        ("status.podIPs", "10.85.0.2,fd00::2"),
        ("status.hostIP", ""),
        ("status.nothing", ""),
    ],
)
def test_fields(path: str, value: str) -> None:
    assert field_value(POD, path) == value


@pytest.mark.parametrize(
    ("resource", "divisor", "value"),
    [
        ("limits.memory", "0", "67108864"),
        ("limits.memory", "1Mi", "64"),
        ("limits.cpu", None, "2"),
        ("limits.cpu", "1m", "1500"),
        ("requests.cpu", "0", "1"),
        ("requests.memory", "0", "0"),
    ],
)
def test_resources_in_units_of_the_divisor_rounded_up(resource: str, divisor: str | None, value: str) -> None:
    reference = {"resource": resource, **({"divisor": divisor} if divisor else {})}
    assert resource_value(CONTAINER, reference) == value


def test_a_limit_that_is_not_there_is_the_nodes() -> None:
    assert resource_value({}, {"resource": "limits.cpu"}) == "node allocatable"

"""hostpod get volumes."""

from __future__ import annotations

import json

import pytest

from tests.unit.cli.conftest import Hostpod
from tests.unit.server.fake import Served

DATA = {"metadata": {"name": "data", "namespace": "default"}, "path": "/c/default/data", "usedBy": ["a", "b"]}
LOGS = {"metadata": {"name": "logs", "namespace": "prod"}, "path": "/c/prod/logs", "usedBy": []}


@pytest.fixture(autouse=True)
def items(served: Served) -> None:
    served.node.volume_items += [DATA, LOGS]


def test_a_table_of_a_namespace_or_of_all(hostpod: Hostpod) -> None:
    assert hostpod("get", "volumes").stdout.splitlines() == [
        "NAME   USED BY   PATH",
        "data   a,b       /c/default/data",
    ]
    assert hostpod("get", "pvc", "-A", "-o", "wide").stdout.splitlines() == [
        "NAMESPACE   NAME   USED BY   PATH              SIZE",
        "default     data   a,b       /c/default/data   1.5kB",
        "prod        logs   <none>    /c/prod/logs      1.5kB",
    ]
    assert hostpod("get", "volumes", "-n", "prod", "--no-headers").stdout.split() == ["logs", "<none>", "/c/prod/logs"]
    assert hostpod("get", "volumes", "-n", "none").stderr == "No resources found in none namespace.\n"


def test_one_as_it_is(hostpod: Hostpod) -> None:
    assert json.loads(hostpod("get", "volume/data", "-o", "json").stdout) == {
        **DATA,
        "apiVersion": "v1",
        "kind": "Volume",
    }
    assert hostpod("get", "volumes", "-A", "-o", "name").stdout.split() == ["volume/data", "volume/logs"]


def test_one_that_is_not_there(hostpod: Hostpod) -> None:
    asked = hostpod("get", "volumes", "data", "gone", "-o", "name")
    assert (asked.exit_code, asked.stdout) == (1, "volume/data\n")
    assert asked.stderr == 'Error from server (NotFound): volumes "gone" not found in namespace "default"\n'
    assert hostpod("get", "volumes", "gone").stdout == ""

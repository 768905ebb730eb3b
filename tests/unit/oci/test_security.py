from __future__ import annotations

from typing import Any

import pytest

from hostpod.kube import Container
from hostpod.oci import SpecError, capabilities
from hostpod.oci.defaults import CAPABILITIES
from hostpod.oci.security import KNOWN_CAPABILITIES

ALL = (1 << 41) - 1


def may(**context: Any) -> set[str]:
    container = Container.model_validate({"name": "c", "image": "i", "securityContext": context})
    return {name.removeprefix("CAP_") for name in capabilities(container, ALL)}


DEFAULT = {name.removeprefix("CAP_") for name in CAPABILITIES}
KNOWN = {name.removeprefix("CAP_") for name in KNOWN_CAPABILITIES}


@pytest.mark.parametrize(
    ("add", "drop", "has"),
    [
        ([], [], DEFAULT),
        (["NET_ADMIN"], [], DEFAULT | {"NET_ADMIN"}),
        (["cap_net_admin"], ["CAP_CHOWN"], (DEFAULT | {"NET_ADMIN"}) - {"CHOWN"}),
        ([], ["ALL"], set()),
        (["NET_BIND_SERVICE"], ["ALL"], {"NET_BIND_SERVICE"}),
        (["ALL"], [], KNOWN),
        (["all"], ["SYS_ADMIN"], KNOWN - {"SYS_ADMIN"}),
        (["NET_RAW"], ["NET_RAW"], DEFAULT),
    ],
)
def test_capabilities(add: list[str], drop: list[str], has: set[str]) -> None:
    assert may(capabilities={"add": add, "drop": drop}) == has


def test_who_is_privileged_has_all_that_the_host_has() -> None:
    container = Container.model_validate({"name": "c", "securityContext": {"privileged": True}})
    assert capabilities(container, (1 << 38) - 1) == KNOWN_CAPABILITIES[:38]
    assert capabilities(container, ALL) == KNOWN_CAPABILITIES
    assert capabilities(container, ALL & ~(1 << 16)) == tuple(c for c in KNOWN_CAPABILITIES if c != "CAP_SYS_MODULE")


@pytest.mark.parametrize("field", ["add", "drop"])
def test_a_capability_that_nobody_knows_is_said(field: str) -> None:
    with pytest.raises(SpecError, match=r'^this host has no capability "FLY" to give: see capabilities\(7\)$'):
        may(capabilities={field: ["FLY"]})


def test_numbers_are_those_of_the_kernel() -> None:
    assert [KNOWN_CAPABILITIES.index(f"CAP_{name}") for name in ("CHOWN", "SYS_ADMIN", "MKNOD", "BPF")] == [
        0,
        21,
        27,
        39,
    ]
    assert len(KNOWN_CAPABILITIES) == 41

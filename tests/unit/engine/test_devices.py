from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from hostpod.config import DeviceConfig
from hostpod.engine.devices import devices_of
from hostpod.kube import Container
from hostpod.oci import SpecError


def asking(amounts: dict[str, str], **more: Any) -> Container:
    return Container.model_validate({"name": "c", "image": "i", "resources": {"limits": amounts}, **more})


def setting(*paths: str, permissions: str = "rw") -> DeviceConfig:
    return DeviceConfig(resource="example.com/null", paths=tuple(map(Path, paths)), permissions=permissions)


def test_nodes_and_what_may_be_done_with_them() -> None:
    given = devices_of(asking({"example.com/null": "1", "cpu": "1"}), [setting("/dev/null", "/dev/zero")])
    assert [(each["path"], each["type"], each["major"], each["minor"]) for each in given.nodes] == [
        ("/dev/null", "c", 1, 3),
        ("/dev/zero", "c", 1, 5),
    ]
    assert given.permissions == {"/dev/null": "rw", "/dev/zero": "rw"}


def test_who_asks_for_none_gets_none() -> None:
    for container in (asking({}), asking({"example.com/null": "0"})):
        given = devices_of(container, [setting("/dev/null")])
        assert (given.nodes, given.permissions) == ((), {})


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(SpecError, match=r"device /dev/hp-gone of example.com/null is not on this host"):
        devices_of(asking({"example.com/null": "1"}), [setting("/dev/hp-gone")])
    with pytest.raises(SpecError, match=r"no device of this host is called example.com/null"):
        devices_of(asking({"example.com/null": "1"}), [])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")
def test_a_privileged_container_has_them_beside_all_others(tmp_path: Path) -> None:
    os.mknod(tmp_path / "own", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    container = asking({"example.com/null": "1"}, securityContext={"privileged": True})
    paths = [each["path"] for each in devices_of(container, [setting(str(tmp_path / "own"))]).nodes]
    assert f"{tmp_path}/own" in paths
    assert len(paths) == len(set(paths)) > 1

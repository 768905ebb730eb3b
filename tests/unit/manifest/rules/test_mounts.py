from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.rules.pods import container_problems

VOLUMES = {
    "volumes": [
        {"name": "data", "emptyDir": {}},
        {"name": "disk", "persistentVolumeClaim": {"claimName": "a"}},
        {"name": "disk2", "persistentVolumeClaim": {"claimName": "b"}},
    ]
}
MOUNT = {"name": "data", "mountPath": "/data"}


@pytest.mark.parametrize(
    ("mount", "expected"),
    [
        ({}, []),
        ({"subPath": "a/b", "mountPropagation": "HostToContainer", "readOnly": True}, []),
        ({"name": ""}, ["name: is missing, name one of spec.volumes"]),
        ({"name": "other"}, ['name: "other" is no volume of this pod, write one of spec.volumes']),
        ({"mountPath": ""}, ["mountPath: is missing, write a path in the container"]),
        ({"subPath": "/a"}, ['subPath: "/a" must be a relative path: take the leading "/" away']),
        ({"subPath": "a/../b"}, ['subPath: "a/../b" must be a path without ".."']),
        ({"subPathExpr": "../$(A)"}, ['subPathExpr: "../$(A)" must be a path without ".."']),
        (
            {"subPath": "a", "subPathExpr": "$(A)"},
            ['subPathExpr: stands beside "subPath", only one of them may be set'],
        ),
        (
            {"mountPropagation": "Both"},
            ['mountPropagation: "Both" is not known, write "None", "HostToContainer" or "Bidirectional"'],
        ),
        (
            {"mountPropagation": "Bidirectional"},
            [
                (
                    'mountPropagation: "Bidirectional" changes the host\'s mounts, '
                    "only a container with privileged: true may do so"
                )
            ],
        ),
        (
            {"recursiveReadOnly": "Maybe"},
            ['recursiveReadOnly: "Maybe" is not known, write "Disabled", "IfPossible" or "Enabled"'],
        ),
        ({"recursiveReadOnly": "Disabled"}, []),
        ({"recursiveReadOnly": "Enabled", "readOnly": True, "mountPropagation": "None"}, []),
        ({"recursiveReadOnly": "IfPossible"}, ["recursiveReadOnly: needs readOnly: true"]),
        (
            {"recursiveReadOnly": "Enabled", "readOnly": True, "mountPropagation": "HostToContainer"},
            ["recursiveReadOnly: needs mountPropagation: None"],
        ),
    ],
)
def test_mounts(mount: dict[str, Any], expected: list[str]) -> None:
    found = container_problems(VOLUMES, volumeMounts=[{**MOUNT, **mount}])
    assert found == [f"volumeMounts[0].{line}" for line in expected]


def test_a_privileged_container_may_change_the_hosts_mounts() -> None:
    mounts = [{**MOUNT, "mountPropagation": "Bidirectional"}]
    assert container_problems(VOLUMES, volumeMounts=mounts, securityContext={"privileged": True}) == []
    assert len(container_problems(VOLUMES, volumeMounts=mounts, securityContext={"privileged": False})) == 1


def test_each_mount_has_its_place() -> None:
    assert container_problems(VOLUMES, volumeMounts=[MOUNT, {"name": "disk", "mountPath": "/data"}]) == [
        'volumeMounts[1].mountPath: "/data" is the place of another mount of this container, take another'
    ]
    assert container_problems(VOLUMES, volumeMounts=[MOUNT, {"name": "data", "mountPath": "/more"}]) == []


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ([{"name": "disk", "devicePath": "/dev/a"}], []),
        (
            [{"name": "other", "devicePath": "/dev/a"}],
            ['[0].name: "other" is no volume of this pod, write one of spec.volumes'],
        ),
        ([{"name": "disk", "devicePath": ""}], ["[0].devicePath: is missing, write a path in the container"]),
        ([{"name": "disk", "devicePath": "/dev/../a"}], ['[0].devicePath: "/dev/../a" must be a path without ".."']),
        (
            [{"name": "plain", "devicePath": "/dev/a"}],
            ["[0].name: only a persistentVolumeClaim or ephemeral volume is a device"],
        ),
        (
            [{"name": "disk", "devicePath": "/dev/a"}, {"name": "disk", "devicePath": "/dev/a"}],
            [
                '[1].name: "disk" is used by another device of this container',
                '[1].devicePath: "/dev/a" is the place of another device of this container, take another',
            ],
        ),
        ([{"name": "data", "devicePath": "/dev/a"}], ['[0].name: "data" is in volumeMounts too, take one of both']),
        (
            [{"name": "disk", "devicePath": "/data"}],
            ["[0].devicePath: is the place of one of volumeMounts, take another"],
        ),
    ],
)
def test_devices(devices: list[dict[str, str]], expected: list[str]) -> None:
    volumes = {
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "c"}},
            {"name": "disk", "persistentVolumeClaim": {"claimName": "a"}},
            {"name": "plain", "emptyDir": {}},
        ]
    }
    found = container_problems(volumes, volumeMounts=[MOUNT], volumeDevices=devices)
    assert found == [f"volumeDevices{line}" for line in expected]

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.rules.pods import problems


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"os": {"name": "linux"}}, []),
        ({"os": {"name": "windows"}}, []),
        ({"os": {"name": "plan9"}}, ['os.name: "plan9" is not known, write "linux" or "windows"']),
        (
            {"hostPID": True, "shareProcessNamespace": True},
            ["shareProcessNamespace: contradicts hostPID: true, drop one of them"],
        ),
        ({"hostPID": True, "shareProcessNamespace": False}, []),
        ({"hostUsers": False}, []),
        (
            {"hostUsers": False, "hostNetwork": True, "hostPID": True, "hostIPC": True},
            [
                f"{name}: contradicts hostUsers: false, drop one of them"
                for name in ("hostNetwork", "hostPID", "hostIPC")
            ],
        ),
        ({"hostUsers": True, "hostNetwork": True}, []),
        ({"hostUsers": True, "securityContext": {"fsGroup": 70000}}, []),
        (
            {
                "hostUsers": False,
                "securityContext": {"fsGroup": 70000, "runAsUser": 65535, "supplementalGroups": [1, 65536]},
            },
            [
                f"securityContext.{name}: must be 65535 or less with hostUsers: false, the pod has no other ids"
                for name in ("fsGroup", "supplementalGroups")
            ],
        ),
        (
            {"os": {"name": "linux"}, "securityContext": {"windowsOptions": {"hostProcess": False}}},
            ["securityContext.windowsOptions: must be left away, this is a linux pod"],
        ),
        (
            {"os": {"name": "windows"}, "hostUsers": True, "securityContext": {"runAsUser": 1, "runAsNonRoot": True}},
            [
                "hostUsers: must be left away, this is a windows pod",
                "securityContext.runAsUser: must be left away, this is a windows pod",
            ],
        ),
        (
            {
                "os": {"name": "windows"},
                "initContainers": [{"name": "init", "image": "a", "securityContext": {"privileged": False}}],
            },
            ["initContainers[0].securityContext.privileged: must be left away, this is a windows pod"],
        ),
    ],
)
def test_operating_system_and_shared_namespaces(spec: dict[str, Any], expected: list[str]) -> None:
    assert problems(spec=spec) == [f"spec.{line}" for line in expected]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"restartPolicy": "Sometimes"},
            'restartPolicy: "Sometimes" is not known, write "Always", "OnFailure" or "Never"',
        ),
        ({"activeDeadlineSeconds": 0}, "activeDeadlineSeconds: 0 is out of range, must be between 1 and 2147483647"),
        ({"preemptionPolicy": "Never"}, None),
        ({"preemptionPolicy": "x"}, 'preemptionPolicy: "x" is not known, write "PreemptLowerPriority" or "Never"'),
        ({"nodeName": "a b"}, 'nodeName: "a b" must be a DNS name: lower case letters'),
        ({"serviceAccountName": "A"}, 'serviceAccountName: "A" must be a DNS name: lower case letters'),
        ({"priorityClassName": "A"}, 'priorityClassName: "A" must be a DNS name: lower case letters'),
        ({"runtimeClassName": "a/b"}, 'runtimeClassName: "a/b" must be a DNS name: lower case letters'),
        ({"nodeName": "node-1", "activeDeadlineSeconds": 2147483647}, None),
        ({"containers": []}, "containers: is missing, a pod needs one container at least"),
    ],
)
def test_times_and_classes(spec: dict[str, Any], expected: str | None) -> None:
    found = problems(spec=spec)
    assert len(found) == (expected is not None)
    assert all(line.startswith(f"spec.{expected}") for line in found)

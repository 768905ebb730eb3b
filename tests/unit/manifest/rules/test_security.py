from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.rules.pods import container_problems, problems

RANGE = "is out of range, must be between 0 and 2147483647"


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        ({"runAsUser": 0, "runAsGroup": 2147483647, "procMount": "Default", "privileged": True}, []),
        ({"runAsUser": -1}, [f"runAsUser: -1 {RANGE}"]),
        ({"runAsGroup": 2147483648}, [f"runAsGroup: 2147483648 {RANGE}"]),
        ({"procMount": "Open"}, ['procMount: "Open" is not known, write "Default" or "Unmasked"']),
        ({"procMount": "Unmasked"}, ['procMount: "Unmasked" opens the host\'s /proc, it needs hostUsers: false']),
        (
            {"allowPrivilegeEscalation": False, "privileged": True},
            ["allowPrivilegeEscalation: false contradicts privileged: true, drop one of them"],
        ),
        (
            {"allowPrivilegeEscalation": False, "capabilities": {"add": ["CAP_SYS_ADMIN"]}},
            ['allowPrivilegeEscalation: false contradicts the added capability "CAP_SYS_ADMIN", drop one of them'],
        ),
        ({"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}, []),
        ({"allowPrivilegeEscalation": True, "privileged": True}, []),
    ],
)
def test_a_containers_security(context: dict[str, Any], expected: list[str]) -> None:
    assert container_problems(securityContext=context) == [f"securityContext.{line}" for line in expected]


def test_proc_is_unmasked_only_in_a_user_namespace_of_its_own() -> None:
    assert container_problems({"hostUsers": False}, securityContext={"procMount": "Unmasked"}) == []


@pytest.mark.parametrize(
    ("context", "expected"),
    [
        (
            {
                "runAsUser": 1,
                "runAsGroup": 1,
                "fsGroup": 1,
                "supplementalGroups": [1],
                "fsGroupChangePolicy": "OnRootMismatch",
                "supplementalGroupsPolicy": "Strict",
                "seLinuxChangePolicy": "Recursive",
                "sysctls": [
                    {"name": "net.core.somaxconn", "value": "1"},
                    {"name": "kernel/shm_rmid_forced", "value": "1"},
                ],
            },
            [],
        ),
        ({"runAsUser": 2147483648}, [f"runAsUser: 2147483648 {RANGE}"]),
        ({"runAsGroup": -1}, [f"runAsGroup: -1 {RANGE}"]),
        ({"fsGroup": -1}, [f"fsGroup: -1 {RANGE}"]),
        ({"supplementalGroups": [0, -1]}, [f"supplementalGroups[1]: -1 {RANGE}"]),
        (
            {"fsGroupChangePolicy": "Never"},
            ['fsGroupChangePolicy: "Never" is not known, write "Always" or "OnRootMismatch"'],
        ),
        (
            {"supplementalGroupsPolicy": "No"},
            ['supplementalGroupsPolicy: "No" is not known, write "Merge" or "Strict"'],
        ),
        (
            {"seLinuxChangePolicy": "MountOption"},
            ['seLinuxChangePolicy: "MountOption" is not known, write "Recursive"'],
        ),
        (
            {"sysctls": [{"name": "A", "value": ""}]},
            ['sysctls[0].name: "A" must be a kernel parameter such as net.core.somaxconn, at most 253 characters'],
        ),
        ({"sysctls": [{"name": "", "value": ""}]}, ["sysctls[0].name: is missing, must be set"]),
        (
            {"sysctls": [{"name": "net.a", "value": "1"}, {"name": "net.a", "value": "2"}]},
            ['sysctls[1].name: "net.a" is set already'],
        ),
    ],
)
def test_a_pods_security(context: dict[str, Any], expected: list[str]) -> None:
    assert problems(spec={"securityContext": context}) == [f"spec.securityContext.{line}" for line in expected]


@pytest.mark.parametrize(
    ("sharing", "name", "refused"),
    [
        ("hostNetwork", "net.core.somaxconn", True),
        ("hostNetwork", "net/core/somaxconn", True),
        ("hostNetwork", "kernel.sem", False),
        ("hostIPC", "kernel.sem", True),
        ("hostIPC", "kernel.shmmax", True),
        ("hostIPC", "fs.mqueue.msg_max", True),
        ("hostIPC", "net.core.somaxconn", False),
    ],
)
def test_no_sysctl_reaches_the_host(sharing: str, name: str, refused: bool) -> None:
    found = problems(spec={sharing: True, "securityContext": {"sysctls": [{"name": name, "value": "1"}]}})
    message = f'spec.securityContext.sysctls[0].name: "{name}" would change the host, {sharing} is true'
    assert found == ([message] if refused else [])

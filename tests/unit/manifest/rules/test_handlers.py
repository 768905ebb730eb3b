from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.rules.pods import container_problems

EXEC = {"exec": {"command": ["true"]}}
HTTP = {"path": "/", "scheme": "HTTP"}
PORT = 'a port name: lower case letters, digits and single "-" between them, a letter at least, 15 at most'


@pytest.mark.parametrize("kind", ["livenessProbe", "readinessProbe", "startupProbe"])
@pytest.mark.parametrize(
    ("probe", "expected"),
    [
        (EXEC, []),
        ({"tcpSocket": {"port": "http"}}, []),
        ({"grpc": {"port": 65535}}, []),
        ({"httpGet": {**HTTP, "port": 1, "httpHeaders": [{"name": "X-A", "value": ""}]}}, []),
        ({**EXEC, "initialDelaySeconds": 0, "periodSeconds": 1, "terminationGracePeriodSeconds": None}, []),
        ({}, [': is empty, set one of "exec", "httpGet", "tcpSocket" or "grpc"']),
        (
            {**EXEC, "tcpSocket": {"port": 1}},
            ['.tcpSocket: stands beside "exec", only one of them may be set'],
        ),
        ({"exec": {}}, [".exec.command: is missing, must be set"]),
        ({"tcpSocket": {"port": 0}}, [".tcpSocket.port: 0 is out of range, must be between 1 and 65535"]),
        ({"tcpSocket": {"port": "HTTP"}}, [f'.tcpSocket.port: "HTTP" must be {PORT}']),
        ({"grpc": {"port": 65536}}, [".grpc.port: 65536 is out of range, must be between 1 and 65535"]),
        ({"httpGet": {"port": 1, "scheme": "HTTP"}}, [".httpGet.path: is missing, must be set"]),
        (
            {"httpGet": {"path": "/", "port": 1, "scheme": "FTP"}},
            ['.httpGet.scheme: "FTP" is not known, write "HTTP" or "HTTPS"'],
        ),
        (
            {"httpGet": {**HTTP, "port": 1, "httpHeaders": [{"name": "Host:", "value": "a"}]}},
            ['.httpGet.httpHeaders[0].name: "Host:" must be a header name: letters, digits and "-"'],
        ),
        (
            {**EXEC, "initialDelaySeconds": -1, "timeoutSeconds": -2, "periodSeconds": -3, "failureThreshold": -4},
            [
                ".initialDelaySeconds: -1 is too small, must be 0 or more",
                ".timeoutSeconds: -2 is too small, must be 0 or more",
                ".periodSeconds: -3 is too small, must be 0 or more",
                ".failureThreshold: -4 is too small, must be 0 or more",
            ],
        ),
    ],
)
def test_probes(kind: str, probe: dict[str, Any], expected: list[str]) -> None:
    assert container_problems(**{kind: probe}) == [f"{kind}{line}" for line in expected]


@pytest.mark.parametrize("kind", ["livenessProbe", "startupProbe"])
def test_only_readiness_counts_successes(kind: str) -> None:
    assert container_problems(readinessProbe={**EXEC, "successThreshold": 3}) == []
    assert container_problems(**{kind: {**EXEC, "successThreshold": 1}}) == []
    assert container_problems(**{kind: {**EXEC, "successThreshold": 3}}) == [
        f"{kind}.successThreshold: must be 1, only readiness counts successes"
    ]
    assert container_problems(**{kind: {**EXEC, "successThreshold": -3}}) == [
        f"{kind}.successThreshold: -3 is too small, must be 0 or more",
        f"{kind}.successThreshold: must be 1, only readiness counts successes",
    ]


def test_a_grace_period_belongs_to_probes_that_kill() -> None:
    probe = {**EXEC, "terminationGracePeriodSeconds": 10}
    assert container_problems(livenessProbe=probe, startupProbe=probe) == []
    assert container_problems(livenessProbe={**EXEC, "terminationGracePeriodSeconds": 0}) == [
        "livenessProbe.terminationGracePeriodSeconds: 0 is too small, must be 1 or more"
    ]
    assert container_problems(readinessProbe=probe) == [
        "readinessProbe.terminationGracePeriodSeconds: must be left away, a readiness probe ends no container"
    ]


@pytest.mark.parametrize("kind", ["postStart", "preStop"])
@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (EXEC, []),
        ({"sleep": {"seconds": 0}}, []),
        ({"sleep": {"seconds": 30}}, []),
        ({}, [': is empty, set one of "exec", "httpGet", "tcpSocket" or "sleep"']),
        (
            {"sleep": {"seconds": 31}},
            [".sleep.seconds: 31 is out of range, must be between 0 and terminationGracePeriodSeconds (30)"],
        ),
        (
            {"sleep": {"seconds": -1}},
            [".sleep.seconds: -1 is out of range, must be between 0 and terminationGracePeriodSeconds (30)"],
        ),
        ({"tcpSocket": {"port": 0}}, [".tcpSocket.port: 0 is out of range, must be between 1 and 65535"]),
    ],
)
def test_hooks(kind: str, hook: dict[str, Any], expected: list[str]) -> None:
    assert container_problems(lifecycle={kind: hook}) == [f"lifecycle.{kind}{line}" for line in expected]


def test_without_a_grace_period_a_hook_may_take_any_time() -> None:
    assert (
        container_problems({"terminationGracePeriodSeconds": None}, lifecycle={"preStop": {"sleep": {"seconds": 99}}})
        == []
    )

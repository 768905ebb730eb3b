from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.rules.pods import container_problems, problems

LABEL = 'a DNS label: lower case letters, digits and "-", at most 63 characters, first and last no "-"'
HTTP = {"httpGet": {"path": "/", "port": 80, "scheme": "HTTP"}}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": ""}, ["name: is missing, must be set"]),
        ({"name": "a.b"}, [f'name: "a.b" must be {LABEL}']),
        ({"image": None}, ["image: is missing, name an image"]),
        ({"image": ""}, ["image: is missing, name an image"]),
        ({"image": " nginx"}, ['image: " nginx" must be written without white space at its ends']),
        (
            {"imagePullPolicy": "Often"},
            ['imagePullPolicy: "Often" is not known, write "Always", "IfNotPresent" or "Never"'],
        ),
        (
            {"terminationMessagePolicy": "Mail"},
            ['terminationMessagePolicy: "Mail" is not known, write "File" or "FallbackToLogsOnError"'],
        ),
        ({"imagePullPolicy": "Never", "terminationMessagePolicy": "File"}, []),
        (
            {"lifecycle": {"stopSignal": "SIGUSR1"}},
            ["lifecycle.stopSignal: needs spec.os.name, write linux there"],
        ),
    ],
)
def test_what_all_containers_are(fields: dict[str, Any], expected: list[str]) -> None:
    assert container_problems(**fields) == expected


@pytest.mark.parametrize(
    ("system", "signal", "known"),
    [
        ("linux", "SIGUSR1", True),
        ("linux", "SIGRTMIN+3", True),
        ("linux", "USR1", False),
        ("windows", "SIGTERM", True),
        ("windows", "SIGHUP", False),
    ],
)
def test_a_stop_signal_is_one_of_its_system(system: str, signal: str, known: bool) -> None:
    found = container_problems({"os": {"name": system}}, lifecycle={"stopSignal": signal})
    assert [line.partition(",")[0] for line in found] == (
        [] if known else [f'lifecycle.stopSignal: "{signal}" is not known']
    )


def test_names_are_unique_over_all_kinds_of_containers() -> None:
    init = [{"name": "web", "image": "a"}, {"name": "one", "image": "a"}, {"name": "one", "image": "a"}]
    assert problems(spec={"initContainers": init}) == [
        'spec.initContainers[0].name: "web" is the name of another container of this pod, take another',
        'spec.initContainers[2].name: "one" is the name of another container of this pod, take another',
    ]


def test_an_init_container_ends_so_it_is_neither_probed_nor_hooked() -> None:
    init = {
        "name": "init",
        "image": "a",
        "lifecycle": {"preStop": {"exec": {"command": ["a"]}}},
        "livenessProbe": HTTP,
        "readinessProbe": HTTP,
        "startupProbe": HTTP,
    }
    message = "must be left away, an init container has it only with restartPolicy: Always"
    assert problems(spec={"initContainers": [init]}) == [
        f"spec.initContainers[0].{name}: {message}"
        for name in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
    ]
    assert problems(spec={"initContainers": [{**init, "restartPolicy": "Always"}]}) == []


def test_a_sidecar_is_checked_like_a_container() -> None:
    sidecar = {"name": "log", "image": "a", "restartPolicy": "Always", "startupProbe": {}}
    assert problems(spec={"initContainers": [sidecar]}) == [
        'spec.initContainers[0].startupProbe: is empty, set one of "exec", "httpGet", "tcpSocket" or "grpc"'
    ]


def test_ephemeral_containers_are_no_matter_of_manifests() -> None:
    assert problems(spec={"ephemeralContainers": [{"name": "debug", "image": "a"}]}) == [
        "spec.ephemeralContainers: must be left away, they are only added to running pods"
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"restartPolicy": "OnFailure"}, []),
        (
            {"restartPolicy": ""},
            ['restartPolicy: "" is not known, write "Always", "OnFailure" or "Never"'],
        ),
        (
            {"restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}]},
            ["restartPolicy: is missing, restartPolicyRules needs it"],
        ),
        (
            {"restartPolicy": "Never", "restartPolicyRules": [{"action": "Run"}]},
            [
                'restartPolicyRules[0].action: "Run" is not known, write "Restart" or "RestartAllContainers"',
                "restartPolicyRules[0].exitCodes: is missing, say after which exit codes",
            ],
        ),
        (
            {
                "restartPolicy": "Never",
                "restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "Gt", "values": []}}],
            },
            [
                'restartPolicyRules[0].exitCodes.operator: "Gt" is not known, write "In" or "NotIn"',
                "restartPolicyRules[0].exitCodes.values: is missing, write one exit code at least",
            ],
        ),
        (
            {
                "restartPolicy": "Never",
                "restartPolicyRules": [
                    {"action": "Restart", "exitCodes": {"operator": "In", "values": list(range(256))}}
                ],
            },
            ["restartPolicyRules[0].exitCodes.values: are more than 255 exit codes"],
        ),
        (
            {
                "restartPolicy": "Never",
                "restartPolicyRules": [{"action": "Restart", "exitCodes": {"operator": "In", "values": [1]}}] * 21,
            },
            ["restartPolicyRules: are 21 rules, at most 20"],
        ),
    ],
)
def test_restarts(fields: dict[str, Any], expected: list[str]) -> None:
    assert container_problems(**fields) == expected

from __future__ import annotations

from typing import Any

import pytest

from hostpod.manifest.rules.references import ENV_FIELDS
from tests.unit.manifest.rules.pods import container_problems

NAME = (
    'a DNS name: lower case letters, digits, "-" and ".", at most 253 characters, '
    "each part beginning and ending with a letter or digit"
)


def from_problems(**source: Any) -> list[str]:
    found = container_problems(env=[{"name": "A", "valueFrom": source}])
    return [line.removeprefix("env[0].") for line in found]


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ({"name": "A"}, []),
        ({"name": "a.b c", "value": ""}, []),
        ({"name": ""}, ["env[0].name: is missing, must be set"]),
        ({"name": "A=B"}, ['env[0].name: "A=B" must be a variable name: printable ASCII without "="']),
        (
            {"name": "A", "value": "b", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            ['env[0].valueFrom: stands beside "value", only one may be set'],
        ),
        ({"name": "A", "value": "", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}, []),
        (
            {"name": "A", "valueFrom": {}},
            [
                (
                    'env[0].valueFrom: is empty, set one of "fieldRef", "resourceFieldRef", "configMapKeyRef", '
                    '"secretKeyRef" or "fileKeyRef"'
                )
            ],
        ),
        (
            {
                "name": "A",
                "valueFrom": {
                    "fieldRef": {"fieldPath": "metadata.name"},
                    "secretKeyRef": {"name": "a", "key": "b"},
                },
            },
            ['env[0].valueFrom.secretKeyRef: stands beside "fieldRef", only one of them may be set'],
        ),
    ],
)
def test_variables(variable: dict[str, Any], expected: list[str]) -> None:
    assert container_problems(env=[variable]) == expected


@pytest.mark.parametrize("path", [*ENV_FIELDS, "metadata.labels['example.com/a']", "metadata.annotations['Ex.com/A']"])
def test_fields_that_a_variable_can_show(path: str) -> None:
    assert from_problems(fieldRef={"fieldPath": path, "apiVersion": "v1"}) == []


@pytest.mark.parametrize("path", ["", "metadata.labels", "metadata.name['a']", "status.phase", "metadata.labels[a]"])
def test_fields_that_it_cannot_show(path: str) -> None:
    (line,) = from_problems(fieldRef={"fieldPath": path})
    assert line.startswith(f'valueFrom.fieldRef.fieldPath: "{path}" cannot be referred to, write "metadata.name", ')
    assert line.endswith("\"metadata.labels['KEY']\" or \"metadata.annotations['KEY']\"")


def test_a_label_is_named_by_its_key() -> None:
    (line,) = from_problems(fieldRef={"fieldPath": "metadata.labels['a b']"})
    assert line.startswith('valueFrom.fieldRef.fieldPath: "a b" must be a name of letters, digits,')


def test_there_is_one_version_of_pods() -> None:
    assert from_problems(fieldRef={"fieldPath": "metadata.name", "apiVersion": "v2"}) == [
        'valueFrom.fieldRef.apiVersion: "v2" is not known, write "v1"'
    ]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({"resource": "limits.cpu", "divisor": "1m"}, None),
        ({"resource": "requests.cpu", "divisor": "1000m"}, None),
        ({"resource": "limits.cpu", "divisor": "0"}, None),
        ({"resource": "limits.memory", "divisor": "1Mi", "containerName": "web"}, None),
        ({"resource": "requests.ephemeral-storage", "divisor": "1e3"}, None),
        ({"resource": "limits.hugepages-2Mi", "divisor": "1Ei"}, None),
        ({"resource": "limits.cpu", "divisor": "2"}, 'divisor: "2" is not possible, write 1 or 1m'),
        (
            {"resource": "limits.memory", "divisor": "1m"},
            'divisor: "1m" is not possible, write 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi or 1Ei',
        ),
        (
            {"resource": "limits.gpu"},
            (
                'resource: "limits.gpu" is not known, write "limits.cpu", "limits.memory", "limits.ephemeral-storage", '
                '"requests.cpu", "requests.memory" or "requests.ephemeral-storage"'
            ),
        ),
    ],
)
def test_resources_that_a_variable_can_show(selector: dict[str, str], expected: str | None) -> None:
    found = from_problems(resourceFieldRef=selector)
    assert found == ([] if expected is None else [f"valueFrom.resourceFieldRef.{expected}"])


@pytest.mark.parametrize("kind", ["configMapKeyRef", "secretKeyRef"])
def test_keys_of_objects(kind: str) -> None:
    assert from_problems(**{kind: {"name": "a", "key": ".b"}}) == []
    assert from_problems(**{kind: {"name": "", "key": ""}}) == [
        f"valueFrom.{kind}.name: is missing, must be set",
        f"valueFrom.{kind}.key: is missing, must be set",
    ]
    assert from_problems(**{kind: {"name": "$", "key": ".."}}) == [
        f'valueFrom.{kind}.name: "$" must be {NAME}',
        (
            f'valueFrom.{kind}.key: ".." must be a key: letters, digits, "-", "_" and ".", at most 253 characters, '
            'neither "." nor beginning with ".."'
        ),
    ]


def test_keys_of_files() -> None:
    assert from_problems(fileKeyRef={"volumeName": "a", "path": "b/c", "key": "D"}) == []
    assert from_problems(fileKeyRef={"volumeName": "a", "path": "../c", "key": "="}) == [
        'valueFrom.fileKeyRef.path: "../c" must be a path without ".."',
        'valueFrom.fileKeyRef.key: "=" must be a variable name: printable ASCII without "="',
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"configMapRef": {"name": "a"}, "prefix": "p_"}, []),
        ({"secretRef": {"name": "a"}}, []),
        ({}, ['envFrom[0]: is empty, set one of "configMapRef" or "secretRef"']),
        (
            {"configMapRef": {"name": "a"}, "secretRef": {"name": "b"}},
            ['envFrom[0].secretRef: stands beside "configMapRef", only one of them may be set'],
        ),
        ({"secretRef": {"name": ""}}, ["envFrom[0].secretRef.name: is missing, must be set"]),
        ({"configMapRef": {"name": "$"}}, [f'envFrom[0].configMapRef.name: "$" must be {NAME}']),
        (
            {"secretRef": {"name": "a"}, "prefix": "=a"},
            ['envFrom[0].prefix: "=a" must be a variable name: printable ASCII without "="'],
        ),
    ],
)
def test_whole_objects_as_variables(source: dict[str, Any], expected: list[str]) -> None:
    assert container_problems(envFrom=[source]) == expected

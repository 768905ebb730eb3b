"""Fields and types of manifests: one plain line for each mistake, and no echo of it."""

from __future__ import annotations

import pytest

from tests.unit.manifest.write import WEB, pod_of, problems, web

ADVICE = "write for example 500m, 2, 64Mi or 1.5Gi"


@pytest.mark.parametrize(
    ("container", "told"),
    [
        ("comand: [a]", '9: spec.containers[0].comand: unknown field, did you mean "command"?'),
        ("working-dir: /", '9: spec.containers[0].working-dir: unknown field, did you mean "workingDir"?'),
        ("hostNetwork: true", "9: spec.containers[0].hostNetwork: unknown field here, it belongs to spec"),
        ("labels: {}", "9: spec.containers[0].labels: unknown field here, it belongs to metadata"),
        ("xyzzy: 1", "9: spec.containers[0].xyzzy: unknown field, remove it"),
        (f"{'x' * 200}: 1", f"9: spec.containers[0].{'x' * 200}: unknown field, remove it"),
        ("command: sleep", '9: spec.containers[0].command: must be a list, not a string: begin each entry with "- "'),
        ("command: {a: b}", '9: spec.containers[0].command: must be a list, not an object: begin each entry with "- "'),
        (
            "command: [sleep, 5]",
            '9: spec.containers[0].command[1]: must be a string, not an integer: put it in quotes, "5"',
        ),
        ("command: [a, [b]]", "9: spec.containers[0].command[1]: must be a string, not a list"),
        ("command:\n- a\n-", '11: spec.containers[0].command[1]: is empty, write a value or remove the "-"'),
        (
            'ports: [{containerPort: "80"}]',
            "9: spec.containers[0].ports[0].containerPort: must be an integer, not a string: remove the quotes",
        ),
        (
            "ports: [{containerPort: http}]",
            '9: spec.containers[0].ports[0].containerPort: must be an integer, not "http"',
        ),
        (
            "ports: [{containerPort: 80.5}]",
            "9: spec.containers[0].ports[0].containerPort: must be an integer, not 80.5",
        ),
        (
            "ports: [{containerPort: true}]",
            "9: spec.containers[0].ports[0].containerPort: must be an integer, not a boolean",
        ),
        (
            "ports: [{containerPort: 3000000000}]",
            "9: spec.containers[0].ports[0].containerPort: is out of range, must be between -2147483648 and 2147483647",
        ),
        ("ports: [{name: http}]", "9: spec.containers[0].ports[0].containerPort: is missing, it must be set"),
        (
            "ports:\n- containerPort: null",
            "10: spec.containers[0].ports[0].containerPort: is missing, it must be set",
        ),
        ("ports: [80]", "9: spec.containers[0].ports[0]: must be an object with fields, not an integer"),
        (
            "resources: []",
            '9: spec.containers[0].resources: must be an object with fields, not a list: remove the "- "',
        ),
        ("resources: 5", "9: spec.containers[0].resources: must be an object with fields, not an integer"),
        (
            "resources: {limits: {memory: 1 GB}}",
            f'9: spec.containers[0].resources.limits.memory: "1 GB" is not a quantity, {ADVICE}',
        ),
        (
            "resources: {limits: {memory: yes}}",
            f"9: spec.containers[0].resources.limits.memory: must be a quantity, {ADVICE}",
        ),
        (
            "env: [{name: A, value: yes}]",
            '9: spec.containers[0].env[0].value: must be a string, not a boolean: put it in quotes, "yes"',
        ),
        (
            "env: [{name: A, value: 1.5}]",
            '9: spec.containers[0].env[0].value: must be a string, not a number: put it in quotes, "1.5"',
        ),
        (
            "volumeMounts: [{name: a, mountPath: /a, readOnly: 'true'}]\n",
            "9: spec.containers[0].volumeMounts[0].readOnly: must be true or false, not a string: remove the quotes",
        ),
        (
            "volumeMounts: [{name: a, mountPath: /a, readOnly: maybe}]\n",
            '9: spec.containers[0].volumeMounts[0].readOnly: must be true or false, not "maybe"',
        ),
        (
            "volumeMounts: [{name: a, mountPath: /a, readOnly: 1}]\n",
            "9: spec.containers[0].volumeMounts[0].readOnly: must be true or false, not 1",
        ),
    ],
)
def test_mistakes_in_a_container(container: str, told: str) -> None:
    assert problems(web(container, spec="volumes: [{name: a}]" if "name: a" in container else "")) == [told]


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ("creationTimestamp: soon", "5: metadata.creationTimestamp: must be a time such as 2026-11-21T03:51:35Z"),
        ("creationTimestamp: 5", "5: metadata.creationTimestamp: must be a time such as 2026-11-21T03:51:35Z"),
        ("labels: {a: 5}", '5: metadata.labels.a: must be a string, not an integer: put it in quotes, "5"'),
        ("labels: {a: {}}", "5: metadata.labels.a: must be a string, not an object"),
        ("labels: {a/b: [x]}", "5: metadata.labels[a/b]: must be a string, not a list"),
        ("labels: none", "5: metadata.labels: must be an object with fields, not a string"),
        (
            "ownerReferences: [{name: a, kind: b, uid: c}]",
            "5: metadata.ownerReferences[0].apiVersion: is missing, it must be set",
        ),
    ],
)
def test_mistakes_in_metadata(metadata: str, told: str) -> None:
    assert problems(web(metadata=metadata)) == [told]


def test_whole_parts_missing() -> None:
    assert problems("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n") == ["1: spec: is missing, it must be set"]
    assert problems("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: 5\n") == [
        "4: spec: must be an object with fields, not an integer"
    ]
    assert problems(WEB.replace("- name: nginx\n    image: nginx", "")) == [
        "6: spec.containers: is missing, it must be set"
    ]


def test_an_unknown_field_beside_the_one_it_resembles_stays_unknown() -> None:
    assert problems(web("imagee: other")) == ['9: spec.containers[0].imagee: unknown field, did you mean "image"?']


def test_a_volume_that_cannot_be_read_is_not_missed_by_its_mounts() -> None:
    mount = "volumeMounts: [{name: logs, mountPath: /logs}]"
    assert problems(web(mount, spec="volumes: [{nam: logs, emptydir: {}}]")) == [
        '10: spec.volumes[0].nam: unknown field, did you mean "name"?',
        '10: spec.volumes[0].emptydir: unknown field, did you mean "emptyDir"?',
    ]
    assert problems(web(mount, spec="volumes: [logs]")) == [
        "10: spec.volumes[0]: must be an object with fields, not a string"
    ]
    assert len(problems(web(mount, spec="volumes: [{name: other}]"))) == 1


def test_a_misspelt_unsupported_field_is_told_once() -> None:
    assert problems(web("readinesProbe: {}")) == [
        '9: spec.containers[0].readinesProbe: unknown field, did you mean "readinessProbe"?'
    ]


def test_null_is_as_good_as_absent() -> None:
    pod = pod_of(
        web("env:\nresources: null", spec="volumes: ~", metadata="creationTimestamp: null\nlabels: {a: , b: ''}")
    )
    assert pod.metadata.labels == {"a": "", "b": ""}
    assert pod.spec.volumes == ()


def test_free_form_data_is_kept() -> None:
    managed = "managedFields: [{manager: me, fieldsV1: {'f:spec': {a: [1, x]}}}]"
    assert pod_of(web(metadata=managed)).metadata.managed_fields[0].fields_v1 == {"f:spec": {"a": [1, "x"]}}


def test_integers_or_strings() -> None:
    def probe(port: str) -> list[str]:
        return problems(web(f"livenessProbe: {{httpGet: {{port: {port}}}}}"))

    where = "9: spec.containers[0].livenessProbe.httpGet.port"
    assert probe("80") == probe("http") == []
    assert probe("[]") == [f"{where}: must be an integer or a string, not a list"]

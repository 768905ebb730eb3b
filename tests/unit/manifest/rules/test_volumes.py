from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.rules.pods import problems, volume_problems

TYPES = '"", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice" or "BlockDevice"'
NAME = (
    'a DNS name: lower case letters, digits, "-" and ".", at most 253 characters, '
    "each part beginning and ending with a letter or digit"
)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"emptyDir": {}}, []),
        ({"emptyDir": {"medium": "Memory", "sizeLimit": "0"}}, []),
        ({"emptyDir": {"sizeLimit": "-1"}}, ['emptyDir.sizeLimit: "-1" is negative, must be 0 or more']),
        (
            {},
            [': is empty, set one of "emptyDir", "hostPath", "configMap", "secret" or "another kind of volume"'],
        ),
        (
            {"emptyDir": {}, "hostPath": {"path": "/a"}},
            ['hostPath: stands beside "emptyDir", only one of them may be set'],
        ),
        ({"hostPath": {"path": "/a", "type": "Socket"}}, []),
        ({"hostPath": {"path": ""}}, ["hostPath.path: is missing, write a path on the host"]),
        ({"hostPath": {"path": "/a/.."}}, ['hostPath.path: "/a/.." must be a path without ".."']),
        ({"hostPath": {"path": "/a", "type": "Pipe"}}, [f'hostPath.type: "Pipe" is not known, write {TYPES}']),
        ({"persistentVolumeClaim": {"claimName": "a"}}, []),
        ({"persistentVolumeClaim": {"claimName": ""}}, ["persistentVolumeClaim.claimName: is missing, must be set"]),
        ({"image": {"reference": "nginx", "pullPolicy": "Never"}}, []),
        ({"image": {}}, ["image.reference: is missing, a volume of no image is not supported"]),
        (
            {"image": {"reference": "nginx ", "pullPolicy": "Now"}},
            [
                'image.reference: "nginx " must be written without white space at its ends',
                'image.pullPolicy: "Now" is not known, write "Always", "IfNotPresent" or "Never"',
            ],
        ),
        ({"ephemeral": {}}, ["ephemeral.volumeClaimTemplate: is missing, must be set"]),
    ],
)
def test_sources(source: dict[str, Any], expected: list[str]) -> None:
    assert volume_problems(**source) == expected


def test_names_are_labels_and_unique() -> None:
    volumes: list[dict[str, Any]] = [{"name": name, "emptyDir": {}} for name in ("a", "a", "", "a.b")]
    assert problems(spec={"volumes": volumes}) == [
        "spec.volumes[2].name: is missing, must be set",
        (
            'spec.volumes[3].name: "a.b" must be a DNS label: lower case letters, digits and "-", '
            'at most 63 characters, first and last no "-"'
        ),
        'spec.volumes[1].name: "a" is the name of another volume, take another',
    ]


CLAIM = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}


def claim_problems(metadata: dict[str, Any] | None = None, **spec: Any) -> list[str]:
    template = {"metadata": metadata or {}, "spec": {**CLAIM, **spec}}
    found = volume_problems(ephemeral={"volumeClaimTemplate": template})
    return [line.removeprefix("ephemeral.volumeClaimTemplate.") for line in found]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, []),
        ({"volumeMode": "Block", "storageClassName": "", "selector": {"matchLabels": {"a": "b"}}}, []),
        (
            {"accessModes": []},
            ["accessModes: is missing, write one of ReadWriteOnce, ReadOnlyMany, ReadWriteMany, ReadWriteOncePod"],
        ),
        (
            {"accessModes": ["Write"]},
            [
                (
                    'accessModes[0]: "Write" is not known, '
                    'write "ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany" or "ReadWriteOncePod"'
                )
            ],
        ),
        (
            {"accessModes": ["ReadWriteOncePod", "ReadOnlyMany"]},
            ['accessModes: "ReadWriteOncePod" must be the only mode'],
        ),
        ({"resources": {}}, ["resources.requests.storage: is missing, say how much storage is claimed"]),
        (
            {"resources": {"requests": {"storage": "0"}}},
            ['resources.requests.storage: "0" is too small, must be more than 0'],
        ),
        ({"storageClassName": "-a"}, [f'storageClassName: "-a" must be {NAME}']),
        ({"volumeAttributesClassName": "-a"}, [f'volumeAttributesClassName: "-a" must be {NAME}']),
        ({"volumeMode": "Tape"}, ['volumeMode: "Tape" is not known, write "Filesystem" or "Block"']),
        ({"dataSource": {"kind": "PersistentVolumeClaim", "name": "a"}}, []),
        (
            {"dataSource": {"kind": "Snapshot", "name": ""}},
            [
                "dataSource.name: is missing, must be set",
                'dataSource.kind: must be "PersistentVolumeClaim", or name an apiGroup',
            ],
        ),
        ({"dataSource": {"kind": "a", "name": "b", "apiGroup": "^"}}, [f'dataSource.apiGroup: "^" must be {NAME}']),
        (
            {"dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "b", "namespace": "A"}},
            [
                (
                    'dataSourceRef.namespace: "A" must be a DNS label: lower case letters, digits and "-", '
                    'at most 63 characters, first and last no "-"'
                )
            ],
        ),
        (
            {
                "dataSource": {"kind": "PersistentVolumeClaim", "name": "a"},
                "dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "a"},
            },
            [],
        ),
        (
            {
                "dataSource": {"kind": "PersistentVolumeClaim", "name": "a"},
                "dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "b"},
            },
            ["dataSource: must be the same as dataSourceRef, or be left away"],
        ),
        (
            {
                "dataSource": {"kind": "PersistentVolumeClaim", "name": "a"},
                "dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "a", "namespace": "b"},
            },
            ["dataSource: must be left away, dataSourceRef names another namespace"],
        ),
    ],
)
def test_claims_that_are_made(spec: dict[str, Any], expected: list[str]) -> None:
    assert claim_problems(**spec) == [f"spec.{line}" for line in expected]


def test_a_made_claim_has_labels_and_annotations_and_no_other_metadata() -> None:
    assert claim_problems({"labels": {"a": "b"}, "annotations": {"c": "d e"}}) == []
    assert claim_problems({"name": "a", "uid": "1", "generation": 0, "finalizers": ["a"]}) == [
        f"metadata.{name}: must be left away, the pod decides it"
        for name in ("name", "uid", "generation", "finalizers")
    ]


def test_the_claim_of_an_ephemeral_volume_is_its_own() -> None:
    volumes = [
        {"name": "data", "ephemeral": {"volumeClaimTemplate": {"spec": CLAIM}}},
        {"name": "same", "persistentVolumeClaim": {"claimName": "web-data"}},
    ]
    assert problems(spec={"volumes": volumes}) == [
        (
            'spec.volumes[1].persistentVolumeClaim.claimName: "web-data" is made for an ephemeral volume of this pod, '
            "it cannot be shared"
        )
    ]


def test_the_claim_of_an_ephemeral_volume_has_a_name() -> None:
    volumes = [{"name": "a" * 60, "ephemeral": {"volumeClaimTemplate": {"spec": CLAIM}}}]
    (line,) = problems(spec={"volumes": volumes}, metadata={"name": "b" * 200})
    assert line.startswith(f'spec.volumes[0].name: "{"b" * 60}…" must be a DNS name')


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ({"name": "gpu", "resourceClaimName": "a"}, []),
        ({"name": "", "resourceClaimName": "a"}, ["[0].name: is missing, must be set"]),
        ({"name": "gpu"}, ['[0]: is empty, set one of "resourceClaimName" or "resourceClaimTemplateName"']),
        (
            {"name": "gpu", "resourceClaimName": "a", "resourceClaimTemplateName": "b"},
            ['[0].resourceClaimTemplateName: stands beside "resourceClaimName", only one of them may be set'],
        ),
        ({"name": "gpu", "resourceClaimTemplateName": "_"}, [f'[0].resourceClaimTemplateName: "_" must be {NAME}']),
    ],
)
def test_claims_of_devices(claim: dict[str, str], expected: list[str]) -> None:
    lines = ["spec.resourceClaims: must be left away, a cluster's scheduler grants them"]
    assert problems(spec={"resourceClaims": [claim]}) == lines + [f"spec.resourceClaims{line}" for line in expected]


def test_names_of_claims_are_unique() -> None:
    found = problems(spec={"resourceClaims": [{"name": "a", "resourceClaimName": "x"}] * 2})
    assert found[1:] == ['spec.resourceClaims[1].name: "a" is the name of another claim, take another']

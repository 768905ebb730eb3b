"""Claims that stand beside pods in a manifest are read and checked; the pods alone make them."""

from __future__ import annotations

import pytest

from hostpod.manifest import parse_manifest
from tests.unit.manifest.write import WEB, problems

CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  resources: {requests: {storage: 1Gi}}
"""


def test_a_claim_beside_a_pod_is_fine_and_tells_what_means_nothing() -> None:
    parsed = parse_manifest(f"{CLAIM}---\n{WEB}".encode(), file="f")
    assert (parsed.problems, len(parsed.pods), parsed.configs) == ((), 1, ())
    assert {note.path for note in parsed.notes} >= {"spec.accessModes", "spec.resources"}


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        ("[ReadWriteOnce]", "[]", "5: spec.accessModes: is missing, write one of ReadWriteOnce"),
        ("name: data", "name: Data", '3: metadata.name: "Data" must be a DNS name: lower case letters'),
        ("1Gi", "0", '7: spec.resources.requests.storage: "0" is too small, must be more than 0'),
        ('storageClassName: ""', "volumeMode: Block", '6: spec.volumeMode: "Block" is not supported by this version'),
        ("PersistentVolumeClaim", "StorageClass", "2: kind: StorageClass is not accepted, every claim is a directory"),
    ],
)
def test_what_is_wrong_with_a_claim(was: str, now: str, told: str) -> None:
    (problem,) = problems(CLAIM.replace(was, now))
    assert problem.startswith(told)


def test_two_of_one_name() -> None:
    assert problems(f"{CLAIM}---\n{CLAIM}") == [
        '11: metadata.name: the PersistentVolumeClaim "data" is in this file already, on line 1: rename one'
    ]

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.rules.pods import problems

NAME = (
    'a DNS name: lower case letters, digits, "-" and ".", at most 253 characters, '
    "each part beginning and ending with a letter or digit"
)
KEY = (
    'a name of letters, digits, "-", "_" and ".", at most 63 characters, first and last a letter or digit, '
    'optionally after a DNS name and "/" (like example.com/name)'
)
VALUE = 'a label value: letters, digits, "-", "_" and ".", at most 63 characters, first and last a letter or digit'
OWNER = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "web", "uid": "1"}


def test_a_plain_pod_breaks_no_rule() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"name": None}, ["metadata.name: is missing, a pod needs a name"]),
        ({"name": ""}, ["metadata.name: is missing, a pod needs a name"]),
        ({"name": "Web"}, [f'metadata.name: "Web" must be {NAME}']),
        (
            {"namespace": "a.b"},
            [
                (
                    'metadata.namespace: "a.b" must be a DNS label: lower case letters, digits and "-", '
                    'at most 63 characters, first and last no "-"'
                )
            ],
        ),
        ({"uid": "0f2c6a4e-1b6d-4e0b-9d0c-8f3a5a1c2b3d"}, []),
        ({"uid": "../../etc"}, [f'metadata.uid: "../../etc" must be {VALUE}']),
        ({"generateName": "web-"}, []),
        ({"generateName": "Web-"}, [f'metadata.generateName: "Web" must be {NAME}']),
        ({"generation": -1}, ["metadata.generation: -1 is too small, must be 0 or more"]),
        ({"labels": {"app": "web", "example.com/tier": ""}}, []),
        ({"labels": {"a b": "web"}}, [f'metadata.labels.a b: "a b" must be {KEY}']),
        ({"labels": {"app": "a b"}}, [f'metadata.labels.app: "a b" must be {VALUE}']),
        ({"annotations": {"Example.com/Any": "any text: {}"}}, []),
        ({"annotations": {"a b": ""}}, [f'metadata.annotations.a b: "a b" must be {KEY}']),
        (
            {"annotations": {"a": "x" * 262144}},
            ["metadata.annotations: are 262145 bytes in all, at most 262144 are allowed"],
        ),
        ({"annotations": {"a": "x" * 262143}}, []),
        ({"ownerReferences": [OWNER]}, []),
        (
            {"ownerReferences": [{**OWNER, "apiVersion": "", "kind": "", "name": "", "uid": ""}]},
            [
                f"metadata.ownerReferences[0].{name}: is missing, must be set"
                for name in ("apiVersion", "kind", "name", "uid")
            ],
        ),
        (
            {"ownerReferences": [{**OWNER, "controller": True}, {**OWNER, "uid": "2", "controller": True}]},
            ["metadata.ownerReferences[1].controller: only one owner may be the controller"],
        ),
        ({"finalizers": ["example.com/a", "/"]}, [f'metadata.finalizers[1]: "/" must be {KEY}']),
    ],
)
def test_metadata(metadata: dict[str, Any], expected: list[str]) -> None:
    assert problems(metadata=metadata) == expected


@pytest.mark.parametrize("cost", ["0", "10", "-2147483648", "2147483647"])
def test_a_deletion_cost_is_a_number_of_32_bits(cost: str) -> None:
    assert problems(metadata={"annotations": {"controller.kubernetes.io/pod-deletion-cost": cost}}) == []


@pytest.mark.parametrize("cost", ["", "text", "+10", "008", "-0", "1.5", "2147483648", "-2147483649", "\u0661"])
def test_anything_else_is_no_deletion_cost(cost: str) -> None:
    assert problems(metadata={"annotations": {"controller.kubernetes.io/pod-deletion-cost": cost}}) == [
        (
            f'metadata.annotations.controller.kubernetes.io/pod-deletion-cost: "{cost}" must be '
            "a whole number of 32 bits, without + and leading zeros"
        )
    ]


@pytest.mark.parametrize("names", ["", "db", "db, cache", "other/db", " db,,other/cache.v2 "])
def test_names_of_pods_that_are_ready_before(names: str) -> None:
    assert problems(metadata={"name": "web", "annotations": {"hostpod.io/after": names}}) == []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("db cache", '"db cache" is no name of a pod, write NAME or NAMESPACE/NAME, and a comma between two'),
        ("a/b/c", '"a/b/c" is no name of a pod, write NAME or NAMESPACE/NAME, and a comma between two'),
        ("db, Other/x", '"Other/x" is no name of a pod, write NAME or NAMESPACE/NAME, and a comma between two'),
        ("web", "a pod cannot start after itself"),
        ("default/web", "a pod cannot start after itself"),
    ],
)
def test_what_cannot_be_a_pod_that_is_ready_before(names: str, message: str) -> None:
    found = problems(metadata={"name": "web", "annotations": {"hostpod.io/after": names}})
    assert found == [f"metadata.annotations.hostpod.io/after: {message}"]


REPLACE = {"hostpod.io/replace": "when-ready"}
UNTIL = "hostpod.io/replace-deadline-seconds"


@pytest.mark.parametrize("annotations", [REPLACE, REPLACE | {UNTIL: "5"}, {UNTIL: "5"}])
def test_a_new_version_may_start_beside_the_old_one(annotations: dict[str, str]) -> None:
    assert problems(metadata={"name": "web", "annotations": annotations}) == []


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ({"hostpod.io/replace": "soon"}, 'hostpod.io/replace: "soon" is not known, write "when-ready"'),
        (REPLACE | {UNTIL: "0"}, f'{UNTIL}: "0" must be a whole number of seconds, 1 at least'),
        (REPLACE | {UNTIL: "5m"}, f'{UNTIL}: "5m" must be a whole number of seconds, 1 at least'),
    ],
)
def test_how_a_new_version_replaces_the_old_one_has_a_form(annotations: dict[str, str], message: str) -> None:
    found = problems(metadata={"name": "web", "annotations": annotations})
    assert found == [f"metadata.annotations.{message}"]


def test_two_versions_cannot_have_what_only_one_can_have() -> None:
    path = "metadata.annotations.hostpod.io/replace"
    ports = {"ports": [{"containerPort": 80, "hostPort": 80}]}
    assert problems(metadata={"name": "web", "annotations": REPLACE}, container=ports) == [
        f"{path}: the new pod cannot have ports of the host while the old one has them: remove it, or the host ports"
    ]
    assert problems(metadata={"name": "web", "annotations": REPLACE, "uid": "u"}) == [
        f"{path}: two pods cannot have the uid of the manifest: remove it, or the uid"
    ]


INGRESS, EGRESS = "kubernetes.io/ingress-bandwidth", "kubernetes.io/egress-bandwidth"


@pytest.mark.parametrize("amount", ["1k", "1000", "10M", "1.5G", "1P", "1Ki"])
def test_a_bandwidth_is_a_quantity_of_bits_a_second(amount: str) -> None:
    assert problems(metadata={"annotations": {INGRESS: amount, EGRESS: amount}}) == []


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        ("fast", '"fast" is not a quantity, write for example 500m, 2, 64Mi or 1.5Gi'),
        ("", '"" is not a quantity, write for example 500m, 2, 64Mi or 1.5Gi'),
        ("999", '"999" must be from 1k to 1P, in bits a second'),
        ("-1M", '"-1M" must be from 1k to 1P, in bits a second'),
        ("2P", '"2P" must be from 1k to 1P, in bits a second'),
    ],
)
def test_anything_else_is_no_bandwidth(amount: str, message: str) -> None:
    assert problems(metadata={"annotations": {INGRESS: amount, EGRESS: "1M"}}) == [
        f"metadata.annotations.{INGRESS}: {message}"
    ]


def test_on_the_hosts_network_a_pod_has_no_bandwidth_of_its_own() -> None:
    assert problems(metadata={"annotations": {EGRESS: "1M"}}, spec={"hostNetwork": True}) == [
        f"metadata.annotations.{EGRESS}: not supported with hostNetwork, the host's links are not the pod's: remove it"
    ]

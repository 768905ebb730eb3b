from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.rules.pods import problems

KEY = (
    'a name of letters, digits, "-", "_" and ".", at most 63 characters, first and last a letter or digit, '
    'optionally after a DNS name and "/" (like example.com/name)'
)
VALUE = 'a label value: letters, digits, "-", "_" and ".", at most 63 characters, first and last a letter or digit'
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def nodes(**requirement: Any) -> list[str]:
    terms = [{"matchExpressions": [requirement]}]
    found = problems(spec={"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": terms}}}})
    start = f"spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0]."
    return [line.removeprefix(start) for line in found]


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        ({"key": "a", "operator": "In", "values": ["b"]}, []),
        ({"key": "a", "operator": "DoesNotExist"}, []),
        ({"key": "a", "operator": "Gt", "values": ["1"]}, []),
        ({"key": "/", "operator": "Exists"}, [f'key: "/" must be {KEY}']),
        (
            {"key": "a", "operator": ""},
            ['operator: "" is not known, write "In", "NotIn", "Exists", "DoesNotExist", "Gt" or "Lt"'],
        ),
        ({"key": "a", "operator": "NotIn"}, ["values: is missing, operator NotIn compares with one value or more"]),
        (
            {"key": "a", "operator": "Exists", "values": ["b"]},
            ["values: must be left away, operator Exists looks at no value"],
        ),
        (
            {"key": "a", "operator": "Lt", "values": ["1", "2"]},
            ["values: must be one number, operator Lt compares with exactly one"],
        ),
        ({"key": "a", "operator": "In", "values": ["-1"]}, [f'values[0]: "-1" must be {VALUE}']),
    ],
)
def test_conditions_on_nodes(requirement: dict[str, Any], expected: list[str]) -> None:
    assert nodes(**requirement) == expected


@pytest.mark.parametrize(
    ("affinity", "expected"),
    [
        ({}, []),
        ({REQUIRED: {"nodeSelectorTerms": []}}, [f"{REQUIRED}.nodeSelectorTerms: is missing, write one term at least"]),
        (
            {PREFERRED: [{"weight": 101, "preference": {}}]},
            [f"{PREFERRED}[0].weight: 101 is out of range, must be between 1 and 100"],
        ),
        (
            {
                PREFERRED: [
                    {"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["-"]}]}}
                ]
            },
            [],
        ),
        (
            {
                PREFERRED: [
                    {"weight": 1, "preference": {"matchFields": [{"key": "name", "operator": "Exists", "values": []}]}}
                ]
            },
            [
                f'{PREFERRED}[0].preference.matchFields[0].key: "name" is not known, write "metadata.name"',
                f'{PREFERRED}[0].preference.matchFields[0].operator: "Exists" is not known, write "In" or "NotIn"',
            ],
        ),
        (
            {
                REQUIRED: {
                    "nodeSelectorTerms": [
                        {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a", "B"]}]}
                    ]
                }
            },
            [
                f"{REQUIRED}.nodeSelectorTerms[0].matchFields[0].values: must be the name of one node",
                (
                    f'{REQUIRED}.nodeSelectorTerms[0].matchFields[0].values[1]: "B" must be a DNS name: '
                    "lower case letters, "
                    'digits, "-" and ".", at most 253 characters, each part beginning and ending with a letter or digit'
                ),
            ],
        ),
    ],
)
def test_node_affinity(affinity: dict[str, Any], expected: list[str]) -> None:
    found = problems(spec={"affinity": {"nodeAffinity": affinity}})
    assert found == [f"spec.affinity.nodeAffinity.{line}" for line in expected]


def test_no_affinity_at_all() -> None:
    assert problems(spec={"affinity": {}, "nodeSelector": {"disk": "ssd"}}) == []
    assert problems(spec={"nodeSelector": {"disk": "?"}}) == [f'spec.nodeSelector.disk: "?" must be {VALUE}']


SELECTED = {"matchLabels": {"app": "web"}}


@pytest.mark.parametrize("kind", ["podAffinity", "podAntiAffinity"])
@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ({}, []),
        ({"labelSelector": SELECTED, "matchLabelKeys": ["tier"], "namespaces": ["a"]}, []),
        ({"topologyKey": ""}, [".topologyKey: is missing, name a label of nodes"]),
        ({"topologyKey": "/a"}, [f'.topologyKey: "/a" must be {KEY}']),
        (
            {"namespaces": ["A"]},
            [
                (
                    '.namespaces[0]: "A" must be a DNS label: lower case letters, digits and "-", '
                    'at most 63 characters, first and last no "-"'
                )
            ],
        ),
        (
            {"labelSelector": {"matchExpressions": [{"key": "/", "operator": "Like", "values": ["-"]}]}},
            [
                f'.labelSelector.matchExpressions[0].key: "/" must be {KEY}',
                (
                    '.labelSelector.matchExpressions[0].operator: "Like" is not known, '
                    'write "In", "NotIn", "Exists" or "DoesNotExist"'
                ),
                f'.labelSelector.matchExpressions[0].values[0]: "-" must be {VALUE}',
            ],
        ),
        (
            {"namespaceSelector": {"matchLabels": {"a": "-"}}},
            [f'.namespaceSelector.matchLabels.a: "-" must be {VALUE}'],
        ),
        ({"matchLabelKeys": ["a"]}, [".matchLabelKeys: needs labelSelector beside it"]),
        ({"labelSelector": SELECTED, "mismatchLabelKeys": ["/a"]}, [f'.mismatchLabelKeys[0]: "/a" must be {KEY}']),
        (
            {"labelSelector": SELECTED, "matchLabelKeys": ["a"], "mismatchLabelKeys": ["a"]},
            ['.matchLabelKeys[0]: "a" is in mismatchLabelKeys too, drop one of them'],
        ),
        (
            {
                "labelSelector": {**SELECTED, "matchExpressions": [{"key": "app", "operator": "Exists"}]},
                "matchLabelKeys": ["app"],
            },
            ['.matchLabelKeys[0]: "app" is in labelSelector too, drop one of them'],
        ),
    ],
)
def test_affinity_to_pods(kind: str, term: dict[str, Any], expected: list[str]) -> None:
    whole = {"topologyKey": "zone", **term}
    found = problems(spec={"affinity": {kind: {REQUIRED: [whole]}}})
    assert found == [f"spec.affinity.{kind}.{REQUIRED}[0]{line}" for line in expected]
    wished = problems(spec={"affinity": {kind: {PREFERRED: [{"weight": 1, "podAffinityTerm": whole}]}}})
    assert wished == [f"spec.affinity.{kind}.{PREFERRED}[0].podAffinityTerm{line}" for line in expected]


def test_a_wish_has_a_weight() -> None:
    wish = {"weight": 0, "podAffinityTerm": {"topologyKey": "zone"}}
    assert problems(spec={"affinity": {"podAffinity": {PREFERRED: [wish]}}}) == [
        f"spec.affinity.podAffinity.{PREFERRED}[0].weight: 0 is out of range, must be between 1 and 100"
    ]


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        ({"key": "a"}, []),
        ({"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute", "tolerationSeconds": 1}, []),
        ({"operator": "Exists"}, []),
        ({"operator": "Equal"}, ['operator: must be "Exists" where there is no key: it bears every taint']),
        ({"key": "a^", "operator": "Exists"}, [f'key: "a^" must be {KEY}']),
        ({"key": "a", "operator": "Gt"}, ['operator: "Gt" is not known, write "Equal" or "Exists"']),
        (
            {"key": "a", "operator": "Exists", "value": "b"},
            ['value: must be left away, operator "Exists" looks at no value'],
        ),
        ({"key": "a", "value": "-"}, [f'value: "-" must be {VALUE}']),
        (
            {"key": "a", "effect": "Run"},
            ['effect: "Run" is not known, write "NoSchedule", "PreferNoSchedule" or "NoExecute"'],
        ),
        (
            {"key": "a", "effect": "NoSchedule", "tolerationSeconds": 1},
            ['effect: must be "NoExecute" where tolerationSeconds is set'],
        ),
    ],
)
def test_tolerations(toleration: dict[str, Any], expected: list[str]) -> None:
    assert problems(spec={"tolerations": [toleration]}) == [f"spec.tolerations[0].{line}" for line in expected]


SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ({"minDomains": 1, "nodeAffinityPolicy": "Honor", "nodeTaintsPolicy": "Ignore"}, []),
        ({"labelSelector": SELECTED, "matchLabelKeys": ["tier"]}, []),
        ({"maxSkew": 0}, ["maxSkew: 0 is too small, must be 1 or more"]),
        ({"topologyKey": ""}, ["topologyKey: is missing, name a label of nodes"]),
        (
            {"whenUnsatisfiable": "Wait"},
            ['whenUnsatisfiable: "Wait" is not known, write "DoNotSchedule" or "ScheduleAnyway"'],
        ),
        ({"minDomains": 0}, ["minDomains: 0 is too small, must be 1 or more"]),
        (
            {"minDomains": 2, "whenUnsatisfiable": "ScheduleAnyway"},
            ["minDomains: needs whenUnsatisfiable: DoNotSchedule"],
        ),
        (
            {"nodeAffinityPolicy": "x", "nodeTaintsPolicy": "y"},
            [
                'nodeAffinityPolicy: "x" is not known, write "Honor" or "Ignore"',
                'nodeTaintsPolicy: "y" is not known, write "Honor" or "Ignore"',
            ],
        ),
        ({"labelSelector": {"matchLabels": {"a": "-"}}}, [f'labelSelector.matchLabels.a: "-" must be {VALUE}']),
        ({"matchLabelKeys": ["a"]}, ["matchLabelKeys: needs labelSelector beside it"]),
        (
            {"labelSelector": SELECTED, "matchLabelKeys": ["app"]},
            ['matchLabelKeys[0]: "app" is in labelSelector too, drop one of them'],
        ),
    ],
)
def test_spreading(constraint: dict[str, Any], expected: list[str]) -> None:
    found = problems(spec={"topologySpreadConstraints": [{**SPREAD, **constraint}]})
    assert found == [f"spec.topologySpreadConstraints[0].{line}" for line in expected]


def test_one_constraint_for_a_topology() -> None:
    assert problems(spec={"topologySpreadConstraints": [SPREAD, {**SPREAD, "maxSkew": 2}]}) == [
        "spec.topologySpreadConstraints[1]: has the topologyKey and whenUnsatisfiable of another constraint"
    ]


def test_gates() -> None:
    assert problems(spec={"readinessGates": [{"conditionType": "example.com/a"}, {"conditionType": "/"}]}) == [
        f'spec.readinessGates[1].conditionType: "/" must be {KEY}'
    ]
    assert problems(spec={"schedulingGates": [{"name": "a"}]}) == [
        "spec.schedulingGates: must be left away, a pod of a manifest is on its node already"
    ]

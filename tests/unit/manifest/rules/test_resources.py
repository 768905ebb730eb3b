from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.rules.pods import container_problems, problems

NO_RESOURCE = (
    "is no resource of a container, write cpu, memory, ephemeral-storage, "
    "hugepages-SIZE or a name with a domain, like example.com/name"
)
DEVICE = "example.com/gpu"


@pytest.mark.parametrize(
    ("limits", "requests", "expected"),
    [
        ({"cpu": "1", "memory": "64Mi", "ephemeral-storage": "1Gi"}, {"cpu": "100m"}, []),
        ({"cpu": "500m"}, {"cpu": "0.5"}, []),
        ({}, {"cpu": "1"}, []),
        ({"cpu": "5"}, {"cpu": "6"}, ['requests.cpu: "6" is more than the limit "5"']),
        ({"cpu": "-1"}, {}, ['limits.cpu: "-1" is negative, must be 0 or more']),
        ({}, {"memory": "-10"}, ['requests.memory: "-10" is negative, must be 0 or more']),
        ({"disk": "1"}, {}, [f'limits.disk: "disk" {NO_RESOURCE}']),
        (
            {"requests.example.com/a": "1"},
            {},
            [f'limits.requests.example.com/a: "requests.example.com/a" {NO_RESOURCE}'],
        ),
        ({"kubernetes.io/a": "1"}, {"kubernetes.io/a": "500m"}, []),
        ({DEVICE: "1"}, {DEVICE: "1"}, []),
        (
            {DEVICE: "2500m"},
            {},
            [f'limits.{DEVICE}: "2500m" must be a whole number, {DEVICE} cannot be divided'],
        ),
        ({DEVICE: "1"}, {DEVICE: "2"}, [f'requests.{DEVICE}: "2" must be the same as the limit "1"']),
        ({}, {DEVICE: "1"}, [f"limits: must name {DEVICE} too, it cannot be shared: limit = request"]),
        ({"cpu": "1", "hugepages-2Mi": "4Mi"}, {"hugepages-2Mi": "4Mi"}, []),
        ({"hugepages-2Mi": "4Mi"}, {"memory": "1"}, []),
        ({"hugepages-2Mi": "4Mi"}, {}, [": huge pages need cpu or memory beside them"]),
        (
            {"cpu": "1", "hugepages-2Mi": "3Mi"},
            {},
            ['limits.hugepages-2Mi: "3Mi" must be a multiple of the page size 2Mi'],
        ),
        (
            {"cpu": "1", "hugepages-0": "3Mi"},
            {},
            ['limits.hugepages-0: "3Mi" must be a multiple of the page size 0'],
        ),
        (
            {"cpu": "1", "hugepages-big": "3Mi"},
            {},
            ['limits.hugepages-big: "big" is no size of a page, write for example hugepages-2Mi'],
        ),
        (
            {"cpu": "1"},
            {"hugepages-2Mi": "2Mi"},
            ["limits: must name hugepages-2Mi too, it cannot be shared: limit = request"],
        ),
    ],
)
def test_requests_and_limits(limits: dict[str, str], requests: dict[str, str], expected: list[str]) -> None:
    found = container_problems(resources={"limits": limits, "requests": requests})
    assert found == [f"resources.{line}".replace(".:", ":") for line in expected]


@pytest.mark.parametrize("name", ["a b/c", "/a"])
def test_a_resource_of_somebody_has_a_good_name(name: str) -> None:
    (line,) = container_problems(resources={"limits": {name: "1"}})
    assert line.startswith(f'resources.limits.{name}: "{name}" must be a name of letters')


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ([{"name": "gpu"}, {"name": "nic", "request": "a"}, {"name": "nic", "request": "b"}], []),
        ([{"name": ""}], ["[0].name: is missing, name one of spec.resourceClaims"]),
        ([{"name": "tpu"}], ['[0].name: "tpu" is not in spec.resourceClaims']),
        (
            [{"name": "gpu", "request": "*"}],
            [
                (
                    '[0].request: "*" must be a DNS label: lower case letters, digits and "-", '
                    'at most 63 characters, first and last no "-"'
                )
            ],
        ),
        ([{"name": "gpu"}, {"name": "gpu"}], ["[1]: is claimed by this container already"]),
        ([{"name": "gpu", "request": "a"}, {"name": "gpu"}], ["[1]: is claimed by this container already"]),
        ([{"name": "gpu", "request": "a"}] * 2, ["[1]: is claimed by this container already"]),
    ],
)
def test_claims_of_devices(claims: list[dict[str, str]], expected: list[str]) -> None:
    known = [{"name": name, "resourceClaimName": name} for name in ("gpu", "nic")]
    found = problems(spec={"resourceClaims": known}, container={"resources": {"claims": claims}})
    of_container = [line for line in found if line.startswith("spec.containers")]
    assert of_container == [f"spec.containers[0].resources.claims{line}" for line in expected]


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ([{"resourceName": "cpu", "restartPolicy": "RestartContainer"}], []),
        (
            [{"resourceName": "disk", "restartPolicy": "Restart"}],
            [
                '[0].resourceName: "disk" is not known, write "cpu" or "memory"',
                '[0].restartPolicy: "Restart" is not known, write "NotRequired" or "RestartContainer"',
            ],
        ),
        ([{"resourceName": "cpu", "restartPolicy": "NotRequired"}] * 2, ['[1]: "cpu" has a policy already']),
    ],
)
def test_resizing(policies: list[dict[str, str]], expected: list[str]) -> None:
    assert container_problems(resizePolicy=policies) == [f"resizePolicy{line}" for line in expected]


def test_what_is_never_restarted_cannot_be_resized_by_a_restart() -> None:
    resize: dict[str, Any] = {"resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]}
    message = 'must be "NotRequired", this container is never restarted'
    assert container_problems({"restartPolicy": "Never"}, **resize) == [f"resizePolicy[0].restartPolicy: {message}"]
    assert container_problems({"restartPolicy": "Never"}, restartPolicy="Always", **resize) == []
    assert problems(spec={"initContainers": [{"name": "init", "image": "a", **resize}]}) == [
        f"spec.initContainers[0].resizePolicy[0].restartPolicy: {message}"
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"resources": {"limits": {"cpu": "2", "hugepages-2Mi": "2Mi"}, "requests": {"cpu": "1"}}}, []),
        (
            {"resources": {"requests": {"storage": "1"}}},
            ['resources.requests.storage: "storage" is not known, write "cpu", "memory" or "hugepages-SIZE"'],
        ),
        ({"resources": {"claims": [{"name": "a"}]}}, ["resources.claims: must be left away, containers use claims"]),
        (
            {"resources": {"requests": {"cpu": "99m"}}},
            ['resources.requests.cpu: "99m" is less than what the containers request together (100m)'],
        ),
        ({"resources": {"requests": {"cpu": "100m", "memory": "1Gi"}}}, []),
        (
            {"resources": {"limits": {"memory": "63Mi"}}},
            ['containers[0].resources.limits.memory: "64Mi" is more than the limit of the whole pod (63Mi)'],
        ),
        ({"overhead": {"cpu": "10m"}}, []),
        ({"overhead": {"cpu": "-10m"}}, ['overhead.cpu: "-10m" is negative, must be 0 or more']),
    ],
)
def test_resources_of_a_whole_pod(spec: dict[str, Any], expected: list[str]) -> None:
    resources = {"limits": {"memory": "64Mi"}, "requests": {"cpu": "100m"}}
    assert problems(spec=spec, container={"resources": resources}) == [f"spec.{line}" for line in expected]


def test_a_pod_s_request_holds_what_init_containers_need_too() -> None:
    before = {"name": "before", "image": "i", "resources": {"requests": {"cpu": "2"}}}
    found = problems(spec={"initContainers": [before], "resources": {"requests": {"cpu": "1"}}})
    assert found == ['spec.resources.requests.cpu: "1" is less than what the containers request together (2)']

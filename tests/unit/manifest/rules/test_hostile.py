"""Texts that somebody writes who means no good: each is refused at its field, before anything acts on it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hostpod.kube import Pod
from hostpod.manifest import parse_manifest
from hostpod.plan.sysctls import SAFE, forbidden
from tests.unit.manifest.rules.pods import container_problems, problems, volume_problems

LEADS_OUT = ["..", "../x", "a/../b", "a/..", "..data", "..x", "/x", "/../x"]


def fields(path: str) -> dict[str, Any]:
    """A source of each kind that writes a file at this path."""
    item, field = {"key": "k", "path": path}, {"path": path, "fieldRef": {"fieldPath": "metadata.name"}}
    parts: list[dict[str, Any]] = [
        {"configMap": {"name": "a", "items": [item]}},
        {"secret": {"name": "a", "items": [item]}},
        {"downwardAPI": {"items": [field]}},
        {"serviceAccountToken": {"path": path}},
    ]
    return {
        "configMap.items[0].path": {"configMap": {"name": "a", "items": [item]}},
        "secret.items[0].path": {"secret": {"secretName": "a", "items": [item]}},
        "downwardAPI.items[0].path": {"downwardAPI": {"items": [field]}},
        "projected.sources[0].configMap.items[0].path": {"projected": {"sources": parts[:1]}},
        "projected.sources[0].secret.items[0].path": {"projected": {"sources": parts[1:2]}},
        "projected.sources[0].downwardAPI.items[0].path": {"projected": {"sources": parts[2:3]}},
        "projected.sources[0].serviceAccountToken.path": {"projected": {"sources": parts[3:]}},
    }


@pytest.mark.parametrize("path", LEADS_OUT)
@pytest.mark.parametrize("place", sorted(fields("")))
def test_no_file_of_a_volume_lies_outside(place: str, path: str) -> None:
    (told,) = volume_problems(**fields(path)[place])
    assert told.startswith(f"{place}: ")


@pytest.mark.parametrize("place", sorted(fields("")))
def test_names_that_only_look_so_are_fine(place: str) -> None:
    assert volume_problems(**fields("a/..b/c..d/.e")[place]) == []


@pytest.mark.parametrize("key", ["..", ".", "..data", "a/b", "../x", "a\0", "a\n"])
def test_no_key_of_an_object_is_a_way_out(key: str) -> None:
    for kind, field in (
        ("ConfigMap", "data"),
        ("ConfigMap", "binaryData"),
        ("Secret", "data"),
        ("Secret", "stringData"),
    ):
        text = json.dumps({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}, field: {key: "eA=="}})
        parsed = parse_manifest(text.encode(), file="f")
        assert [problem.path.partition("[")[0].partition(".")[0] for problem in parsed.problems] == [field]
        assert parsed.configs == ()


@pytest.mark.parametrize("path", ["..", "a/../../b", "/a", "a\0b"])
def test_no_part_of_a_volume_lies_outside(path: str) -> None:
    volume = {"volumes": [{"name": "v", "emptyDir": {}}]}
    for name in ("subPath", "subPathExpr"):
        mount = {"name": "v", "mountPath": "/m", name: path}
        (told,) = container_problems(volume, volumeMounts=[mount])
        assert told.startswith(f"volumeMounts[0].{name}: ")


NAMES = [
    "kernel.shm_rmid_forced/../x",
    "kernel/shm_rmid_forced/../../vm/swappiness",
    "../kernel.shm_rmid_forced",
    "kernel..shm_rmid_forced",
    "kernel//shm_rmid_forced",
    "/proc/sys/kernel/shm_rmid_forced",
    "kernel.shm_rmid_forced\n",
    "kernel.shm_rmid_forced\0",
    "kernel.shm_rmid_forced\nvm.swappiness",
    "kernel.shm_rmid_forced=1",
    "kernel.shm_rmid_forced ",
    "kernel.shm_rmid_forced;x",
    "kernel.*",
    "",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_parameter_has_one_name_and_no_way_out(name: str) -> None:
    told = problems(spec={"securityContext": {"sysctls": [{"name": name, "value": "1"}]}})
    assert told
    assert told[0].startswith("spec.securityContext.sysctls[0].name: ")


@pytest.mark.parametrize("name", [name for name in NAMES if name])
def test_and_is_not_let_through_by_a_list_either(name: str) -> None:
    """Were the rule not there: what is compared is what the runtime is given, and no part of it."""
    spec = {"containers": [], "securityContext": {"sysctls": [{"name": name, "value": "1"}]}}
    given = Pod.model_validate({"spec": spec}).sysctls
    assert forbidden(given, ()) is not None
    assert not set(given) & SAFE


def test_slashes_are_dots() -> None:
    spec = {"securityContext": {"sysctls": [{"name": "kernel/shm_rmid_forced", "value": "1"}]}}
    assert problems(spec=spec) == []
    assert Pod.model_validate({"spec": {"containers": [], **spec}}).sysctls == {"kernel.shm_rmid_forced": "1"}


def test_no_text_ends_early() -> None:
    """The kernel would take what stands before the NUL, or Python would not hand it over at all."""
    told = "holds the character U+0000, which ends a text for the kernel: remove it"
    assert container_problems(command=["a\0b"], args=["x", "y\0"], workingDir="/a\0") == [
        f"command[0]: {told}",
        f"args[1]: {told}",
        f"workingDir: {told}",
    ]
    assert container_problems(image="a\0") == [f"image: {told}"]
    assert container_problems(env=[{"name": "A", "value": "\0"}]) == [f"env[0].value: {told}"]
    assert container_problems(livenessProbe={"exec": {"command": ["\0"]}}) == [f"livenessProbe.exec.command[0]: {told}"]
    assert volume_problems(hostPath={"path": "/etc\0/x"}) == [f"hostPath.path: {told}"]
    sysctl = {"name": "kernel.shm_rmid_forced", "value": "1\0"}
    assert problems(spec={"securityContext": {"sysctls": [sysctl]}}) == [
        f"spec.securityContext.sysctls[0].value: {told}"
    ]
    assert problems(spec={"nodeSelector": {"a": "b\0"}}) != []
    assert problems(metadata={"annotations": {"a": "b\0"}}) == [], "they are only shown"

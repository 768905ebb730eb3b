"""Every field has a level, and the levels do what they say."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hostpod.kube import ConfigMap, KubeModel, PersistentVolumeClaim, Pod, Secret
from hostpod.manifest import fields, parse_manifest
from hostpod.manifest.shapes import Shape, fields_of
from hostpod.manifest.support import SUPPORT
from hostpod.manifest.survey import survey
from tests.unit.manifest.write import pod_of, problems, web

ROOT = Path(__file__).resolve().parents[3]
NOT_YET = "not supported by this version of hostpod"


def working_objects(model: type[KubeModel], known: set[type[KubeModel]]) -> set[type[KubeModel]]:
    """The models whose fields need levels of their own."""
    if model not in known:
        known.add(model)
        for name, shape in fields_of(model).items():
            below = shape.item.model if shape.item else shape.model
            if below is not None and SUPPORT[model][name].level == "works":
                working_objects(below, known)
    return known


def test_every_field_has_a_level() -> None:
    models = {
        model for root in (Pod, ConfigMap, Secret, PersistentVolumeClaim) for model in working_objects(root, set())
    }
    assert models == set(SUPPORT)
    for model in models:
        assert set(SUPPORT[model]) == set(fields_of(model)), model.__name__


def sample(shape: Shape) -> Any:
    """A value that says something."""
    samples: dict[str, Any] = {"boolean": True, "integer": 1, "list": ("x",), "map": {"x": "y"}, "object": {"x": "y"}}
    if shape.kind == "list" and shape.item is not None and shape.item.model is not None:
        return ({},)
    return samples.get(shape.kind, "x")


def told_of(
    model: type[KubeModel], around: Callable[[dict[str, Any]], dict[str, Any]], path: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], dict[str, Any], str]]:
    """Every field that does not simply work: its path, an object that has it alone, and what must be said of it."""
    for name, shape in fields_of(model).items():
        support, inner = SUPPORT[model][name], shape.item or shape

        def with_field(value: Any, name: str = name, *, listed: bool = False) -> dict[str, Any]:
            return around({name: (value,) if listed else value})

        if support.level == "meaningless":
            yield (*path, name), with_field(support.values[0] if support.values else sample(shape)), "no effect"
        elif support.level == "not supported":
            yield (*path, name), with_field(sample(shape)), "not supported"
        elif support.values:
            yield (*path, name), with_field(not support.values[0] if shape.kind == "boolean" else "x"), "not supported"
        elif inner.model is not None and shape.kind == "list":
            yield from told_of(inner.model, partial(with_field, listed=True), (*path, name, 0))
        elif inner.model is not None:
            yield from told_of(inner.model, with_field, (*path, name))


@pytest.mark.parametrize("root", [Pod, ConfigMap, Secret])
def test_no_field_is_ignored_in_silence(root: type[KubeModel]) -> None:
    for path, data, kind in told_of(root, lambda value: value, ()):
        assert (kind, path) in [(remark.kind, remark.path) for remark in survey(data, root)]


def test_the_page_of_fields_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(fields.__file__, run_name="__main__")
    assert capsys.readouterr().out == fields.page() == (ROOT / "docs" / "fields.md").read_text()


@pytest.mark.parametrize(
    ("container", "spec", "told"),
    [
        (
            "",
            "readinessGates: [{conditionType: a/b}]",
            f"9: spec.readinessGates: {NOT_YET}, remove it",
        ),
        (
            "volumeDevices: [{name: a, devicePath: /a}]",
            "",
            f"9: spec.containers[0].volumeDevices: {NOT_YET}, remove it",
        ),
        (
            "securityContext: {windowsOptions: {runAsUserName: x}}",
            "",
            f"9: spec.containers[0].securityContext.windowsOptions: {NOT_YET}, remove it",
        ),
        (
            "",
            "volumes: [{name: a, emptyDir: {medium: Disk}}]",
            (
                f'9: spec.volumes[0].emptyDir.medium: "Disk" is {NOT_YET}, write "", "Memory", "HugePages", '
                '"HugePages-64Ki", "HugePages-2Mi", "HugePages-32Mi" or "HugePages-1Gi"'
            ),
        ),
        (
            "",
            "volumes: [{name: a, iscsi: {targetPortal: b, iqn: iqn.2001-04.com.example:c, lun: 0}}]",
            f"9: spec.volumes[0].iscsi: {NOT_YET}, use emptyDir or hostPath",
        ),
    ],
)
def test_what_is_not_supported_is_an_error(container: str, spec: str, told: str) -> None:
    assert problems(web(container, spec)) == [told]


def test_annotations_that_ask_for_something_are_not_ignored() -> None:
    annotation = "cdi.k8s.io/gpu"
    assert problems(web(metadata=f"annotations: {{{annotation}: vendor.com/gpu=0, other: x}}")) == [
        f"5: metadata.annotations[{annotation}]: {NOT_YET}, remove it"
    ]


@pytest.mark.parametrize(
    ("container", "spec"),
    [
        ("tty: true\nstdin: true\nstdinOnce: true", ""),
        ("tty: false\nstdin: false\nlivenessProbe: null\nvolumeDevices: []\nenvFrom: []", ""),
        ("securityContext: {}", "securityContext: {}\ninitContainers: []\nhostAliases: []\nsubdomain: ''"),
        ("ports: [{containerPort: 80, hostPort: 80}]", "hostNetwork: true\ndnsPolicy: ClusterFirstWithHostNet"),
        ("ports: [{containerPort: 80, hostPort: 0, hostIP: ''}]", ""),
        ("ports: [{containerPort: 80, hostPort: 8080, hostIP: 127.0.0.1, protocol: UDP}]", ""),
        ("securityContext: {privileged: false}", "hostUsers: true\nsetHostnameAsFQDN: false"),
        (
            "resources: {limits: {memory: 2Gi, ephemeral-storage: 1Gi, a.b/c: 1, hugepages-2Mi: 4Mi}}",
            "resources: {limits: {cpu: 2, memory: 3Gi}}\nvolumes: [{name: a, emptyDir: {medium: HugePages-2Mi}}]",
        ),
        ("securityContext: {procMount: Unmasked, appArmorProfile: {type: Unconfined}}", "hostUsers: false"),
        ("securityContext: {seLinuxOptions: {level: s0}}", "securityContext: {seLinuxChangePolicy: Recursive}"),
    ],
)
def test_what_says_nothing_or_the_default_is_fine(container: str, spec: str) -> None:
    pod_of(web(container, spec))


def test_without_an_effect() -> None:
    parsed = parse_manifest(web("", "enableServiceLinks: true").encode(), file="f")
    assert [note.path for note in parsed.notes] == ["spec.enableServiceLinks"]

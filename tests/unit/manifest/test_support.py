"""Every field has a level, and the levels do what they say."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from hostpod.kube import ConfigMap, KubeModel, PersistentVolumeClaim, Pod, Secret
from hostpod.manifest import fields, parse_manifest
from hostpod.manifest.shapes import fields_of
from hostpod.manifest.support import SUPPORT
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


def test_the_page_of_fields_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(fields.__file__, run_name="__main__")
    assert capsys.readouterr().out == fields.page() == (ROOT / "docs" / "fields.md").read_text()


@pytest.mark.parametrize(
    ("container", "spec", "told"),
    [
        ("tty: true", "", f"9: spec.containers[0].tty: {NOT_YET}, remove it"),
        (
            "",
            "imagePullSecrets: [{name: x}]",
            f"9: spec.imagePullSecrets: {NOT_YET}, remove it",
        ),
        (
            "volumeDevices: [{name: a, devicePath: /a}]",
            "",
            f"9: spec.containers[0].volumeDevices: {NOT_YET}, remove it",
        ),
        (
            "ports: [{containerPort: 80, hostPort: 80}]",
            "",
            f"9: spec.containers[0].ports[0].hostPort: {NOT_YET}, only with hostNetwork: remove it, or set hostNetwork",
        ),
        (
            "stdin: true",
            "",
            f"9: spec.containers[0].stdin: {NOT_YET}, remove it",
        ),
        (
            "securityContext: {windowsOptions: {runAsUserName: x}}",
            "",
            f"9: spec.containers[0].securityContext.windowsOptions: {NOT_YET}, remove it",
        ),
        (
            "resources: {limits: {ephemeral-storage: 1Gi}}",
            "",
            f"9: spec.containers[0].resources.limits.ephemeral-storage: {NOT_YET}, remove it",
        ),
        (
            "",
            "volumes: [{name: a, emptyDir: {medium: HugePages}}]",
            f'9: spec.volumes[0].emptyDir.medium: "HugePages" is {NOT_YET}, write "" or "Memory"',
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


def test_annotations_that_limit_are_not_ignored() -> None:
    annotation = "kubernetes.io/ingress-bandwidth"
    assert problems(web(metadata=f"annotations: {{{annotation}: 1M, other: x}}")) == [
        f"5: metadata.annotations[{annotation}]: {NOT_YET}, remove it"
    ]


@pytest.mark.parametrize(
    ("container", "spec"),
    [
        ("tty: false\nstdin: false\nlivenessProbe: null\nvolumeDevices: []\nenvFrom: []", ""),
        ("securityContext: {}", "securityContext: {}\ninitContainers: []\nhostAliases: []\nsubdomain: ''"),
        ("ports: [{containerPort: 80, hostPort: 80}]", "hostNetwork: true\ndnsPolicy: ClusterFirstWithHostNet"),
        ("ports: [{containerPort: 80, hostPort: 0, hostIP: ''}]", ""),
        ("securityContext: {privileged: false}", "hostUsers: true\nsetHostnameAsFQDN: false"),
        ("securityContext: {procMount: Unmasked, appArmorProfile: {type: Unconfined}}", "hostUsers: false"),
        ("securityContext: {seLinuxOptions: {level: s0}}", "securityContext: {seLinuxChangePolicy: Recursive}"),
        ("resources: {requests: {cpu: 1, memory: 1Gi, ephemeral-storage: 1Gi}, limits: {cpu: 1, memory: 2Gi}}", ""),
    ],
)
def test_what_says_nothing_or_the_default_is_fine(container: str, spec: str) -> None:
    pod_of(web(container, spec))


def test_without_an_effect() -> None:
    parsed = parse_manifest(web("resources: {requests: {ephemeral-storage: 1Gi}}").encode(), file="f")
    assert [note.path for note in parsed.notes] == ["spec.containers[0].resources.requests.ephemeral-storage"]

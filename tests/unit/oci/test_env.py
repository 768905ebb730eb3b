from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hostpod.kube import ConfigMap, Pod, Secret
from hostpod.kube.config import Configs
from hostpod.kube.downward import RunningFacts
from hostpod.kube.quantity import Quantity
from hostpod.oci import EnvSources, SpecError, container_variables
from hostpod.oci.env import DEFAULT_PATH, environment

FACTS = RunningFacts(
    pod_ips=("10.1.0.2", "fd00::2"),
    host_ips=("192.0.2.1",),
    allocatable={"cpu": Quantity.parse("3500m"), "memory": Quantity.parse("2Gi")},
)
CONFIGS: Configs = {
    ("ConfigMap", "default", "app"): ConfigMap(data={"color": "blue", "a.b": "$(X)"}, binary_data={"raw": "AAE="}),
    ("Secret", "default", "db"): Secret(data={"user": "cm9vdA==", "raw": "/w=="}),
    ("Secret", "default", "plain"): Secret(data={"user": "cm9vdA==", "nul": "YQBi"}),
    ("ConfigMap", "other", "theirs"): ConfigMap(data={"color": "red"}),
}
FILES = {("work", "app.env"): "A='1'\nB= 'x'\n", ("work", "bad.env"): "A='1'\nB\n"}
RESOURCES = {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"memory": "100M"}}
META = {"name": "web-lab", "namespace": "default", "uid": "u1", "labels": {"app": "web"}, "annotations": {"n/a": "x"}}


def variables(env: Sequence[Any] = (), env_from: Sequence[Any] = ()) -> dict[str, str]:
    """What a container gets of the objects above."""
    container = {"name": "c", "image": "i", "env": env, "envFrom": env_from, "resources": RESOURCES}
    other = {"name": "other", "image": "i", "resources": {"limits": {"cpu": "1500m"}}}
    spec = {"containers": [container, other], "nodeName": "lab", "serviceAccountName": "robot"}
    pod = Pod.model_validate({"metadata": META, "spec": spec})
    sources = EnvSources(pod=pod, facts=FACTS, configs=CONFIGS, read_file=lambda *file: FILES.get(file))
    return container_variables(pod.spec.containers[0], sources)


def value_from(**source: Any) -> str | None:
    return variables([{"name": "X", "valueFrom": source}]).get("X")


def test_a_value_refers_to_what_stands_before_it() -> None:
    env = [
        {"name": "HOST", "value": "db"},
        {"name": "URL", "value": "http://$(HOST):$(PORT)"},
        {"name": "PORT", "value": "80"},
        {"name": "EMPTY"},
        {"name": "HOST", "value": "other"},
    ]
    assert variables(env) == {"HOST": "other", "URL": "http://db:$(PORT)", "PORT": "80", "EMPTY": ""}


def test_all_keys_of_an_object_come_first_and_env_goes_over_them() -> None:
    env = [{"name": "color", "value": "<$(color)>"}, {"name": "BOTH", "value": "$(P_user)-$(a.b)"}]
    sources = [
        {"configMapRef": {"name": "app"}},
        {"prefix": "P_", "secretRef": {"name": "plain", "optional": True}},
        {"configMapRef": {"name": "nowhere", "optional": True}},
    ]
    with pytest.raises(SpecError, match=r"^variable P_nul: its value has a zero octet, which no variable can$"):
        variables(env, sources)
    assert variables(env, [sources[0], sources[2]]) == {"color": "<blue>", "a.b": "$(X)", "BOTH": "$(P_user)-$(X)"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web-lab"),
        ("metadata.namespace", "default"),
        ("metadata.uid", "u1"),
        ("metadata.labels['app']", "web"),
        ("metadata.labels['none']", ""),
        ("metadata.annotations['n/a']", "x"),
        ("spec.nodeName", "lab"),
        ("spec.serviceAccountName", "robot"),
        ("status.hostIP", "192.0.2.1"),
        ("status.hostIPs", "192.0.2.1"),
        ("status.podIP", "10.1.0.2"),
        ("status.podIPs", "10.1.0.2,fd00::2"),
    ],
)
def test_fields_of_the_pod(path: str, value: str) -> None:
    assert value_from(fieldRef={"fieldPath": path}) == value


@pytest.mark.parametrize(
    ("selector", "value"),
    [
        ({"resource": "requests.cpu"}, "1"),
        ({"resource": "requests.cpu", "divisor": "1m"}, "250"),
        ({"resource": "limits.cpu"}, "4"),
        ({"resource": "limits.cpu", "containerName": "other", "divisor": "100m"}, "15"),
        ({"resource": "requests.cpu", "containerName": "other"}, "0"),
        ({"resource": "requests.memory", "divisor": "1Mi"}, "64"),
        ({"resource": "limits.memory"}, "100000000"),
        ({"resource": "limits.memory", "divisor": "1Mi"}, "96"),
        ({"resource": "limits.memory", "divisor": "0"}, "100000000"),
        ({"resource": "limits.memory", "containerName": "other", "divisor": "1Gi"}, "2"),
        ({"resource": "limits.ephemeral-storage"}, "0"),
    ],
)
def test_resources_in_whole_divisors(selector: dict[str, str], value: str) -> None:
    assert value_from(resourceFieldRef=selector) == value


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ({"configMapKeyRef": {"name": "app", "key": "color"}}, "blue"),
        ({"configMapKeyRef": {"name": "app", "key": "a.b"}}, "$(X)"),
        ({"configMapKeyRef": {"name": "app", "key": "none", "optional": True}}, None),
        ({"configMapKeyRef": {"name": "nowhere", "key": "none", "optional": True}}, None),
        ({"secretKeyRef": {"name": "plain", "key": "user"}}, "root"),
        ({"fileKeyRef": {"volumeName": "work", "path": "app.env", "key": "A"}}, "1"),
        ({"fileKeyRef": {"volumeName": "work", "path": "app.env", "key": "B"}}, ""),
        ({"fileKeyRef": {"volumeName": "work", "path": "app.env", "key": "C", "optional": True}}, None),
        ({"fileKeyRef": {"volumeName": "work", "path": "none", "key": "A", "optional": True}}, None),
    ],
)
def test_values_from_elsewhere(source: dict[str, Any], value: str | None) -> None:
    assert value_from(**source) == value


NOT_THERE = "not found: no manifest has a {} of this name in namespace default; add one, or mark it optional"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            {"configMapKeyRef": {"name": "theirs", "key": "color"}},
            f'variable X: configmap "theirs" {NOT_THERE.format("ConfigMap")}',
        ),
        ({"secretKeyRef": {"name": "app", "key": "x"}}, f'variable X: secret "app" {NOT_THERE.format("Secret")}'),
        (
            {"configMapKeyRef": {"name": "app", "key": "raw"}},
            "variable X: couldn't find key raw in ConfigMap default/app",
        ),
        ({"secretKeyRef": {"name": "db", "key": "raw"}}, "variable X: key raw is no text in UTF-8: mount it as a file"),
        (
            {"fileKeyRef": {"volumeName": "work", "path": "none", "key": "A"}},
            'variable X: file none of volume "work": there is no such file',
        ),
        (
            {"fileKeyRef": {"volumeName": "work", "path": "app.env", "key": "C"}},
            'variable X: file app.env of volume "work": no variable C in it',
        ),
        (
            {"fileKeyRef": {"volumeName": "work", "path": "bad.env", "key": "C", "optional": True}},
            "variable X: file bad.env of volume \"work\": line 2 is no variable: write NAME='value'",
        ),
    ],
)
def test_what_is_not_there_is_said(source: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        value_from(**source)
    assert str(caught.value) == message


def test_an_object_that_is_not_there_is_said() -> None:
    with pytest.raises(SpecError, match=r'^envFrom\[1\]: secret "nowhere" not found'):
        variables(env_from=[{"configMapRef": {"name": "app"}}, {"secretRef": {"name": "nowhere"}}])


def test_the_pod_comes_after_the_image_and_the_image_after_the_defaults() -> None:
    found = environment(
        image=["PATH=/bin", "A=image", "B=image=x", "ODD"], pod={"A": "pod", "C": ""}, hostname="web", tty=True
    )
    assert found == ["PATH=/bin", "TERM=xterm", "HOSTNAME=web", "A=pod", "B=image=x", "ODD=", "C="]


def test_defaults() -> None:
    assert environment(image=[], pod={}, hostname="web", tty=False) == [f"PATH={DEFAULT_PATH}", "HOSTNAME=web"]

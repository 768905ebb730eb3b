from __future__ import annotations

from typing import Any

import pytest

from hostpod.kube import ConfigMap, Pod, Secret, Volume
from hostpod.kube.config import Configs
from hostpod.kube.downward import RunningFacts
from hostpod.kube.quantity import Quantity
from hostpod.volumes import VolumeError
from hostpod.volumes.contents import File, Told, files_of, for_group, kind_of

CONFIGS: Configs = {
    ("ConfigMap", "default", "app"): ConfigMap(data={"a": "1", "b": "2"}, binary_data={"raw": "AP8="}),
    ("Secret", "default", "db"): Secret(data={"user": "cm9vdA=="}, string_data={"a": "s"}),
    ("ConfigMap", "other", "theirs"): ConfigMap(data={"x": "y"}),
}
LABELS = {"app": "web", "odd": 'a"b\n\té\x7f\u200b'}
POD = Pod.model_validate(
    {
        "metadata": {
            "name": "web-lab",
            "namespace": "default",
            "uid": "u1",
            "labels": LABELS,
            "annotations": {"n": "x"},
        },
        "spec": {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"memory": "64Mi"}}}]},
    }
)
OR_OPTIONAL = "of this name in namespace default; add one, or mark it optional"
FACTS = RunningFacts(pod_ips=("10.0.0.2",), allocatable={"cpu": Quantity.parse("2")})


def files(**source: Any) -> dict[str, tuple[bytes, int]]:
    """Content and mode by path."""
    volume = Volume.model_validate({"name": "v", **source})
    found = files_of(volume, Told(pod=POD, facts=FACTS, configs=CONFIGS))
    return {path: (file.content, file.mode) for path, file in found.items()}


def test_all_keys_of_an_object() -> None:
    assert files(configMap={"name": "app"}) == {"a": (b"1", 0o644), "b": (b"2", 0o644), "raw": (b"\0\xff", 0o644)}
    assert files(secret={"secretName": "db", "defaultMode": 0o400}) == {"user": (b"root", 0o400), "a": (b"s", 0o400)}
    assert files(configMap={"name": "none", "optional": True}) == {}


def test_some_keys_at_paths_of_their_own() -> None:
    items = [{"key": "a", "path": "etc/one"}, {"key": "raw", "path": "two", "mode": 0o755}]
    found = files(configMap={"name": "app", "items": items, "defaultMode": 0o440})
    assert found == {"etc/one": (b"1", 0o440), "two": (b"\0\xff", 0o755)}
    items = [{"key": "none", "path": "x"}, {"key": "user", "path": "y"}]
    assert files(secret={"secretName": "db", "items": items, "optional": True}) == {"y": (b"root", 0o644)}


def test_the_pod_itself() -> None:
    items = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "one", "fieldRef": {"fieldPath": "metadata.annotations['n']"}, "mode": 0o600},
        {"path": "ip", "fieldRef": {"fieldPath": "status.podIP"}},
        {"path": "memory", "resourceFieldRef": {"containerName": "c", "resource": "limits.memory", "divisor": "1Mi"}},
        {"path": "cpu", "resourceFieldRef": {"containerName": "c", "resource": "limits.cpu"}},
    ]
    assert files(downwardAPI={"items": items, "defaultMode": 0o444}) == {
        "labels": ('app="web"\nodd="a\\"b\\n\\té\\x7f\\u200b"'.encode(), 0o444),
        "one": (b"x", 0o600),
        "ip": (b"10.0.0.2", 0o444),
        "memory": (b"64", 0o444),
        "cpu": (b"2", 0o444),
    }


def test_several_in_one_volume_and_the_last_of_a_path_counts() -> None:
    sources = [
        {"configMap": {"name": "app"}},
        {"secret": {"name": "db", "items": [{"key": "user", "path": "db/user", "mode": 0o400}]}},
        {"secret": {"name": "db", "items": [{"key": "a", "path": "b"}]}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"configMap": {"name": "none", "optional": True}},
    ]
    assert files(projected={"sources": sources, "defaultMode": 0o444}) == {
        "a": (b"1", 0o444),
        "b": (b"s", 0o444),
        "raw": (b"\0\xff", 0o444),
        "db/user": (b"root", 0o400),
        "name": (b"web-lab", 0o444),
    }


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            {"configMap": {"name": "theirs"}},
            f'configmap "theirs" not found: no manifest has a ConfigMap {OR_OPTIONAL}',
        ),
        (
            {"projected": {"sources": [{"secret": {"name": "none"}}]}},
            f'secret "none" not found: no manifest has a Secret {OR_OPTIONAL}',
        ),
        (
            {"configMap": {"name": "app", "items": [{"key": "c", "path": "x"}]}},
            "configmap references non-existent config key: c",
        ),
        (
            {"secret": {"secretName": "db", "items": [{"key": "c", "path": "x"}]}},
            "secret references non-existent secret key: c",
        ),
    ],
)
def test_what_is_not_there_is_said(source: dict[str, Any], message: str) -> None:
    with pytest.raises(VolumeError) as caught:
        files(**source)
    assert str(caught.value) == message


def test_kinds() -> None:
    def kind(**source: Any) -> str | None:
        return kind_of(Volume.model_validate({"name": "v", **source}))

    assert kind(emptyDir={}) is None
    assert kind(configMap={"name": "a"}) == "kubernetes.io~configmap"
    assert kind(secret={"secretName": "a"}) == "kubernetes.io~secret"
    assert kind(downwardAPI={}) == "kubernetes.io~downward-api"
    assert kind(projected={}) == "kubernetes.io~projected"
    assert File(content=b"", mode=0) != File(content=b"", mode=1)


@pytest.mark.parametrize(
    ("context", "mode", "shown"),
    [
        ({}, None, (0o644, 0)),
        ({}, 0o440, (0o440, 0)),
        ({"runAsUser": 5}, 0o444, (0o600, 5)),
        ({"fsGroup": 7}, None, (0o600, 0)),
    ],
)
def test_a_token_is_for_its_reader_alone(context: dict[str, int], mode: int | None, shown: tuple[int, int]) -> None:
    pod = Pod.model_validate({**POD.model_dump(by_alias=True, include={"metadata"}), "spec": {
        "containers": [{"name": "c", "image": "i"}], "securityContext": context,
    }})  # fmt: skip
    source = {"sources": [{"serviceAccountToken": {"path": "t"}}], "defaultMode": mode}
    volume = Volume.model_validate({"name": "v", "projected": source})
    (file,) = files_of(volume, Told(pod=pod, facts=FACTS, configs={}, tokens={"t": b"x.y.z"})).values()
    assert (file.content, file.mode, file.uid) == (b"x.y.z", *shown)
    assert for_group({"t": file}, context.get("fsGroup"))["t"].mode == (0o640 if "fsGroup" in context else shown[0])

from __future__ import annotations

from hostpod.kube import Pod
from hostpod.kube.references import config_references, pull_secret_references


def test_all_that_a_pod_names() -> None:
    container = {
        "name": "c",
        "envFrom": [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "b"}}],
        "env": [
            {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "x"}}},
            {"name": "B", "valueFrom": {"secretKeyRef": {"name": "d", "key": "x", "optional": True}}},
            {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "D", "value": "e"},
        ],
    }
    init = {"name": "i", "envFrom": [{"configMapRef": {"name": "f"}}]}
    sources = [{"configMap": {"name": "i"}}, {"secret": {"name": "j"}}, {"downwardAPI": {}}]
    volumes = [
        {"name": "1", "configMap": {"name": "g"}},
        {"name": "2", "secret": {"secretName": "h"}},
        {"name": "3", "projected": {"sources": sources}},
        {"name": "4", "emptyDir": {}},
        {"name": "5", "configMap": {}},
    ]
    pull_secrets = [{"name": "k"}, {}]
    spec = {"containers": [container], "initContainers": [init], "volumes": volumes, "imagePullSecrets": pull_secrets}
    pod = Pod.model_validate({"metadata": {"name": "p", "namespace": "n"}, "spec": spec})
    assert config_references(pod) == {
        *(("ConfigMap", "n", name) for name in "acfgi"),
        *(("Secret", "n", name) for name in "bdhjk"),
    }
    assert pull_secret_references(pod) == {("Secret", "n", "k")}

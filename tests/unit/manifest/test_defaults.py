"""Defaults as Kubernetes fills them in."""

from __future__ import annotations

from typing import Any

import pytest

from hostpod.kube import Pod, to_json
from hostpod.manifest import default_pull_policy, with_defaults


def filled(spec: dict[str, Any]) -> dict[str, Any]:
    return dict(to_json(with_defaults(Pod.model_validate({"metadata": {"name": "a"}, "spec": spec})))["spec"])


def container(**more: Any) -> dict[str, Any]:
    (only,) = filled({"containers": [{"name": "a", "image": "b:1", **more}]})["containers"]
    return dict(only)


def volume(**source: Any) -> dict[str, Any]:
    (only,) = filled({"containers": [], "volumes": [{"name": "v", **source}]})["volumes"]
    return dict(only)


def test_of_a_pod() -> None:
    assert filled({"containers": []}) == {
        "containers": [],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "enableServiceLinks": True,
    }


def test_what_is_said_stays() -> None:
    said = {
        "containers": [],
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
        "dnsPolicy": "Default",
        "securityContext": {"runAsUser": 0},
        "schedulerName": "mine",
        "enableServiceLinks": False,
    }
    assert filled(said) == said


def test_namespace() -> None:
    assert with_defaults(Pod.model_validate({"spec": {"containers": []}})).namespace == "default"
    named = Pod.model_validate({"metadata": {"namespace": "shop"}, "spec": {"containers": []}})
    assert with_defaults(named).namespace == "shop"


def test_of_a_container() -> None:
    assert container() == {
        "name": "a",
        "image": "b:1",
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }
    assert container(imagePullPolicy="Never")["imagePullPolicy"] == "Never"


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"), ("nginx:latest", "Always"), ("nginx:1.22", "IfNotPresent"), ("host:5000/nginx", "Always"),
        ("host:5000/nginx:1", "IfNotPresent"), ("nginx@sha256:0", "IfNotPresent"), ("nginx:latest@sha256:0", "Always"),
        ("", "Always"),
    ],
)  # fmt: skip
def test_pull_policy(image: str, policy: str) -> None:
    assert default_pull_policy(image) == policy


def test_requests_follow_limits_in_canonical_form() -> None:
    resources = {"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": "0.1", "x/y": 1}}
    assert container(resources=resources)["resources"] == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "100m", "memory": "1Gi", "x/y": "1"},
    }


def test_ports() -> None:
    assert container(ports=[{"containerPort": 80}])["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    on_host = filled({"hostNetwork": True, "containers": [{"name": "a", "ports": [{"containerPort": 80}]}]})
    assert on_host["containers"][0]["ports"] == [{"hostPort": 80, "containerPort": 80, "protocol": "TCP"}]


def test_probes_and_hooks() -> None:
    filled_in = container(
        livenessProbe={"httpGet": {"port": 80}, "timeoutSeconds": 0},
        readinessProbe={"grpc": {"port": 1}, "periodSeconds": 3},
        lifecycle={"preStop": {"httpGet": {"port": "x", "path": "/bye"}}},
    )
    rhythm = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    assert filled_in["livenessProbe"] == {"httpGet": {"path": "/", "port": 80, "scheme": "HTTP"}, **rhythm}
    assert filled_in["readinessProbe"] == {"grpc": {"port": 1, "service": ""}, **rhythm, "periodSeconds": 3}
    assert filled_in["lifecycle"]["preStop"]["httpGet"] == {"path": "/bye", "port": "x", "scheme": "HTTP"}


def test_volumes() -> None:
    assert volume() == {"name": "v", "emptyDir": {}}
    assert volume(hostPath={"path": "/a"})["hostPath"] == {"path": "/a", "type": ""}
    assert volume(secret={"secretName": "s"})["secret"] == {"secretName": "s", "defaultMode": 0o644}
    assert volume(configMap={"name": "c", "defaultMode": 0})["configMap"] == {"name": "c", "defaultMode": 0}


def test_field_references() -> None:
    variable = {"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    assert container(env=[variable])["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"


class TestWhole:
    """What a pod requests as a whole (spec.resources)."""

    @staticmethod
    def whole(resources: dict[str, Any], *containers: dict[str, Any]) -> dict[str, Any]:
        made = [{"name": f"c{n}", "image": "b:1", "resources": each} for n, each in enumerate(containers)]
        return dict(filled({"containers": made, "resources": resources})["resources"])

    def test_it_is_what_the_containers_request_together_and_else_its_limit(self) -> None:
        limits = {"cpu": "2", "memory": "1Gi"}
        assert self.whole({"limits": limits}, {"requests": {"cpu": "500m"}}, {"limits": {"cpu": "250m"}}) == {
            "limits": limits,
            "requests": {"cpu": "750m", "memory": "1Gi"},
        }

    def test_what_is_said_stays(self) -> None:
        said = {"limits": {"cpu": "2"}, "requests": {"cpu": "1"}}
        assert self.whole(said, {"requests": {"cpu": "500m"}}) == said

    def test_without_limits_nothing_is_filled_in(self) -> None:
        assert self.whole({"requests": {"cpu": "1"}}, {"requests": {"memory": "1Gi"}}) == {"requests": {"cpu": "1"}}
        assert self.whole({}, {"requests": {"memory": "1Gi"}}) == {}

    def test_huge_pages_of_containers_are_a_limit_of_the_pod(self) -> None:
        huge = {"hugepages-2Mi": "4Mi"}
        asked = {"limits": {"memory": "1Gi", **huge}}
        assert self.whole({"requests": {"memory": "2Gi"}}, asked, asked) == {
            "limits": {"hugepages-2Mi": "8Mi"},
            "requests": {"memory": "2Gi", "hugepages-2Mi": "8Mi"},
        }

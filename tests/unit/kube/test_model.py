"""Strictness of the values, and printing as the kubelet prints."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from hostpod.kube import (
    Container,
    ContainerPort,
    EnvVar,
    Event,
    HTTPGetAction,
    ObjectMeta,
    ObjectReference,
    Pod,
    PodCondition,
    PodList,
    PodSpec,
    SecurityContext,
    Volume,
    to_json,
)


def pod(**container: Any) -> Pod:
    return Pod.model_validate(
        {"metadata": {"name": "web", "namespace": "shop", "uid": "1"}, "spec": {"containers": [container]}}
    )


def refusal(model: type[Any], value: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(value)
    return str(caught.value)


def test_names_here_and_outside() -> None:
    assert ContainerPort(container_port=80, host_ip="::1") == ContainerPort.model_validate(
        {"containerPort": 80, "hostIP": "::1"}
    )
    web = pod(name="nginx")
    assert (web.name, web.namespace, web.uid) == ("web", "shop", "1")
    nameless = Pod(spec=PodSpec(containers=()))
    assert (nameless.name, nameless.namespace, nameless.uid) == ("", "", "")


@pytest.mark.parametrize(
    ("field", "value"),
    [("containerPort", "80"), ("containerPort", 80.0), ("containerPort", True), ("containerPort", 2**31), ("name", 1)],
)
def test_types_are_those_of_json(field: str, value: object) -> None:
    assert field in refusal(ContainerPort, {"containerPort": 80} | {field: value})


def test_unknown_fields_are_refused() -> None:
    assert "imagee" in refusal(Container, {"name": "a", "imagee": "b"})


def test_times_are_rfc3339() -> None:
    assert ObjectMeta.model_validate({"creationTimestamp": "2026-11-21T03:51:35.5+01:00"}).creation_timestamp
    assert "must be a time such as" in refusal(ObjectMeta, {"creationTimestamp": "yesterday"})


@pytest.mark.parametrize("port", [80, "http"])
def test_int_or_string(port: int | str) -> None:
    assert HTTPGetAction.model_validate({"port": port}).port == port
    assert "port" in refusal(HTTPGetAction, {"port": 80.5})


def test_values_do_not_change() -> None:
    with pytest.raises(ValidationError):
        pod(name="nginx").spec.containers[0].name = "other"  # type: ignore[misc]  # the point of it


def test_lists_become_tuples() -> None:
    assert pod(name="a", command=["sh", "-c"]).spec.containers[0].command == ("sh", "-c")


def test_print_as_the_kubelet_does() -> None:
    web = pod(name="nginx", tty=False, workingDir="", resources={"limits": {"cpu": 1, "memory": "1Gi"}})
    assert to_json(web) == {
        "metadata": {"name": "web", "namespace": "shop", "uid": "1"},
        "spec": {"containers": [{"name": "nginx", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}]},
        "status": {},
    }


def test_empty_structures_that_were_set_are_printed() -> None:
    assert to_json(pod(name="a").spec.containers[0]) == {"name": "a", "resources": {}}
    assert to_json(Volume.model_validate({"name": "v", "emptyDir": {}})) == {"name": "v", "emptyDir": {}}
    assert to_json(PodList(items=())) == {"metadata": {}, "items": []}


def test_zeros_are_printed_where_they_mean_something() -> None:
    assert to_json(SecurityContext(privileged=False, run_as_user=0)) == {"privileged": False, "runAsUser": 0}
    assert to_json(EnvVar(name="", value="")) == {"name": ""}


def test_absent_times_are_null_where_the_kubelet_prints_null() -> None:
    condition = PodCondition(type="Ready", status="True", last_transition_time="2026-11-21T03:51:35Z")
    assert to_json(condition) == {
        "type": "Ready",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": "2026-11-21T03:51:35Z",
    }


def test_events_as_the_api_prints_them() -> None:
    event = Event(metadata=ObjectMeta(name="e"), involved_object=ObjectReference(kind="Pod"), count=1)
    assert to_json(event) == {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod"},
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "count": 1,
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
    }


def test_a_container_is_found_by_its_name_among_all() -> None:
    found = PodSpec.model_validate({"initContainers": [{"name": "a"}], "containers": [{"name": "b"}]})
    assert [found.container(name).name for name in ("a", "b")] == ["a", "b"]
    with pytest.raises(KeyError):
        found.container("c")

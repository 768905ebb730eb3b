from __future__ import annotations

from typing import Any

import pytest

from hostpod.server.names import (
    container_problem,
    default_container,
    find_pod,
    pod_not_found,
    resolve_pod_name,
)


def pod(name: str, namespace: str = "default", *, init: tuple[str, ...] = (), **metadata: Any) -> dict[str, Any]:
    containers = [{"name": "nginx"}, {"name": "log"}]
    return {
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": {"containers": containers, "initContainers": [{"name": each} for each in init]},
    }


@pytest.mark.parametrize(
    ("name", "existing", "full"),
    [
        ("web", ["web-host"], "web-host"),
        ("web-host", ["web-host"], "web-host"),
        ("web", ["web", "web-host"], "web"),
        ("web-host", ["web", "web-host"], "web-host"),
        ("web-host", ["web-host-host"], "web-host-host"),
        ("web-host", ["web-host", "web-host-host"], "web-host"),
        ("we", ["web-host"], None),
        ("", ["web-host"], None),
    ],
)
def test_names_with_and_without_the_suffix(name: str, existing: list[str], full: str | None) -> None:
    assert resolve_pod_name(name, existing, node_name="host") == full


def test_a_pod_is_looked_for_in_its_namespace() -> None:
    pods = [pod("web-host"), pod("web-host", "kube-system"), pod("dns-host", "kube-system")]
    assert find_pod(pods, namespace="kube-system", name="web", node_name="host") is pods[1]
    assert find_pod(pods, namespace="default", name="dns", node_name="host") is None


def test_not_found_says_where_else_it_is() -> None:
    pods = [pod("web-host"), pod("dns-host", "kube-system")]
    assert pod_not_found(pods, namespace="default", name="x", node_name="host") == 'pods "x" not found'
    assert pod_not_found(pods, namespace="default", name="dns", node_name="host") == (
        'pods "dns" not found in namespace "default"; there is one in "kube-system" (-n kube-system)'
    )


def test_the_default_container_is_the_first_and_is_told() -> None:
    assert default_container(pod("web", init=("setup",))) == (
        "nginx",
        'Defaulted container "nginx" out of: nginx, log, setup (init)',
    )


def test_a_single_container_and_an_annotated_one_need_no_words() -> None:
    single = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "main"}]}}
    assert default_container(single) == ("main", "")
    annotated = pod("web", annotations={"kubectl.kubernetes.io/default-container": "log"})
    assert default_container(annotated) == ("log", "")


def test_containers_are_checked() -> None:
    assert container_problem(pod("web", init=("setup",)), "setup") == ""
    assert container_problem(pod("web"), "x") == "container x is not valid for pod web"

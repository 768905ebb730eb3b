"""A manifest that is edited while its pod runs: what changes in place, and what makes another pod of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.integration.crash_kit import identity, until
from tests.integration.harness import FOREVER, Daemon, container, pod, reasons, statuses

pytestmark = pytest.mark.integration


def messages(node: Daemon, name: str, reason: str) -> list[str]:
    return [e["message"] for e in node.events() if e["involvedObject"]["name"] == name and e["reason"] == reason]


def changed(node: Daemon, name: str, manifest: dict[str, Any], holds: Callable[[dict[str, Any]], object]) -> None:
    """Write the manifest and wait until the pod is as expected."""
    node.drop(f"{name}.yaml", manifest)
    node.wait_for(lambda pods: f"{name}-lab" in pods and holds(pods[f"{name}-lab"]), what=f"{name} as it was changed")


def test_labels_and_annotations_change_in_place(node: Daemon) -> None:
    manifest = pod("marked")
    node.drop("marked.yaml", manifest)
    before = node.wait_running("marked-lab")["marked-lab"]
    manifest["metadata"] |= {"labels": {"tier": "front"}, "annotations": {"example.org/note": "x"}}
    changed(node, "marked", manifest, lambda shown: shown["metadata"].get("labels") == {"tier": "front"})
    after = node.pods()["marked-lab"]
    assert identity(after) == identity(before)
    assert after["metadata"]["annotations"]["example.org/note"] == "x"
    node.kill()
    node.start()
    again = node.wait_running("marked-lab")["marked-lab"]
    assert identity(again) == identity(before)
    assert again["metadata"]["labels"] == {"tier": "front"}


def test_a_file_that_gets_another_name_keeps_its_pod(node: Daemon) -> None:
    node.drop("named.yaml", pod("named"))
    before = node.wait_running("named-lab")["named-lab"]
    (node.manifests / "named.yaml").rename(node.manifests / "renamed.yaml")
    mark = "kubernetes.io/config.hash"
    until(
        lambda: node.pods()["named-lab"]["metadata"]["annotations"][mark] != before["metadata"]["annotations"][mark],
        "the other file is noticed",
    )
    assert identity(node.pods()["named-lab"]) == identity(before)


@pytest.mark.everywhere
def test_another_image_restarts_its_container_alone(node: Daemon) -> None:
    manifest = pod("imaged", FOREVER, FOREVER)
    node.drop("imaged.yaml", manifest)
    before = node.wait_running("imaged-lab")["imaged-lab"]
    manifest["spec"]["containers"][0]["image"] = "docker.io/library/busybox:latest"
    changed(node, "imaged", manifest, lambda shown: statuses(shown)["c0"]["restartCount"] == 1)
    after = node.wait_running("imaged-lab")["imaged-lab"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["status"]["podIP"] == before["status"]["podIP"]
    assert statuses(after)["c1"] == statuses(before)["c1"]
    assert statuses(after)["c0"]["image"] == "docker.io/library/busybox:latest"
    assert "Container c0 definition changed, will be restarted" in messages(node, "imaged-lab", "Killing")


def test_an_init_container_that_is_cut_off_by_another_image_has_not_done_its_work(node: Daemon) -> None:
    """Though it exits with 0 when it is asked to end."""
    manifest = pod("begun", initContainers=[container("one", FOREVER)])
    node.drop("begun.yaml", manifest)
    node.wait_for(lambda pods: "running" in statuses(pods["begun-lab"])["one"]["state"], what="init container runs")
    manifest["spec"]["initContainers"][0]["image"] = "docker.io/library/busybox:latest"
    changed(node, "begun", manifest, lambda shown: statuses(shown)["one"]["restartCount"] == 1)
    node.wait_for(lambda pods: "running" in statuses(pods["begun-lab"])["one"]["state"], what="it runs again")
    assert "waiting" in statuses(node.pods()["begun-lab"])["c0"]["state"]


def test_an_image_that_cannot_be_had_ends_nothing(node: Daemon) -> None:
    """Better than the kubelet: what runs goes on until what is to take its place is there."""
    manifest = pod("careful")
    node.drop("careful.yaml", manifest)
    before = node.wait_running("careful-lab")["careful-lab"]
    manifest["spec"]["containers"][0]["image"] = "no-such-image:1"
    node.drop("careful.yaml", manifest)
    until(lambda: "Failed" in reasons(node.events(), "careful-lab"), "the pull was refused", within_s=60)
    assert statuses(node.pods()["careful-lab"])["c0"]["containerID"] == statuses(before)["c0"]["containerID"]
    assert "running" in statuses(node.pods()["careful-lab"])["c0"]["state"]
    manifest["spec"]["containers"][0]["image"] = "busybox"
    changed(node, "careful", manifest, lambda shown: shown["spec"]["containers"][0]["image"] == "busybox")
    assert statuses(node.pods()["careful-lab"])["c0"]["restartCount"] == 0


def test_another_command_makes_another_pod_and_says_why(node: Daemon) -> None:
    manifest = pod("other")
    node.drop("other.yaml", manifest)
    before = node.wait_running("other-lab")["other-lab"]
    manifest["spec"]["containers"][0]["command"][2] += "; true"
    changed(node, "other", manifest, lambda shown: shown["metadata"]["uid"] != before["metadata"]["uid"])
    node.wait_running("other-lab")


def test_a_pod_that_is_done_runs_anew_when_its_spec_changes(node: Daemon) -> None:
    manifest = pod("again", "exit 0", restartPolicy="Never")
    node.drop("again.yaml", manifest)
    before = node.wait_phase("again-lab", "Succeeded")
    manifest["spec"]["containers"][0]["image"] = "docker.io/library/busybox:latest"
    changed(node, "again", manifest, lambda shown: shown["metadata"]["uid"] != before["metadata"]["uid"])
    node.wait_phase("again-lab", "Succeeded")


def test_active_deadline_seconds_can_be_updated(node: Daemon) -> None:
    """Pods should allow activeDeadlineSeconds to be updated."""
    manifest = pod("timed", activeDeadlineSeconds=3600)
    node.drop("timed.yaml", manifest)
    before = node.wait_running("timed-lab")["timed-lab"]
    manifest["spec"]["activeDeadlineSeconds"] = 1
    node.drop("timed.yaml", manifest)
    timed = node.wait_phase("timed-lab", "Failed")
    assert timed["status"]["reason"] == "DeadlineExceeded"
    assert timed["metadata"]["uid"] == before["metadata"]["uid"]


def with_cpu(name: str, requests: str, limits: str, **fields: Any) -> dict[str, Any]:
    resources = {"requests": {"cpu": requests}, "limits": {"cpu": limits}}
    return pod(name, containers=[container("c0", FOREVER, resources=resources, **fields)])


def cgroups_of(node: Daemon, name: str) -> dict[str, Path]:
    """The cpu cgroups of a pod and of its container, by what they are of."""
    cid = statuses(node.pods()[name])["c0"]["containerID"].rpartition("/")[2]
    (own,) = (path for path in node.traces.cgroups() if cid in path.name and quota_file(path).exists())
    return {"container": own, "pod": own.parent}


def quota_file(path: Path) -> Path:
    return path / ("cpu.max" if (path / "cgroup.controllers").exists() else "cpu.cfs_quota_us")


def quota(path: Path) -> int:
    """CPU time in a period of 100 ms, in microseconds."""
    return int(quota_file(path).read_text().split()[0])


def has_cpu_limit(limit: str, shown: dict[str, Any]) -> bool:
    return bool(statuses(shown)["c0"]["resources"]["limits"]["cpu"] == limit)


@pytest.mark.controllers
@pytest.mark.everywhere
def test_cpu_changes_in_place_up_and_down(node: Daemon) -> None:
    node.drop("sized.yaml", with_cpu("sized", "100m", "200m"))
    before = node.wait_running("sized-lab")["sized-lab"]
    groups = cgroups_of(node, "sized-lab")
    assert {name: quota(path) for name, path in groups.items()} == {"container": 20_000, "pod": 20_000}
    for requests, limits, expected in (("200m", "500m", 50_000), ("50m", "100m", 10_000)):
        changed(
            node,
            "sized",
            with_cpu("sized", requests, limits),
            partial(has_cpu_limit, limits),
        )
        assert {name: quota(path) for name, path in groups.items()} == {"container": expected, "pod": expected}
    assert identity(node.pods()["sized-lab"]) == identity(before)
    assert reasons(node.events(), "sized-lab").count("ResizeCompleted") >= 1


@pytest.mark.controllers
def test_a_container_may_want_to_be_restarted_for_it(node: Daemon) -> None:
    policy = [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]
    node.drop("anew.yaml", with_cpu("anew", "100m", "200m", resizePolicy=policy))
    before = node.wait_running("anew-lab")["anew-lab"]
    to = with_cpu("anew", "200m", "500m", resizePolicy=policy)
    changed(node, "anew", to, lambda shown: statuses(shown)["c0"]["restartCount"] == 1)
    after = node.wait_running("anew-lab")["anew-lab"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert quota(cgroups_of(node, "anew-lab")["container"]) == 50_000


@pytest.mark.controllers
def test_what_a_pod_needs_meanwhile_does_not_change_where_it_is(node: Daemon) -> None:
    """Before and after it is Burstable; the most of both, which its cgroup allows meanwhile, would be Guaranteed."""

    def sized(cpu: str, memory: str) -> dict[str, Any]:
        resources = {"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": "300m", "memory": "64Mi"}}
        return pod("between", containers=[container("c0", FOREVER, resources=resources)])

    node.drop("between.yaml", sized("200m", "64Mi"))
    before = node.wait_running("between-lab")["between-lab"]
    changed(
        node,
        "between",
        sized("300m", "32Mi"),
        lambda shown: statuses(shown)["c0"]["resources"]["requests"] == {"cpu": "300m", "memory": "32Mi"},
    )
    assert identity(node.pods()["between-lab"]) == identity(before)
    assert "ResizeError" not in reasons(node.events(), "between-lab")

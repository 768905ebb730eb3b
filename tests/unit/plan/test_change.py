from __future__ import annotations

from typing import Any

import pytest

from hostpod.kube import Pod
from hostpod.kube.annotations import CONFIG_HASH
from hostpod.kube.confinement import APPARMOR_ANNOTATION
from hostpod.plan import actions as do
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.change import Change, change_of, resources_of, updated
from hostpod.plan.leaving import Leave
from hostpod.plan.observed import ObservedPod
from hostpod.plan.reconcile import plan_pod
from tests.unit.plan.build import attempt, ended, seen

RULE = BackoffRule()


def version(mark: str, *, uid: str = "", metadata: dict[str, Any] | None = None, **spec: Any) -> Pod:
    """A pod as a source gives it: its uid is the mark of its content unless it brings one."""
    containers = [{"name": "web", "image": "img:1", "resources": {"requests": {"cpu": "1"}}}]
    return Pod.model_validate(
        {
            "metadata": {"name": "p", "namespace": "default", "uid": uid or mark, "annotations": {CONFIG_HASH: mark}}
            | (metadata or {}),
            "spec": {"containers": containers, **spec},
        }
    )


def web(**fields: Any) -> dict[str, Any]:
    return {"containers": [{"name": "web", "image": "img:1", "resources": {"requests": {"cpu": "1"}}} | fields]}


FIRST = version("a")


def kind(change: Change) -> tuple[str, tuple[str, ...]]:
    return change.kind, change.because


class TestKind:
    def test_one_version_is_no_change(self) -> None:
        assert change_of(FIRST, version("a")).kind == "none"

    @pytest.mark.parametrize(
        ("after", "because"),
        [
            (version("b", metadata={"labels": {"x": "y"}}), "metadata.labels.x"),
            (version("b", metadata={"annotations": {CONFIG_HASH: "b", "x/y": "z"}}), "metadata.annotations.x/y"),
            (version("b", **web(image="img:2")), "spec.containers[0].image"),
            (version("b", activeDeadlineSeconds=5), "spec.activeDeadlineSeconds"),
            (version("b", **web(resources={"requests": {"cpu": "2"}})), "spec.containers[0].resources.requests.cpu"),
            (
                version("b", **web(resources={"requests": {"cpu": "1", "memory": "1Gi"}})),
                "spec.containers[0].resources.requests.memory",
            ),
        ],
    )
    def test_in_place(self, after: Pod, because: str) -> None:
        assert kind(change_of(FIRST, after)) == ("in place", (because,))

    @pytest.mark.parametrize(
        ("after", "because"),
        [
            (version("b", **web(command=["x"])), "spec.containers[0].command"),
            (version("b", hostNetwork=True), "spec.hostNetwork"),
            (version("b", containers=[{"name": "a"}, {"name": "b"}]), "spec.containers"),
            (
                version(
                    "b", metadata={"annotations": {CONFIG_HASH: "b", f"{APPARMOR_ANNOTATION}web": "runtime/default"}}
                ),
                f"metadata.annotations.{APPARMOR_ANNOTATION}web",
            ),
            # Nothing is asked for any more, and so the pod is of another class of service.
            (version("b", **web(resources={})), "spec.containers[0].resources.requests"),
            (
                version("b", **web(resources={"requests": {"cpu": "1", "ephemeral-storage": "1Gi"}})),
                "spec.containers[0].resources.requests.ephemeral-storage",
            ),
        ],
    )
    def test_another_pod(self, after: Pod, because: str) -> None:
        assert kind(change_of(FIRST, after)) == ("replace", (because,))

    def test_a_sidecar_is_resized_as_well(self) -> None:
        def of(cpu: str, mark: str) -> Pod:
            side = {"name": "side", "restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}}
            return version(mark, initContainers=[side])

        assert kind(change_of(of("1", "a"), of("2", "b"))) == (
            "in place", ("spec.initContainers[0].resources.requests.cpu",)
        )  # fmt: skip

    def test_another_class_of_service_is_another_pod(self) -> None:
        both = {"cpu": "1", "memory": "1Gi"}
        burstable = version("a", **web(resources={"limits": both, "requests": {"cpu": "500m", "memory": "1Gi"}}))
        guaranteed = version("b", **web(resources={"limits": both, "requests": both}))
        assert change_of(burstable, guaranteed).kind == "replace"

    def test_only_what_cannot_be_changed_in_place_is_the_reason(self) -> None:
        after = version("b", **web(image="img:2", command=["x"]))
        change = change_of(FIRST, after)
        assert kind(change) == ("replace", ("spec.containers[0].command",))
        assert {each.path for each in change.fields} == {"spec.containers[0].command", "spec.containers[0].image"}

    def test_another_file_is_no_other_pod(self) -> None:
        assert change_of(FIRST, version("b")) == Change(kind="in place")

    def test_a_uid_that_the_manifest_brings_counts(self) -> None:
        assert kind(change_of(FIRST, version("b", uid="own"))) == ("replace", ("metadata.uid",))
        own = version("a", uid="own")
        assert change_of(own, version("b", uid="own", **web(image="img:2"))).kind == "in place"

    def test_a_pod_that_is_done_begins_anew_when_its_spec_changes(self) -> None:
        image, labels = version("b", **web(image="img:2")), version("b", metadata={"labels": {"x": "y"}})
        assert change_of(FIRST, image, finished=True).kind == "replace"
        assert change_of(FIRST, labels, finished=True).kind == "in place"


class TestPlan:
    def acts(self, desired: Pod, sight: ObservedPod) -> list[do.Action]:
        return list(plan_pod(desired, sight, 200.0, RULE).actions)

    def test_a_change_in_place_keeps_the_pod_and_its_uid(self) -> None:
        desired = version("b", **web(image="img:2"))
        (action,) = self.acts(desired, seen(FIRST, containers=(attempt(image="img:1"),)))
        assert isinstance(action, do.UpdatePod)
        assert action.pod.uid == "a"
        assert action.pod.metadata.annotations[CONFIG_HASH] == "b"
        assert action.pod.spec.containers[0].image == "img:2"
        assert self.acts(desired, seen(action.pod, containers=(attempt(image="img:2"),))) == []

    def test_a_new_image_is_fetched_before_the_container_ends(self) -> None:
        now = updated(FIRST, version("b", **web(image="img:2")))
        running = attempt(image="img:1")
        assert [type(each) for each in self.acts(now, seen(now, containers=(running,)))] == [do.EnsureImage]
        (stop,) = self.acts(now, seen(now, containers=(running,), images={"web": "sha256:2"}))
        assert isinstance(stop, do.BeginStopping)
        assert stop.stopping.reason == "Container web definition changed, will be restarted"

    def test_the_next_attempt_waits_for_no_back_off_and_no_policy(self) -> None:
        now = updated(FIRST, version("b", restartPolicy="Never", **web(image="img:2")))
        (stop,) = self.acts(now, seen(now, containers=(attempt(image="img:1"),), images={"web": "sha256:2"}))
        assert isinstance(stop, do.BeginStopping)
        over = ended(image="img:1", backoff_s=300.0, finished_at=199.0, stopping=stop.stopping)
        (action,) = self.acts(now, seen(now, containers=(over,), images={"web": "sha256:2"}))
        assert isinstance(action, do.CreateContainer)
        assert (action.attempt, action.backoff_s) == (1, 10.0)

    def test_other_resources_are_given_to_the_running_container(self) -> None:
        now = version("b", **web(resources={"requests": {"cpu": "2"}}))
        before = resources_of(FIRST.spec.containers[0])
        running = attempt(image="img:1", resources=before)
        assert [type(each) for each in self.acts(now, seen(now, containers=(running,)))] == [do.ResizeContainer]
        given = attempt(image="img:1", resources=resources_of(now.spec.containers[0]))
        assert self.acts(now, seen(now, containers=(given,))) == []

    @pytest.mark.parametrize(("resource", "restarts"), [("cpu", True), ("memory", False)])
    def test_a_container_may_want_a_restart_for_it(self, resource: str, *, restarts: bool) -> None:
        policy = [{"resourceName": resource, "restartPolicy": "RestartContainer"}]
        now = version("b", **web(resources={"requests": {"cpu": "2"}}, resizePolicy=policy))
        running = attempt(image="img:1", resources=resources_of(FIRST.spec.containers[0]))
        (action,) = self.acts(now, seen(now, containers=(running,), images={"web": "sha256:2"}))
        assert isinstance(action, do.BeginStopping) is restarts

    def test_the_reason_of_a_replacement_names_the_fields(self) -> None:
        (action,) = self.acts(version("b", hostNetwork=True), seen(FIRST))
        assert isinstance(action, do.BeginEnding)
        assert action.reason == "its manifest has changed: spec.hostNetwork"


def test_a_pod_that_has_to_go_goes_first_and_is_not_changed() -> None:
    edited = version("b", metadata={"labels": {"tier": "web"}, "annotations": {CONFIG_HASH: "b"}})
    leave = Leave(reason="Evicted", until=201.0, waited_until=201.0)
    (action,) = plan_pod(edited, seen(FIRST, containers=(attempt(),)), 200.0, RULE, leave=leave).actions
    assert isinstance(action, do.BeginEnding)


class TestWhole:
    """A pod that says something of all its containers together."""

    def test_another_word_is_another_pod(self) -> None:
        before = version("a", resources={"limits": {"cpu": "1"}})
        after = version("b", resources={"limits": {"cpu": "2"}})
        assert kind(change_of(before, after)) == ("replace", ("spec.resources.limits.cpu",))

    def test_its_containers_are_not_resized(self) -> None:
        whole = {"limits": {"cpu": "4"}}
        after = version("b", **web(resources={"requests": {"cpu": "2"}}), resources=whole)
        assert kind(change_of(version("a", resources=whole), after)) == (
            "replace", ("spec.containers[0].resources.requests.cpu",)
        )  # fmt: skip

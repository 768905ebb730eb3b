from __future__ import annotations

from typing import Any

import pytest

from hostpod.kube import Pod
from hostpod.kube.annotations import CONFIG_HASH
from hostpod.plan.admission import Refusal
from hostpod.plan.backoff import BackoffRule
from hostpod.plan.change import resources_of
from hostpod.plan.leaving import Leave
from hostpod.plan.observed import Ending, Failure, ObservedPod
from hostpod.plan.ordering import Waiting
from hostpod.plan.prospect import BESIDE, Prospect, manifest_of, prospect_of, refused, replaced_when_ready
from tests.unit.plan.build import attempt, ended, seen
from tests.unit.plan.test_change import FIRST, version, web

RULE = BackoffRule()
AWAY = Leave(reason="the host shuts down", until=0.0, waited_until=0.0)
WAITS = Waiting(reason="WaitingForPods", message="waits for pods that are not ready: default/db")


def running(pod: Pod = FIRST, **changes: Any) -> ObservedPod:
    """The pod with its container, as it is when all is done."""
    resources = resources_of(pod.spec.containers[0])
    return seen(pod, containers=(attempt(image="img:1", resources=resources, **changes),), images={"web": "sha256:1"})


def of(desired: Pod | None, sight: ObservedPod | None, **more: Any) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    found = prospect_of(desired, sight, 200.0, RULE, **more)
    assert found.after == (desired if sight or desired else None)
    assert found.before == (sight.pod if sight else None)
    return found.outcome, found.reasons, found.steps


class TestNew:
    def test_starts(self) -> None:
        assert of(FIRST, None) == ("start", ("it is not here yet",), ())

    def test_waits_for_others_or_for_the_host(self) -> None:
        assert of(FIRST, None, waiting=WAITS) == ("wait", (WAITS.message,), ())
        assert of(FIRST, None, leave=AWAY) == ("wait", ("the host shuts down",), ())

    def test_nothing_of_nothing(self) -> None:
        assert of(None, None) == ("none", (), ())


class TestHere:
    def test_is_as_it_should_be(self) -> None:
        assert of(FIRST, running()) == ("none", (), ())

    def test_work_that_is_under_way_or_waits_is_no_change(self) -> None:
        failures = {"x": Failure(action="x", count=1, at=0.0, reason="r", message="m")}
        assert of(FIRST, seen(FIRST, busy=frozenset({"x"}), failures=failures))[0] == "none"

    def test_ends_without_a_manifest(self) -> None:
        assert of(None, running()) == ("end", ("its manifest is gone",), ())

    def test_ends_with_the_host(self) -> None:
        assert of(FIRST, running(), leave=AWAY) == ("end", ("the host shuts down",), ())

    def test_is_replaced_because_of_the_deciding_fields_alone(self) -> None:
        desired = version("b", **web(command=["x"], image="img:2"))
        assert of(desired, running()) == ("replace", ("spec.containers[0].command",), ())
        assert of(desired, running(), waiting=WAITS)[2] == (WAITS.message,)

    def test_one_that_is_done_begins_anew(self) -> None:
        done = version("a", restartPolicy="Never")
        sight = seen(done, containers=(ended(exit_code=0),))
        outcome, because, steps = of(version("b", restartPolicy="Never", **web(image="img:2")), sight)
        assert (outcome, because) == ("replace", ("spec.containers[0].image",))
        assert steps == ("it begins anew (all containers of the pod have ended)",)

    @pytest.mark.parametrize("desired", [None, FIRST])
    def test_one_that_ends_already(self, desired: Pod | None) -> None:
        sight = seen(FIRST, ending=Ending(since=100.0, grace_s=1.0, reason="its manifest is gone"))
        outcome = "replace" if desired else "end"
        assert of(desired, sight) == (outcome, ("it ends already: its manifest is gone",), ())


class TestInPlace:
    def test_labels(self) -> None:
        desired = version("b", metadata={"labels": {"x": "y"}})
        assert of(desired, running()) == ("change", ("metadata.labels.x",), ())

    def test_another_file(self) -> None:
        assert of(version("b"), running()) == ("change", ("another file has it",), ())

    def test_an_image_restarts_what_runs(self) -> None:
        outcome, _, steps = of(version("b", **web(image="img:2")), running())
        assert (outcome, steps) == ("change", ("Container web definition changed, will be restarted",))

    def test_an_image_of_what_does_not_run_counts_later(self) -> None:
        sight = seen(FIRST, containers=(ended(),))
        assert of(version("b", **web(image="img:2")), sight) == ("change", ("spec.containers[0].image",), ())

    def test_resize(self) -> None:
        desired = version("b", **web(resources={"requests": {"cpu": "2"}}))
        field = "spec.containers[0].resources.requests.cpu"
        assert of(desired, running()) == ("change", (field,), ("Container web goes on with other resources",))

    def test_resize_with_a_restart(self) -> None:
        rule = {"resizePolicy": [{"resourceName": "cpu", "restartPolicy": "RestartContainer"}]}
        cpu = {"resources": {"requests": {"cpu": "1"}}}
        before = version("a", **web(**rule, **cpu))
        desired = version("b", **web(**rule, resources={"requests": {"cpu": "2"}}))
        assert of(desired, running(before))[2] == ("Container web resize requires restart, will be restarted",)

    def test_a_deadline_that_is_over(self) -> None:
        assert of(version("b", activeDeadlineSeconds=5), running())[2] == ("activeDeadlineSeconds are over",)


REFUSAL = Refusal(reason="OutOfcpu", message="too much")


def test_what_is_refused_goes_on_as_it_was_or_ends_or_never_came() -> None:
    told = ("OutOfcpu: too much",)
    kept = refused(version("b"), running(), REFUSAL, goes_on=True)
    assert (kept.outcome, kept.reasons, kept.steps) == ("refuse", told, ("it goes on as it was",))
    assert refused(version("b"), running(), REFUSAL, goes_on=False).steps == ("what runs of it ends",)
    assert refused(FIRST, None, REFUSAL, goes_on=False) == Prospect(outcome="refuse", reasons=told, after=FIRST)


def test_a_new_version_beside_the_old_one() -> None:
    desired = version("b", **web(command=["x"]))
    found = replaced_when_ready(FIRST, desired)
    assert (found.outcome, found.reasons, found.steps) == ("replace", ("spec.containers[0].command",), (BESIDE,))


def test_a_manifest_has_no_marks_and_only_a_uid_of_its_own() -> None:
    assert manifest_of(FIRST)["metadata"] == {"name": "p", "namespace": "default"}
    meta = {"name": "p", "namespace": "default", "uid": "own", "labels": {"x": "y"}}
    own = version("a", metadata={**meta, "annotations": {CONFIG_HASH: "a", "n/m": "z"}})
    assert manifest_of(own)["metadata"] == {**meta, "annotations": {"n/m": "z"}}
    assert list(manifest_of(FIRST)) == ["apiVersion", "kind", "metadata", "spec"]
    assert manifest_of(FIRST)["spec"]["containers"][0]["image"] == "img:1"

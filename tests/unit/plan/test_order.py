from __future__ import annotations

from typing import Any

import pytest

from hostpod.kube import Pod
from hostpod.plan.observed import ObservedContainer, Stopping
from hostpod.plan.order import is_initialized, may_run
from tests.unit.plan.build import attempt, ended, pod, seen

INIT = {"name": "first", "image": "img"}
SIDECAR = {"name": "side", "image": "img", "restartPolicy": "Always"}
SLOW_SIDECAR = SIDECAR | {"startupProbe": {"exec": {"command": ["true"]}}}
HOOKED_SIDECAR = SIDECAR | {"lifecycle": {"postStart": {"exec": {"command": ["true"]}}}}
DONE = ended("first", exit_code=0)


def of(*inits: dict[str, Any], **spec: Any) -> Pod:
    return pod(initContainers=list(inits), **spec)


def turn(of_pod: Pod, *attempts: ObservedContainer) -> list[str]:
    return [container.name for container in may_run(seen(of_pod, containers=attempts))]


class TestTurn:
    def test_without_init_containers_all_run_at_once(self) -> None:
        assert turn(pod("a", "b")) == ["a", "b"]

    def test_init_containers_come_one_after_another(self) -> None:
        two = of(INIT, INIT | {"name": "second"})
        assert turn(two) == ["first"]
        assert turn(two, attempt("first")) == ["first"]
        assert turn(two, ended("first", exit_code=1)) == ["first"]
        assert turn(two, DONE) == ["second"]
        assert turn(two, DONE, ended("second", exit_code=0)) == ["web"]

    def test_one_that_was_cut_off_by_an_edit_has_not_done_its_work(self) -> None:
        edited = Stopping(since=105.0, grace_s=30.0, reason="definition changed", then="afresh")
        assert turn(of(INIT), ended("first", exit_code=0, stopping=edited)) == ["first"]

    def test_a_sidecar_lets_the_next_begin_when_it_has_started(self) -> None:
        assert turn(of(SIDECAR, INIT)) == ["side"]
        assert turn(of(SIDECAR, INIT), attempt("side")) == ["side", "first"]
        assert turn(of(SIDECAR, INIT), attempt("side"), DONE) == ["side", "web"]

    @pytest.mark.parametrize(
        ("sidecar", "passed"), [(SLOW_SIDECAR, {"startup": True}), (HOOKED_SIDECAR, {"post_started_at": 105.0})]
    )
    def test_its_startup_probe_and_its_post_start_hook_are_waited_for(
        self, sidecar: dict[str, Any], passed: dict[str, Any]
    ) -> None:
        assert turn(of(sidecar, INIT), attempt("side")) == ["side"]
        assert turn(of(sidecar, INIT), attempt("side", **passed)) == ["side", "first"]

    def test_a_sidecar_that_crashes_comes_back_beside_what_runs(self) -> None:
        crashed = ended("side")
        assert turn(of(SIDECAR, INIT), crashed) == ["side"]
        assert turn(of(SIDECAR, INIT), crashed, attempt("first")) == ["side", "first"]
        assert turn(of(SIDECAR, INIT), crashed, DONE, attempt()) == ["side", "web"]

    def test_once_a_container_has_begun_no_init_container_comes_again(self) -> None:
        assert turn(of(INIT), attempt()) == ["web"]
        assert turn(of(INIT), ended()) == ["web"]


def test_initialized() -> None:
    assert is_initialized(seen(pod()))
    assert not is_initialized(seen(of(INIT)))
    assert not is_initialized(seen(of(INIT), containers=(attempt("first"),)))
    assert is_initialized(seen(of(INIT), containers=(DONE,)))
    assert is_initialized(seen(of(SIDECAR), containers=(attempt("side"),)))
    assert is_initialized(seen(of(SIDECAR), containers=(ended("side"), attempt())))

"""Init containers and sidecars: their order at the start and at the end, their restarts, what is told of them.

The names of Kubernetes' own node conformance tests are in the docstrings of the tests that stand for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.crash_kit import until
from tests.integration.harness import FOREVER, Daemon, conditions, container, pod, reasons, statuses, waiting

pytestmark = pytest.mark.integration

QUICK_BACKOFF = {"backoff": {"initial": "50ms", "max": "100ms"}}
SHARED: dict[str, Any] = {"volumes": [{"name": "shared", "emptyDir": {}}]}
MOUNT = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}


def noting(name: str, rest: str, **fields: Any) -> dict[str, Any]:
    """A container that adds its name to /shared/order and then does the rest."""
    return container(name, f"echo {name} >> /shared/order; {rest}", **MOUNT, **fields)


def sidecar(name: str, command: str = FOREVER, **fields: Any) -> dict[str, Any]:
    return noting(name, command, restartPolicy="Always", **fields)


def with_inits(name: str, main: dict[str, Any], *inits: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return pod(name, **SHARED, initContainers=list(inits), containers=[main], **spec)


@pytest.mark.everywhere
def test_they_run_one_after_another_and_then_the_containers(node: Daemon) -> None:
    """InitContainer should invoke init containers on a RestartAlways pod."""
    node.drop("web.yaml", with_inits("web", noting("main", f"cat /shared/order; {FOREVER}"),
                                     noting("one", "sleep 0.1"), noting("two", "exit 0")))  # fmt: skip
    web = node.wait_running("web-lab")["web-lab"]
    assert node.wait_said("web-lab", "main", "main").split() == ["one", "two", "main"]
    shown = statuses(web)
    for name in ("one", "two"):
        assert shown[name]["state"]["terminated"]["reason"] == "Completed"
        assert (shown[name]["ready"], shown[name]["started"], shown[name]["restartCount"]) == (True, False, 0)
    assert conditions(web)["Initialized"] == ("True", None)
    assert node.cli("get", "pods", "--no-headers").stdout.split()[:3] == ["web-lab", "1/1", "Running"]


def test_a_pod_that_is_never_restarted_runs_them_once(node: Daemon) -> None:
    """InitContainer should invoke init containers on a RestartNever pod."""
    node.drop("job.yaml", with_inits("job", noting("main", "exit 0"), noting("one", "exit 0"), restartPolicy="Never"))
    job = node.wait_phase("job-lab", "Succeeded")
    assert {name: status["state"]["terminated"]["exitCode"] for name, status in statuses(job).items()} == {
        "one": 0, "main": 0,
    }  # fmt: skip
    assert conditions(job)["Initialized"] == ("True", "PodCompleted")


def test_one_that_fails_for_good_fails_the_pod(node: Daemon) -> None:
    """InitContainer should not start app containers and fail the pod if init containers fail on a RestartNever pod."""
    node.drop("job.yaml", with_inits("job", noting("main", "exit 0"), noting("one", "exit 3"), noting("two", "exit 0"),
                                     restartPolicy="Never"))  # fmt: skip
    job = node.wait_phase("job-lab", "Failed")
    assert statuses(job)["one"]["state"]["terminated"]["exitCode"] == 3
    assert [waiting(statuses(job)[name]) for name in ("two", "main")] == ["PodInitializing", "PodInitializing"]
    assert conditions(job)["Initialized"] == ("False", "ContainersNotInitialized")
    assert "Started" in reasons(node.events(), "job-lab")
    assert node.cli("get", "pods", "--no-headers").stdout.split()[2] == "Init:Error"


def test_one_that_fails_is_tried_again_and_nothing_else_begins(new_daemon: Callable[..., Daemon]) -> None:
    """InitContainer should not start app containers if init containers fail on a RestartAlways pod."""
    node = new_daemon(**QUICK_BACKOFF)
    node.start()
    node.drop("web.yaml", with_inits("web", noting("main", FOREVER), noting("one", "exit 1"), noting("two", "exit 0")))
    failing = node.wait_container("web-lab", lambda each: each["restartCount"] >= 3, container="one", what="3 restarts")
    assert failing["lastState"]["terminated"]["exitCode"] == 1
    web = node.pods()["web-lab"]
    assert web["status"]["phase"] == "Pending"
    assert {waiting(statuses(web)[name]) for name in ("two", "main")} == {"PodInitializing"}
    assert conditions(web)["Initialized"] == ("False", "ContainersNotInitialized")
    assert "BackOff" in reasons(node.events(), "web-lab")


def test_a_sidecar_goes_on_beside_the_containers_and_comes_again(new_daemon: Callable[..., Daemon]) -> None:
    node = new_daemon(**QUICK_BACKOFF)
    node.start()
    main = noting("main", f"cat /shared/order; {FOREVER}")
    node.drop("web.yaml", with_inits("web", main, sidecar("side"), noting("one", "exit 0"), restartPolicy="OnFailure"))
    web = node.wait_running("web-lab")["web-lab"]
    assert node.wait_said("web-lab", "main", "main").split() == ["side", "one", "main"]
    assert (statuses(web)["side"]["ready"], statuses(web)["side"]["started"]) == (True, True)
    assert node.cli("get", "pods", "--no-headers").stdout.split()[:3] == ["web-lab", "2/2", "Running"]
    node.cli("exec", "web-lab", "-c", "side", "--", "kill", "1")  # it may take the command with it
    again = node.wait_container("web-lab", lambda each: each["restartCount"] == 1 and "running" in each["state"],
                                container="side", what="restarted")  # fmt: skip
    assert again["lastState"]["terminated"]["exitCode"] == 0
    assert statuses(node.pods()["web-lab"])["main"]["restartCount"] == 0


@pytest.mark.everywhere
def test_sidecars_end_after_the_containers_in_reverse_order(node: Daemon) -> None:
    def last_words(name: str) -> str:
        return f"trap 'echo {name} ends; exit 0' TERM; while :; do sleep 3600 & wait $!; done"

    manifest = with_inits("ordered", noting("main", last_words("main")), sidecar("a", last_words("a")),
                          sidecar("b", last_words("b")), grace_s=20)  # fmt: skip
    node.drop("ordered.yaml", manifest)
    node.wait_running("ordered-lab")
    node.remove("ordered.yaml")
    node.wait_gone("ordered-lab")
    died = [line.split(":")[2].strip() for line in node.journal.read_text().splitlines() if ": Died: " in line]
    assert died[-3:] == ["ordered-lab/main", "ordered-lab/b", "ordered-lab/a"]


def test_sidecars_end_when_a_job_is_done(node: Daemon) -> None:
    node.drop("job.yaml", with_inits("job", noting("main", "exit 0"), sidecar("side"), restartPolicy="Never"))
    job = node.wait_phase("job-lab", "Succeeded")
    assert "terminated" in statuses(job)["side"]["state"]
    until(lambda: not node.processes("job-lab"), "nothing runs of a pod that is done")


def test_a_sidecar_that_crashed_and_ends_with_its_job_is_no_crash_loop(node: Daemon) -> None:
    crash_once = "[ -e /shared/once ] || { touch /shared/once; exit 1; }; touch /shared/again; "
    waits = noting("main", "until [ -e /shared/again ]; do sleep 0.1; done")
    side = sidecar("side")
    side["command"][-1] = crash_once + side["command"][-1]
    node.drop("job.yaml", with_inits("job", waits, side, restartPolicy="Never"))
    job = node.wait_phase("job-lab", "Succeeded")
    assert "terminated" in statuses(job)["side"]["state"]
    assert statuses(job)["side"]["restartCount"] == 1
    assert "BackOff" not in reasons(node.events(), "job-lab")


def test_a_restart_of_the_daemon_repeats_none_of_them(node: Daemon) -> None:
    node.drop("web.yaml", with_inits("web", noting("main", FOREVER), noting("one", "exit 0"), sidecar("side")))
    before = node.wait_running("web-lab")["web-lab"]
    node.kill()
    node.start()
    after = node.wait_running("web-lab")["web-lab"]
    assert {name: status["containerID"] for name, status in statuses(after).items()} == {
        name: status["containerID"] for name, status in statuses(before).items()
    }
    assert conditions(after) == conditions(before)
    assert after["status"]["conditions"] == before["status"]["conditions"]


def test_a_daemon_that_dies_amid_them_goes_on_where_it_was(node: Daemon) -> None:
    waits = "while [ ! -e /shared/go ]; do sleep 0.02; done"
    node.drop("web.yaml", with_inits("web", noting("main", FOREVER), noting("one", "exit 0"), noting("two", waits),
                                     noting("three", "exit 0")))  # fmt: skip
    node.wait_container("web-lab", lambda each: "running" in each["state"], container="two", what="running")
    node.kill()
    node.start()
    assert node.cli("exec", "web-lab", "-c", "two", "--", "touch", "/shared/go").returncode == 0
    node.wait_running("web-lab")
    order = node.cli("exec", "web-lab", "-c", "main", "--", "cat", "/shared/order").stdout.split()
    assert order == ["one", "two", "three", "main"]


def test_logs_and_describe_know_them(node: Daemon) -> None:
    node.drop("web.yaml", with_inits("web", noting("main", FOREVER), noting("one", "echo hello from one")))
    node.wait_running("web-lab")
    assert node.cli("logs", "web-lab", "-c", "one").stdout == "hello from one\n"
    described = node.cli("describe", "pod", "web-lab").stdout
    assert "Init Containers:" in described
    assert described.index("Init Containers:") < described.index("Containers:\n  main:")

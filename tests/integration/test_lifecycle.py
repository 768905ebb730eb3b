"""What follows an end of a container: restarts by policy, phases, conditions, and what is told of the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.harness import FOREVER, Daemon, conditions, container, pod, reasons, statuses, waiting

pytestmark = pytest.mark.integration


def ends(pod: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Exit code and reason of each container that has ended."""
    ended = {name: status["state"]["terminated"] for name, status in statuses(pod).items()}
    return {name: (end["exitCode"], end["reason"]) for name, end in ended.items()}


@pytest.mark.everywhere
def test_a_running_pod_is_ready(node: Daemon) -> None:
    node.drop("web.yaml", pod("web", FOREVER, FOREVER))
    web = node.wait_running("web-lab")["web-lab"]
    assert web["status"]["phase"] == "Running"
    assert conditions(web) == {
        "PodReadyToStartContainers": ("True", None),
        "Initialized": ("True", None),
        "Ready": ("True", None),
        "ContainersReady": ("True", None),
        "PodScheduled": ("True", None),
    }
    for status in statuses(web).values():
        assert (status["ready"], status["started"], status["restartCount"]) == (True, True, 0)
        assert status["state"]["running"]["startedAt"] >= web["status"]["startTime"]
        assert status["containerID"].startswith("hostpod://")
        assert status["imageID"].startswith(("sha256:", "docker.io/library/busybox@sha256:"))
    assert web["status"]["qosClass"] == "BestEffort"
    assert web["status"]["podIPs"] == [{"ip": web["status"]["podIP"]}]
    told = reasons(node.events(), "web-lab")
    assert [told.count(each) for each in ("Pulled", "Created", "Started")] == [2, 2, 2]


def test_never_restarted_a_pod_succeeds_when_all_do(node: Daemon) -> None:
    node.drop("done.yaml", pod("done", "exit 0", "exit 0", restartPolicy="Never"))
    done = node.wait_phase("done-lab", "Succeeded")
    assert ends(done) == {"c0": (0, "Completed"), "c1": (0, "Completed")}
    assert {status["restartCount"] for status in statuses(done).values()} == {0}
    found = conditions(done)
    assert found["Ready"] == found["ContainersReady"] == ("False", "PodCompleted")
    assert found["Initialized"] == ("True", "PodCompleted")


def test_never_restarted_a_pod_fails_when_one_does(node: Daemon) -> None:
    node.drop("mixed.yaml", pod("mixed", "exit 0", "exit 3", "sleep 9 & kill -9 $!; wait $!", restartPolicy="Never"))
    mixed = node.wait_phase("mixed-lab", "Failed")
    assert ends(mixed) == {"c0": (0, "Completed"), "c1": (3, "Error"), "c2": (137, "Error")}
    assert conditions(mixed)["Ready"] == ("False", "PodFailed")
    end = statuses(mixed)["c1"]["state"]["terminated"]
    assert end["startedAt"] <= end["finishedAt"]
    assert end["containerID"] == statuses(mixed)["c1"]["containerID"]


def test_one_that_has_ended_makes_the_pod_unready_while_another_runs(node: Daemon) -> None:
    node.drop("half.yaml", pod("half", "exit 0", FOREVER, restartPolicy="Never"))
    node.wait_container("half-lab", lambda status: "terminated" in status["state"], what="ended")
    half = node.wait_phase("half-lab", "Running")
    assert conditions(half)["Ready"] == ("False", "ContainersNotReady")
    (ready,) = (each for each in half["status"]["conditions"] if each["type"] == "Ready")
    assert ready["message"] == "containers with unready status: [c0]"


def test_the_sandbox_of_a_finished_pod_is_given_back(node: Daemon) -> None:
    node.drop("done.yaml", pod("done", "exit 0", restartPolicy="Never"))
    node.wait_phase("done-lab", "Succeeded")
    pods = node.wait_for(
        lambda pods: conditions(pods["done-lab"])["PodReadyToStartContainers"][0] == "False", what="no sandbox"
    )
    assert ends(pods["done-lab"]) == {"c0": (0, "Completed")}
    assert node.processes("done-lab") == {}
    assert node.said("done-lab") == ""


@pytest.mark.parametrize("code", [0, 7])
def test_always_restarts_whatever_the_exit_code(node: Daemon, code: int) -> None:
    node.drop("again.yaml", pod("again", f"exit {code}"))
    status = node.wait_container("again-lab", lambda status: status["restartCount"] >= 2, what="restarted twice")
    last = status["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (code, "Error" if code else "Completed")
    assert node.pods()["again-lab"]["status"]["phase"] == "Running"


def test_on_failure_restarts_only_what_failed(node: Daemon) -> None:
    third = "echo x >> /v/tries; [ $(wc -l < /v/tries) -ge 3 ]"
    manifest = pod("tries", third, "exit 0", restartPolicy="OnFailure", volumes=[{"name": "v", "emptyDir": {}}])
    manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    node.drop("tries.yaml", manifest)
    tries = node.wait_phase("tries-lab", "Succeeded")
    assert {name: status["restartCount"] for name, status in statuses(tries).items()} == {"c0": 2, "c1": 0}
    assert statuses(tries)["c0"]["lastState"]["terminated"]["exitCode"] == 1


def test_a_command_that_is_not_there_is_told_in_the_words_of_runc(node: Daemon) -> None:
    manifest = pod("typo", restartPolicy="Never")
    manifest["spec"]["containers"][0]["command"] = ["/bin/ngnix", "-v"]
    node.drop("typo.yaml", manifest)
    typo = node.wait_phase("typo-lab", "Failed")
    assert ends(typo) == {"c0": (128, "ContainerCannotRun")}
    message = statuses(typo)["c0"]["state"]["terminated"]["message"]
    assert message == 'exec: "/bin/ngnix": stat /bin/ngnix: no such file or directory'
    (failed,) = (event for event in node.events() if event["reason"] == "Failed")
    assert failed["message"].endswith(message)


def test_a_command_that_is_not_there_is_tried_again_with_back_off(node: Daemon) -> None:
    manifest = pod("typo")
    manifest["spec"]["containers"][0]["command"] = ["ngnix"]
    node.drop("typo.yaml", manifest)
    status = node.wait_container(
        "typo-lab",
        lambda status: waiting(status) == "CrashLoopBackOff",
        what="backing off",
    )
    assert status["lastState"]["terminated"]["reason"] == "ContainerCannotRun"
    assert '"ngnix": executable file not found in $PATH' in status["lastState"]["terminated"]["message"]


def test_a_missing_working_directory_is_made_and_no_link_leads_out_of_the_container(node: Daemon) -> None:
    outside = Path("/var") / f"hostpod-{node.names.cgroup_root}"
    manifest = pod("place", "pwd; stat -c '%a %u' /made /made/here", "pwd -P", restartPolicy="Never")
    mount = {"name": "links", "mountPath": "/links"}
    manifest["spec"] |= {
        "volumes": [{"name": "links", "emptyDir": {}}],
        "initContainers": [container("link", "ln -s /var /links/out", volumeMounts=[mount])],
    }
    made, linked = manifest["spec"]["containers"]
    made |= {"workingDir": "/made/here", "securityContext": {"runAsUser": 1000}}
    linked |= {"workingDir": f"/links/out/{outside.name}", "volumeMounts": [mount]}
    node.drop("place.yaml", manifest)
    node.wait_phase("place-lab", "Succeeded")
    assert node.said("place-lab") == "/made/here\n755 0\n755 0\n"
    assert node.said("place-lab", "c1") == f"{outside}\n"
    assert not outside.exists()


@pytest.mark.controllers
@pytest.mark.everywhere
def test_too_much_memory_ends_as_oom_killed(node: Daemon) -> None:
    manifest = pod("hungry", restartPolicy="Never")
    (container,) = manifest["spec"]["containers"]
    container["command"] = ["dd", "if=/dev/zero", "of=/dev/null", "bs=256M", "count=1"]
    container["resources"] = {"limits": {"memory": "16Mi"}}
    node.drop("hungry.yaml", manifest)
    hungry = node.wait_phase("hungry-lab", "Failed")
    assert ends(hungry) == {"c0": (137, "OOMKilled")}
    assert hungry["status"]["qosClass"] == "Burstable"


def test_fifty_pods_at_once(node: Daemon) -> None:
    names = [f"many{number}" for number in range(50)]
    for name in names:
        node.drop(f"{name}.yaml", pod(name))
    pods = node.wait_running(*(f"{name}-lab" for name in names), within_s=60)
    assert len({each["status"]["podIP"] for each in pods.values()}) == 50
    assert {status["restartCount"] for each in pods.values() for status in statuses(each).values()} == {0}

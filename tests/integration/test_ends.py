"""How containers and pods end: messages, deadlines, rules for restarts, and what a pod that is done leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.place import patient
from tests.integration.crash_kit import until
from tests.integration.harness import FOREVER, Daemon, conditions, container, pod, reasons, statuses

pytestmark = pytest.mark.integration

QUICK_BACKOFF = {"backoff": {"initial": "50ms", "max": "100ms"}}
RULE = {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}


def once(name: str, command: str, **fields: Any) -> dict[str, Any]:
    return pod(name, containers=[container("c0", command, **fields)], restartPolicy="Never")


def end_of(node: Daemon, name: str, phase: str) -> dict[str, Any]:
    ended: dict[str, Any] = statuses(node.wait_phase(name, phase))["c0"]["state"]["terminated"]
    return ended


class TestTerminationMessage:
    """Container Runtime blackbox test on terminated container should report termination message …"""

    @pytest.mark.everywhere
    def test_from_the_file(self, node: Daemon) -> None:
        node.drop("file.yaml", once("file", "printf DONE > /dev/termination-log; exit 1"))
        assert end_of(node, "file-lab", "Failed")["message"] == "DONE"

    def test_from_the_file_where_the_policy_falls_back_and_the_pod_succeeds(self, node: Daemon) -> None:
        fallback = {"terminationMessagePolicy": "FallbackToLogsOnError"}
        node.drop("both.yaml", once("both", "echo logged; printf OK > /dev/termination-log", **fallback))
        assert end_of(node, "both-lab", "Succeeded")["message"] == "OK"

    def test_empty_where_the_pod_succeeds_and_wrote_no_file(self, node: Daemon) -> None:
        node.drop("none.yaml", once("none", "echo DONE", terminationMessagePolicy="FallbackToLogsOnError"))
        assert "message" not in end_of(node, "none-lab", "Succeeded")

    def test_from_the_log_where_the_policy_falls_back_and_the_pod_fails(self, node: Daemon) -> None:
        fallback = {"terminationMessagePolicy": "FallbackToLogsOnError"}
        node.drop("log.yaml", once("log", "seq 1 2000; printf DONE; exit 1", **fallback))
        message = end_of(node, "log-lab", "Failed")["message"]
        assert message.endswith("1999\n2000\nDONE")
        assert message.splitlines()[0] == "1922"  # the last 80 lines

    def test_at_a_path_of_its_own_by_another_user(self, node: Daemon) -> None:
        """… if TerminationMessagePath is set as non-root user and at a non-default path."""
        command = "su -s /bin/sh nobody -c 'printf DONE > /dev/termination-custom-log'"
        node.drop("path.yaml", once("path", command, terminationMessagePath="/dev/termination-custom-log"))
        assert end_of(node, "path-lab", "Succeeded")["message"] == "DONE"

    def test_no_more_than_4096_bytes(self, node: Daemon) -> None:
        node.drop("long.yaml", once("long", "yes | head -c 100000 > /dev/termination-log"))
        assert len(end_of(node, "long-lab", "Succeeded")["message"]) == 4096


class TestDeadline:
    @pytest.mark.everywhere
    def test_a_pod_that_is_active_for_too_long_fails_and_stays_so(self, node: Daemon) -> None:
        node.drop("late.yaml", pod("late", FOREVER, activeDeadlineSeconds=int(patient(2))))
        late = node.wait_phase("late-lab", "Failed")
        assert (late["status"]["reason"], late["status"]["message"]) == (
            "DeadlineExceeded", "Pod was active on the node longer than the specified deadline",
        )  # fmt: skip
        until(lambda: "terminated" in statuses(node.pods()["late-lab"])["c0"]["state"], "its container has ended")
        node.kill()
        node.start()
        after = node.pods()["late-lab"]
        assert (after["status"]["phase"], after["status"]["reason"]) == ("Failed", "DeadlineExceeded")
        assert statuses(after)["c0"]["restartCount"] == 0
        assert conditions(after)["Ready"] == ("False", "PodFailed")
        assert "DeadlineExceeded" in reasons(node.events(), "late-lab")
        until(lambda: not node.processes("late-lab"), "nothing of it runs")

    def test_a_pod_that_ends_in_time_succeeds(self, node: Daemon) -> None:
        node.drop("intime.yaml", pod("intime", "exit 0", activeDeadlineSeconds=3600, restartPolicy="Never"))
        assert node.wait_phase("intime-lab", "Succeeded")["status"].get("reason") is None


class TestRules:
    def test_a_rule_restarts_what_the_policy_would_not(self, new_daemon: Callable[..., Daemon]) -> None:
        node = new_daemon(**QUICK_BACKOFF)
        node.start()
        twice = "echo x >> /data/n; [ $(wc -l < /data/n) -ge 3 ] && exit 7; exit 42"
        ruled = container("c0", twice, restartPolicy="Never", restartPolicyRules=[RULE],
                          volumeMounts=[{"name": "data", "mountPath": "/data"}])  # fmt: skip
        node.drop("ruled.yaml", pod("ruled", containers=[ruled], volumes=[{"name": "data", "emptyDir": {}}]))
        ruled_pod = node.wait_phase("ruled-lab", "Failed")
        status = statuses(ruled_pod)["c0"]
        assert (status["state"]["terminated"]["exitCode"], status["restartCount"]) == (7, 2)
        assert status["lastState"]["terminated"]["exitCode"] == 42

    def test_a_container_has_a_policy_of_its_own(self, node: Daemon) -> None:
        done = container("done", "exit 0", restartPolicy="OnFailure")
        node.drop("own.yaml", pod("own", containers=[done, container("stays", FOREVER)]))
        node.wait_container("own-lab", lambda each: "terminated" in each["state"], container="done", what="done")
        node.wait_container("own-lab", lambda each: "running" in each["state"], container="stays", what="running")
        own = node.pods()["own-lab"]
        assert (own["status"]["phase"], statuses(own)["done"]["restartCount"]) == ("Running", 0)

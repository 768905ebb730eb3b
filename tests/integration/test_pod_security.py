"""Pod Security Standards: what a source's pods must keep, as the daemon and the command say it."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
import yaml

from lab import client
from tests.integration.harness import FOREVER, Daemon, pod, statuses

pytestmark = pytest.mark.integration

HOST_PID = 'PodSecurity "baseline:latest": host namespaces (hostPID=true)'
ESCALATION = 'would violate PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "c0"'


def wait_told(daemon: Daemon, words: str, *files: str) -> None:
    """Wait until these files have such a problem. Each new one is an event, so their watch tells when to look."""
    wanted = {str(daemon.manifests / file) for file in files}
    with client.watch(daemon.socket, "/events?watch=1", timeout_s=10) as changes:
        while {each["file"] for each in daemon.problems() if words in each["message"]} != wanted:
            next(changes)


def test_a_pod_that_breaks_the_standard_does_not_come_and_one_that_runs_goes_on(
    new_daemon: Callable[..., Daemon],
) -> None:
    daemon = new_daemon(podSecurity={"enforce": "baseline", "warn": "restricted"})
    daemon.start()
    daemon.drop("web.yaml", pod("web", FOREVER))
    before = statuses(daemon.wait_running("web-lab")["web-lab"])
    wait_told(daemon, ESCALATION, "web.yaml")
    told = daemon.cli("get", "pods").stderr
    assert f"warning: spec.containers[0].securityContext.allowPrivilegeEscalation: {ESCALATION}" in told

    daemon.drop("web.yaml", pod("web", FOREVER, hostPID=True))
    daemon.drop("other.yaml", pod("other", FOREVER, hostPID=True))
    wait_told(daemon, f"violates {HOST_PID}", "web.yaml", "other.yaml")
    assert {name: statuses(shown) for name, shown in daemon.pods().items()} == {"web-lab": before}
    assert [each["keptPod"] for each in daemon.problems()] == [None, "web-lab"]
    checked = daemon.cli("validate", "--config", str(daemon.config), str(daemon.manifests))
    assert (checked.returncode, checked.stderr.count(f"spec.hostPID: violates {HOST_PID}\n")) == (1, 2)

    settings = yaml.safe_load(daemon.config.read_text())
    daemon.config.write_text(yaml.safe_dump({**settings, "podSecurity": {"warn": "baseline"}}))
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    wait_told(daemon, f"would violate {HOST_PID}", "web.yaml", "other.yaml")
    pods = daemon.wait_for(lambda pods: "other-lab" in pods, what="what is only warned of runs")
    assert pods["other-lab"]["spec"]["hostPID"] is True

"""The directory of manifests through the whole daemon: what becomes of pods when files are edited, broken, doubled."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.place import patient
from tests.integration.crash_kit import until
from tests.integration.harness import FOREVER, NODE, Daemon, pod

pytestmark = pytest.mark.integration

WEB = f"web-{NODE}"
BROKEN = "kind: Pod\nspec: [\n"


def container_ids(pods: Mapping[str, Any], name: str) -> list[str]:
    return [status["containerID"] for status in pods[name]["status"]["containerStatuses"]]


def wait_for_problems(daemon: Daemon, *texts: str) -> list[dict[str, Any]]:
    """The problems, as soon as there is just one for each text."""
    deadline = time.monotonic() + patient(30)
    while True:
        problems = daemon.problems()
        messages = sorted(problem["message"] for problem in problems)
        if len(messages) == len(texts) and all(text in message for text, message in zip(texts, messages, strict=True)):
            return problems
        assert time.monotonic() < deadline, messages
        time.sleep(0.02)


@pytest.mark.everywhere
def test_a_broken_edit_keeps_the_pod_running_and_is_shown(daemon: Daemon) -> None:
    daemon.drop("web.yaml", json.dumps(pod("web")))
    before = container_ids(daemon.wait_running(WEB), WEB)
    daemon.drop("web.yaml", BROKEN)
    (problem,) = wait_for_problems(daemon, "a value is missing here")
    assert (Path(problem["file"]).name, problem["keptPod"]) == ("web.yaml", WEB)
    listed = daemon.cli("get", "pods")
    assert "Running" in listed.stdout
    assert "Problems in manifests" in listed.stderr
    assert container_ids(daemon.pods(), WEB) == before
    daemon.drop("web.yaml", json.dumps(pod("web")))
    wait_for_problems(daemon)
    assert container_ids(daemon.pods(), WEB) == before


def test_a_file_that_broke_while_the_daemon_was_away_keeps_its_pod(daemon: Daemon) -> None:
    daemon.drop("web.yaml", json.dumps(pod("web")))
    before = container_ids(daemon.wait_running(WEB), WEB)
    daemon.kill()
    daemon.drop("web.yaml", BROKEN)
    daemon.start()
    assert [problem["keptPod"] for problem in daemon.problems()] == [WEB]
    assert container_ids(daemon.wait_running(WEB), WEB) == before


def test_of_two_files_with_one_pod_the_first_runs(daemon: Daemon) -> None:
    daemon.drop("b.yaml", json.dumps(pod("web")))
    of_b = container_ids(daemon.wait_running(WEB), WEB)
    daemon.drop("c.yaml", json.dumps(pod("web")))
    (problem,) = wait_for_problems(daemon, "b.yaml already, which comes first and runs")
    assert Path(problem["file"]).name == "c.yaml"
    assert container_ids(daemon.pods(), WEB) == of_b
    daemon.remove("b.yaml")
    until(lambda: daemon.problems() == [], "the second file counts", within_s=30)
    assert container_ids(daemon.wait_running(WEB), WEB) == of_b, "it says the same, and so the pod goes on"
    daemon.drop("c.yaml", json.dumps(pod("web", f"true; {FOREVER}")))
    daemon.wait_for(
        lambda pods: WEB in pods and pods[WEB]["status"]["phase"] == "Running" and container_ids(pods, WEB) != of_b,
        what="the pod as the second file says it now",
        within_s=30,
    )


def test_a_missing_directory_ends_no_pod_and_an_empty_one_does(daemon: Daemon) -> None:
    daemon.drop("web.yaml", json.dumps(pod("web")))
    before = container_ids(daemon.wait_running(WEB), WEB)
    away = daemon.manifests.with_name("away")
    daemon.manifests.rename(away)
    wait_for_problems(daemon, "cannot be read: no such file or directory")
    assert container_ids(daemon.pods(), WEB) == before
    away.rename(daemon.manifests)
    wait_for_problems(daemon)
    assert container_ids(daemon.pods(), WEB) == before
    shutil.rmtree(daemon.manifests)
    wait_for_problems(daemon, "cannot be read: no such file or directory")
    daemon.manifests.mkdir()
    daemon.wait_gone(WEB)


def test_editing_in_place_replaces_the_pod_once(daemon: Daemon) -> None:
    file = daemon.drop("web.yaml", json.dumps(pod("web")))
    before = daemon.wait_running(WEB)[WEB]["metadata"]["uid"]
    text = json.dumps(pod("web", "sleep 3600"))
    with file.open("w") as writer:  # truncated, then written in two parts
        writer.write(text[:100])
        writer.flush()
        assert daemon.pods()[WEB]["metadata"]["uid"] == before
        writer.write(text[100:])
    daemon.wait_for(
        lambda pods: (
            WEB in pods and pods[WEB]["metadata"]["uid"] != before and pods[WEB]["status"]["phase"] == "Running"
        ),
        what="the changed pod",
        within_s=30,
    )
    assert daemon.problems() == []


def test_special_files_and_leftovers_are_not_read(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    fifo = daemon.manifests / "fifo.yaml"
    os.mkfifo(fifo)
    (daemon.manifests / "web.yaml~").write_text(json.dumps(pod("backup")))
    (daemon.manifests / ".hidden.yaml").write_text(json.dumps(pod("hidden")))
    (daemon.manifests / "below").mkdir()
    try:
        daemon.start()
        daemon.drop("web.yaml", json.dumps(pod("web")))
        assert list(daemon.wait_running(WEB)) == [WEB]
        (problem,) = daemon.problems()
        assert problem["text"].startswith(f"{fifo}: is a FIFO, which is not read: ")
        fifo.unlink()
        wait_for_problems(daemon)
    finally:
        (daemon.manifests / "below").rmdir()

"""The hostpod command's forms of output, watches and refusals against a running daemon."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

import pytest
import yaml

from hostpod import __version__
from lab.place import patient
from tests.integration.crash_kit import until as wait_until
from tests.integration.harness import FOREVER, Daemon, pod, waiting

pytestmark = pytest.mark.integration

WITHIN_S = 15


@contextmanager
def going_on(node: Daemon, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command that does not end by itself; it is killed when the block is left, or when it takes too long."""
    argv = [sys.executable, "-m", "hostpod", *arguments]
    environment = {**os.environ, "HOSTPOD_SOCKET": str(node.socket), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        timer = Timer(patient(WITHIN_S), process.kill)
        timer.start()
        try:
            yield process
        finally:
            timer.cancel()
            process.kill()
            timer.join()


def until(process: subprocess.Popen[str], text: str) -> str:
    """What a command prints up to the line with the text in it."""
    assert process.stdout
    shown = ""
    for line in process.stdout:
        shown += line
        if text in shown:
            return shown
    raise AssertionError(f"it ended and never said {text!r}, only:\n{shown}")


@pytest.fixture
def web(node: Daemon) -> Daemon:
    """A node with the pods web (labelled) and other."""
    manifest = pod("web", f"echo hello; {FOREVER}", FOREVER)
    manifest["metadata"]["labels"] = {"app": "web"}
    node.drop("web.yaml", manifest)
    node.drop("other.yaml", pod("other", FOREVER))
    node.wait_running("web-lab", "other-lab")
    return node


def test_forms_of_a_list(web: Daemon) -> None:
    shown = web.pods()
    assert web.cli("get", "pods", "-o", "name").stdout == "pod/other-lab\npod/web-lab\n"
    for form, read in (("json", json.loads), ("yaml", yaml.safe_load)):
        listed = read(web.cli("get", "pods", "-o", form).stdout)
        assert (listed["kind"], listed["apiVersion"]) == ("List", "v1")
        assert [item["metadata"]["name"] for item in listed["items"]] == ["other-lab", "web-lab"]
        one = read(web.cli("get", "pod", "web", "-o", form).stdout)
        assert (one["kind"], one["spec"], one["status"]) == (
            "Pod",
            shown["web-lab"]["spec"],
            shown["web-lab"]["status"],
        )
    head, row = web.cli("get", "pods", "web", "-o", "wide").stdout.splitlines()
    assert head.split()[:7] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE"]
    cells = row.split()
    assert (cells[:4], cells[5:7]) == (
        ["web-lab", "2/2", "Running", "0"],
        [shown["web-lab"]["status"]["podIP"], "lab"],
    )
    assert web.cli("get", "po", "-A", "--no-headers", "-l", "app=web").stdout.split()[:3] == [
        "default",
        "web-lab",
        "2/2",
    ]


def test_a_pod_by_any_of_its_names(web: Daemon) -> None:
    for name in ("web", "web-lab", "pod/web", "pods/web-lab"):
        assert web.cli("get", "pods", name, "-o", "name").stdout == "pod/web-lab\n"
        assert web.cli("exec", name, "-c", "c0", "--", "true").returncode == 0


REFUSALS: list[tuple[tuple[str, ...], str]] = [
    (("get", "pods", "none"), 'Error from server (NotFound): pods "none" not found'),
    (("get", "pods", "none", "never"), 'Error from server (NotFound): pods "never" not found'),
    (("get", "pods", "web", "-n", "kube-system"), 'there is one in "default" (-n default)'),
    (("get", "pods", "-l", "app in ("), "error: "),
    (("describe", "pod", "none"), 'Error from server (NotFound): pods "none" not found'),
    (("logs", "none"), 'Error from server (NotFound): pods "none" not found'),
    (("logs", "web", "-c", "none"), "error: container none is not valid for pod web-lab"),
    (("logs", "web", "-p", "-c", "c0"), 'error: previous terminated container "c0" in pod "web-lab" not found'),
    (("logs", "service/web"), 'there are only pods here, no "service"'),
    (("exec", "none", "--", "true"), 'Error from server (NotFound): pods "none" not found'),
    (("exec", "web", "-c", "c1", "--", "nothing-like-it"), "nothing-like-it"),
    (("image", "pull", "No/Name"), "error: "),
    (
        ("image", "load", "/dev/null"),
        "error: /dev/null: cannot load the archive: it is no tar archive: give ",
    ),
]


def test_refusals(web: Daemon) -> None:
    for arguments, words in REFUSALS:
        refused = web.cli(*arguments)
        assert refused.returncode in (1, 126, 127, 255), refused
        assert words in refused.stderr, refused
        assert refused.stdout == "", refused
        assert "Traceback" not in refused.stderr


def test_a_command_line_that_is_wrong_is_exit_code_2(node: Daemon) -> None:
    for arguments in (("get", "nodes"), ("logs",), ("get", "pods", "-o", "table"), ("exec", "web"), ("nonsense",)):
        refused = node.cli(*arguments)
        assert refused.returncode == 2
        assert "Usage: " in refused.stderr


def test_nothing_there(node: Daemon) -> None:
    listed = node.cli("get", "pods")
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, "", "No resources found in default namespace.\n")
    assert node.cli("get", "pods", "-A").stderr == "No resources found.\n"
    assert json.loads(node.cli("get", "pods", "-o", "json").stdout)["items"] == []


def test_a_watch_of_pods_until_it_is_interrupted(node: Daemon) -> None:
    with going_on(node, "get", "pods", "-w") as watch:
        node.drop("web.yaml", pod("web", FOREVER))
        assert until(watch, "Running").split()[:5] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
        node.remove("web.yaml")
        until(watch, "Terminating")
        watch.send_signal(signal.SIGINT)
        assert watch.wait(10) == 130
        assert watch.stderr
        assert "Traceback" not in watch.stderr.read()


def test_a_watch_of_one_pod_as_json(web: Daemon) -> None:
    with going_on(web, "get", "pods", "web", "-w", "-o", "json") as watch:
        until(watch, "\n}\n")
        web.drop("third.yaml", pod("third", FOREVER))
        web.wait_running("third-lab")
        web.remove("web.yaml")
        shown = until(watch, '"deletionTimestamp"')
        assert "third-lab" not in shown


@pytest.mark.everywhere
def test_a_watch_of_events(node: Daemon) -> None:
    with going_on(node, "events", "-w", "--for", "watched") as watch:
        node.drop("other.yaml", pod("other", FOREVER))
        node.wait_running("other-lab")
        node.drop("watched.yaml", pod("watched", FOREVER))
        shown = until(watch, "Started container c0")
        assert "Created container" in shown
        assert "other-lab" not in shown
        assert shown.splitlines()[0].split() == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    listed = node.cli("events", "--for", "watched").stdout
    assert shown.splitlines()[1].split()[1:] == listed.splitlines()[1].split()[1:]


@pytest.mark.parametrize("arguments", [("get", "pods", "-w"), ("events", "-w")])
def test_a_watch_ends_with_the_daemon(node: Daemon, arguments: tuple[str, ...]) -> None:
    with going_on(node, *arguments) as watch:
        node.drop("web.yaml", pod("web", FOREVER))
        until(watch, "web-lab")
        node.wait_running("web-lab")
        assert node.stop() == 0
        assert watch.wait(10) == 1
        assert watch.stderr
        assert "error: " in watch.stderr.read()


def test_logs_by_container_and_time(web: Daemon) -> None:
    assert web.wait_said("web-lab", "hello") == "hello\n"
    chosen = web.cli("logs", "web")
    assert (chosen.stdout, chosen.stderr) == ("hello\n", 'Defaulted container "c0" out of: c0, c1\n')
    assert web.cli("logs", "web", "-c", "c1").stdout == ""
    stamped = web.cli("logs", "web", "-c", "c0", "--timestamps", "--tail", "1").stdout
    assert stamped.endswith("Z hello\n") or "+00:00 hello\n" in stamped
    assert web.cli("logs", "web", "-c", "c0", "--since-time", "2999-01-01T00:00:00Z").stdout == ""
    assert web.cli("logs", "web", "-c", "c0", "--limit-bytes", "3").stdout == "hel"


def test_logs_of_a_crashing_container(node: Daemon) -> None:
    node.drop("crash.yaml", pod("crash", "echo $(cat /proc/sys/kernel/random/uuid); exit 1"))
    node.wait_container("crash-lab", lambda each: each["restartCount"] == 2 and waiting(each), what="ended again")
    latest = node.cli("logs", "crash").stdout
    before = node.cli("logs", "crash", "-p").stdout
    assert len(latest) == len(before) == 37


def test_a_followed_log_goes_on_until_it_is_interrupted(node: Daemon) -> None:
    node.drop("talk.yaml", pod("talk", "n=0; while :; do n=$((n+1)); echo line $n; sleep 0.05; done"))
    node.wait_running("talk-lab")
    with going_on(node, "logs", "-f", "talk") as follow:
        assert until(follow, "line 5").splitlines()[:5] == [f"line {n}" for n in range(1, 6)]
        follow.send_signal(signal.SIGINT)
        assert follow.wait(10) == 130


def test_describe_tells_what_went_wrong(node: Daemon) -> None:
    manifest = pod("typo")
    manifest["spec"]["containers"][0]["command"] = ["ngnix"]
    node.drop("typo.yaml", manifest)
    node.wait_container("typo-lab", lambda status: status["restartCount"] >= 1, what="tried again")
    texts: list[str] = []

    def waits() -> bool:
        texts.append(node.cli("describe", "pod", "typo").stdout)
        return "BackOff" in texts[-1]  # between two attempts, and not in one of them

    wait_until(waits, "BackOff")
    text = texts[-1]
    for words in ("Name:", "Node:", "IP:", "QoS Class:", "ContainerCannotRun", 'exec: "ngnix"', "Events:", "BackOff"):
        assert words in text, words
    uid = node.pods()["typo-lab"]["metadata"]["uid"]
    assert uid in text


def test_versions_and_the_health_of_the_host(node: Daemon) -> None:
    assert __version__ in node.cli("version").stdout
    found = node.cli("doctor", "--config", str(node.config))
    for what in ("runc", "conmon", "skopeo", "cgroup"):
        assert what in found.stdout
    checks = json.loads(node.cli("doctor", "--config", str(node.config), "-o", "json").stdout)
    assert found.returncode == (1 if any("fail" in json.dumps(check) for check in checks) else 0)


def test_images_and_what_they_are_called(node: Daemon) -> None:
    pulled = node.cli("image", "pull", "busybox")
    assert pulled.stdout.splitlines()[-1].startswith("Pulled docker.io/library/busybox:latest (")
    head, *rows = node.cli("images").stdout.splitlines()
    assert head.split() == ["IMAGE", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    assert ["docker.io/library/busybox", "latest"] in [row.split()[:2] for row in rows]


def test_no_daemon(node: Daemon) -> None:
    nowhere = node.directory / "none.sock"
    for arguments in (("get", "pods"), ("logs", "web"), ("exec", "web", "--", "true"), ("images",), ("events",)):
        refused = node.cli("--socket", str(nowhere), *arguments)
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"error: hostpod does not run: nothing answers at {nowhere}")

"""Life-cycle hooks, stop signals and grace periods: what runs when, what a failure does, what is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.integration.crash_kit import until
from tests.integration.harness import Daemon, container, pod, reasons, statuses

pytestmark = pytest.mark.integration

QUICK_BACKOFF = {"backoff": {"initial": "50ms", "max": "100ms"}}
LISTENS = "trap 'echo asked >> /out/told; exit 0' TERM; touch /out/listens; while :; do sleep 3600 & wait $!; done"


def hooked(name: str, out: Path, command: str = LISTENS, grace_s: int = 20, **fields: Any) -> dict[str, Any]:
    """A pod whose container sees a directory of the host at /out."""
    mounts = [{"name": "out", "mountPath": "/out"}]
    volumes = [{"name": "out", "hostPath": {"path": str(out)}}]
    return pod(name, containers=[container("c0", command, volumeMounts=mounts, **fields)], volumes=volumes,
               grace_s=grace_s)  # fmt: skip


def shell(command: str) -> dict[str, Any]:
    return {"exec": {"command": ["sh", "-c", command]}}


def told(out: Path) -> list[str]:
    return (out / "told").read_text().split() if (out / "told").exists() else []


def wait_listening(out: Path) -> None:
    """Until the container has set its trap: as process 1 it does not hear of a signal before."""
    until((out / "listens").exists, "the container listens", within_s=30)


def messages(node: Daemon, name: str, reason: str) -> list[str]:
    return [e["message"] for e in node.events() if e["involvedObject"]["name"] == name and e["reason"] == reason]


@contextmanager
def a_server(address: str) -> Iterator[tuple[int, list[tuple[str, str]]]]:
    """A server of the host: its port, and the path and user agent of each request."""
    asked: list[tuple[str, str]] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers["User-Agent"]))
            self.send_response(500)  # as with the kubelet any answer will do
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer((address, 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], asked
        finally:
            server.shutdown()
            thread.join()


class TestPostStart:
    @pytest.mark.everywhere
    def test_exec(self, node: Daemon, tmp_path: Path) -> None:
        """Container Lifecycle Hook … should execute poststart exec hook properly."""
        node.drop("post.yaml", hooked("post", tmp_path, lifecycle={"postStart": shell("echo post >> /out/told")}))
        node.wait_container("post-lab", lambda each: each["ready"], what="ready")
        assert told(tmp_path) == ["post"]
        node.kill()
        node.start()
        assert statuses(node.pods()["post-lab"])["c0"]["ready"]
        assert told(tmp_path) == ["post"]

    def test_http(self, node: Daemon, tmp_path: Path) -> None:
        """… should execute poststart http hook properly."""
        with a_server("127.0.0.1") as (port, asked):
            get = {"httpGet": {"host": "127.0.0.1", "port": port, "path": "/echo?msg=poststart"}}
            node.drop("posth.yaml", hooked("posth", tmp_path, lifecycle={"postStart": get}))
            node.wait_container("posth-lab", lambda each: each["ready"], what="ready")
        assert asked == [("/echo?msg=poststart", "kube-lifecycle/1.36")]

    def test_until_it_is_over_the_container_is_not_ready(self, node: Daemon, tmp_path: Path) -> None:
        waits = shell("while [ ! -e /out/go ]; do sleep 0.02; done")
        node.drop("late.yaml", hooked("late", tmp_path, lifecycle={"postStart": waits}))
        running = node.wait_container("late-lab", lambda each: "running" in each["state"], what="running")
        assert (running["ready"], running["started"]) == (False, False)
        (tmp_path / "go").touch()
        node.wait_container("late-lab", lambda each: each["ready"] and each["started"], what="ready")

    def test_it_runs_once_for_each_attempt_whatever_happens_beside_it(
        self, new_daemon: Callable[..., Daemon], tmp_path: Path
    ) -> None:
        node = new_daemon(**QUICK_BACKOFF)
        node.start()
        hook = shell("echo post >> /out/told; while [ ! -e /out/go ]; do sleep 0.02; done")
        command = "while [ ! -e /out/end ]; do sleep 0.02; done; rm /out/end /out/go"
        manifest = hooked("again", tmp_path, command, lifecycle={"postStart": hook}, grace_s=1)
        manifest["spec"]["containers"].append(container("c1", "exit 1"))
        (tmp_path / "go").touch()
        node.drop("again.yaml", manifest)
        node.wait_container("again-lab", lambda each: each["ready"], what="ready")
        (tmp_path / "end").touch()
        until(lambda: len(told(tmp_path)) == 2, "the hook of the second attempt", within_s=30)
        beside = statuses(node.pods()["again-lab"])["c1"]["restartCount"]
        node.wait_container(
            "again-lab", lambda each: each["restartCount"] > beside + 2, container="c1", what="restarts"
        )
        assert told(tmp_path) == ["post", "post"]
        (tmp_path / "go").touch()
        node.wait_container("again-lab", lambda each: each["ready"] and each["restartCount"] == 1, what="ready again")

    def test_where_it_fails_the_container_ends_and_comes_again(
        self, new_daemon: Callable[..., Daemon], tmp_path: Path
    ) -> None:
        node = new_daemon(**QUICK_BACKOFF)
        node.start()
        node.drop("bad.yaml", hooked("bad", tmp_path, lifecycle={"postStart": shell("echo oh no; exit 3")}))
        node.wait_container("bad-lab", lambda each: each["restartCount"] >= 2, what="restarted twice")
        (message, *_) = messages(node, "bad-lab", "FailedPostStartHook")
        assert message == "PostStartHook failed: command 'sh -c echo oh no; exit 3' exited with 3: oh no"
        assert "asked" in told(tmp_path)

    def test_one_that_never_ends_does_not_hold_up_the_end_of_its_pod(self, node: Daemon, tmp_path: Path) -> None:
        node.drop("hung.yaml", hooked("hung", tmp_path, lifecycle={"postStart": shell("sleep 3600")}))
        node.wait_container("hung-lab", lambda each: "running" in each["state"], what="running")
        wait_listening(tmp_path)
        node.remove("hung.yaml")
        node.wait_gone("hung-lab", within_s=18)
        assert told(tmp_path) == ["asked"]


class TestPreStop:
    @pytest.mark.everywhere
    def test_exec_comes_before_the_signal(self, node: Daemon, tmp_path: Path) -> None:
        """Container Lifecycle Hook … should execute prestop exec hook properly."""
        node.drop("pre.yaml", hooked("pre", tmp_path, lifecycle={"preStop": shell("sleep 0.2; echo pre >> /out/told")}))
        wait_listening(tmp_path)
        node.remove("pre.yaml")
        node.wait_gone("pre-lab")
        assert told(tmp_path) == ["pre", "asked"]

    def test_http(self, node: Daemon, tmp_path: Path) -> None:
        """… should execute prestop http hook properly."""
        with a_server("127.0.0.1") as (port, asked):
            get = {"httpGet": {"host": "127.0.0.1", "port": port, "path": "/echo?msg=prestop"}}
            node.drop("preh.yaml", hooked("preh", tmp_path, lifecycle={"preStop": get}))
            wait_listening(tmp_path)
            node.remove("preh.yaml")
            node.wait_gone("preh-lab")
        assert asked == [("/echo?msg=prestop", "kube-lifecycle/1.36")]
        assert told(tmp_path) == ["asked"]

    def test_one_that_takes_all_time_leaves_two_seconds_for_the_signal(self, node: Daemon, tmp_path: Path) -> None:
        manifest = hooked("greedy", tmp_path, grace_s=1, lifecycle={"preStop": {"sleep": {"seconds": 1}}})
        manifest["spec"]["containers"][0]["lifecycle"]["preStop"] = shell("sleep 3600")
        node.drop("greedy.yaml", manifest)
        wait_listening(tmp_path)
        node.remove("greedy.yaml")
        node.wait_gone("greedy-lab")
        assert told(tmp_path) == ["asked"]
        assert "FailedPreStopHook" in reasons(node.events(), "greedy-lab")

    def test_a_failure_is_told_and_the_signal_follows(self, node: Daemon, tmp_path: Path) -> None:
        node.drop("preb.yaml", hooked("preb", tmp_path, lifecycle={"preStop": {"exec": {"command": ["/nothing"]}}}))
        wait_listening(tmp_path)
        node.remove("preb.yaml")
        node.wait_gone("preb-lab")
        (message,) = messages(node, "preb-lab", "FailedPreStopHook")
        assert "/nothing" in message
        assert told(tmp_path) == ["asked"]

    def test_sleep(self, node: Daemon, tmp_path: Path) -> None:
        node.drop("nap.yaml", hooked("nap", tmp_path, lifecycle={"preStop": {"sleep": {"seconds": 1}}}))
        wait_listening(tmp_path)
        node.remove("nap.yaml")
        node.wait_gone("nap-lab")
        asked = next(e for e in node.events() if e["involvedObject"]["name"] == "nap-lab" and e["reason"] == "Killing")
        assert told(tmp_path) == ["asked"]
        assert asked["message"] == "Stopping container c0"

    def test_that_of_a_restarted_container_runs_once_whatever_ends_beside_it(
        self, node: Daemon, tmp_path: Path
    ) -> None:
        """What an earlier attempt left does not disturb the hook of the one that runs."""
        crash_once = "[ -e /out/crashed ] || { touch /out/crashed; exit 1; }; "
        hook = shell("echo pre >> /out/told; sleep 2; echo over >> /out/told")
        manifest = hooked("again", tmp_path, crash_once + LISTENS, lifecycle={"preStop": hook})
        manifest["spec"]["containers"].append(container("c1", "trap 'exit 0' TERM; while :; do sleep 0.1; done"))
        node.drop("again.yaml", manifest)
        node.wait_container("again-lab", lambda each: each["restartCount"] == 1 and each["ready"], what="restarted")
        node.remove("again.yaml")
        node.wait_gone("again-lab")
        assert told(tmp_path) == ["pre", "over", "asked"]

    def test_a_container_that_ended_by_itself_has_none(self, node: Daemon, tmp_path: Path) -> None:
        manifest = hooked("done", tmp_path, "exit 0", lifecycle={"preStop": shell("echo pre >> /out/told")})
        manifest["spec"]["restartPolicy"] = "Never"
        node.drop("done.yaml", manifest)
        node.wait_phase("done-lab", "Succeeded")
        assert told(tmp_path) == []


def test_the_stop_signal_of_the_manifest_is_sent(node: Daemon, tmp_path: Path) -> None:
    listens = "trap 'echo usr1 >> /out/told; exit 0' USR1; echo listens; while :; do sleep 3600 & wait $!; done"
    manifest = hooked("usr", tmp_path, listens, lifecycle={"stopSignal": "SIGUSR1"})
    manifest["spec"]["os"] = {"name": "linux"}
    node.drop("usr.yaml", manifest)
    node.wait_said("usr-lab", "listens")
    node.remove("usr.yaml")
    node.wait_gone("usr-lab")
    assert told(tmp_path) == ["usr1"]


def test_tcp_socket_hooks_are_refused_with_what_to_do(node: Daemon, tmp_path: Path) -> None:
    manifest = hooked("tcp", tmp_path, lifecycle={"preStop": {"tcpSocket": {"port": 1}}})
    node.drop("tcp.yaml", json.dumps(manifest))
    told_so = "tcpSocket: not supported by this version of hostpod, use exec or httpGet"
    until(lambda: any(told_so in problem["text"] for problem in node.problems()), "the problem is told")
    node.remove("tcp.yaml")

"""HTTP of a running daemon: the read-only port as the kubelet's, and the UNIX socket."""

from __future__ import annotations

import http.client
import json
import os
import socket
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lab import client
from lab.place import patient
from tests.integration.harness import FOREVER, Daemon, pod

pytestmark = pytest.mark.integration


def ask(node: Daemon, path: str, method: str = "GET") -> tuple[int, str, str]:
    """Status, content type and body of an answer of the read-only port."""
    connection = http.client.HTTPConnection("127.0.0.1", node.port, timeout=patient(5))
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.headers.get("Content-Type", ""), response.read().decode()
    finally:
        connection.close()


def test_health(node: Daemon) -> None:
    assert ask(node, "/healthz") == (200, "text/plain; charset=utf-8", "ok")
    assert ask(node, "/healthz", "HEAD") == (200, "text/plain; charset=utf-8", "")


@pytest.mark.everywhere
def test_pods(node: Daemon) -> None:
    status, content_type, body = ask(node, "/pods")
    assert (status, content_type) == (200, "application/json; charset=utf-8")
    assert json.loads(body) == {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []}
    for name in ("b", "a"):
        node.drop(f"{name}.yaml", pod(name, FOREVER))
    node.wait_running("a-lab", "b-lab")
    items = json.loads(ask(node, "/pods")[2])["items"]
    assert [item["metadata"]["name"] for item in items] == ["a-lab", "b-lab"]
    assert {item["status"]["phase"] for item in items} == {"Running"}
    assert items == list(node.pods().values())


@pytest.mark.everywhere
def test_machine(node: Daemon) -> None:
    status, _, body = ask(node, "/spec")
    spec = json.loads(body)
    assert status == 200
    assert spec["num_cores"] == os.cpu_count()
    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    assert abs(spec["memory_capacity"] - pages * page_bytes) < 1 << 20
    assert spec["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert {"machine_id", "system_uuid", "cpu_frequency_khz", "filesystems"} <= set(spec)
    assert ask(node, "/spec/")[0] == 200


@pytest.mark.parametrize(
    "path", ["/", "/podss", "/pods/x", "/runningpods/", "/healthz/x", "/../etc/passwd", "/exec/a/b/c"]
)
def test_what_is_not_there(node: Daemon, path: str) -> None:
    assert ask(node, path)[0::2] == (404, "404 page not found\n")


@pytest.mark.parametrize("path", ["/healthz", "/pods", "/spec"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_what_can_only_be_read(node: Daemon, path: str, method: str) -> None:
    status, _, body = ask(node, path, method)
    assert (status, body) == (405, "405: Method Not Allowed")


def test_what_cannot_be_done_over_the_port(node: Daemon) -> None:
    """Whatever changes something, or looks into containers, is for the socket, which only root and a group may use."""
    node.drop("web.yaml", pod("web", FOREVER))
    node.wait_running("web-lab")
    for path in ("/containerLogs/default/web-lab/c0", "/images", "/events", "/problems", "/version"):
        assert ask(node, path)[0] == 404
    assert ask(node, "/pods?watch=1")[1] == "application/json; charset=utf-8"


def test_nonsense_does_no_harm(node: Daemon) -> None:
    for words in (b"\x16\x03\x01\x00\xa5" * 10, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"x" * 100_000):
        with socket.create_connection(("127.0.0.1", node.port), timeout=patient(5)) as connection:
            connection.sendall(words)
            connection.shutdown(socket.SHUT_WR)
            with suppress(ConnectionResetError):
                assert b" 200 " not in connection.recv(4096)
    assert ask(node, "/healthz")[0] == 200
    assert "Traceback" not in node.journal.read_text()


def refusal(node: Daemon, url: str, method: str = "GET") -> dict[str, Any]:
    """The Status that the socket answers."""
    status, body = client.request(node.socket, url, method=method)
    answer: dict[str, Any] = json.loads(body)
    assert answer["kind"] == "Status"
    assert answer["status"] == "Failure"
    assert answer["code"] == status
    return answer


@pytest.mark.parametrize(
    ("url", "method", "code", "reason", "words"),
    [
        ("/nothing", "GET", 404, "NotFound", "there is nothing at /nothing"),
        ("/pods", "DELETE", 405, "MethodNotAllowed", "DELETE is not possible at /pods"),
        ("/images/pull", "GET", 405, "MethodNotAllowed", "GET is not possible at /images/pull"),
        ("/images/pull", "POST", 400, "BadRequest", "no image named"),
        ("/pods/default/none", "GET", 404, "NotFound", 'pods "none" not found'),
        ("/containerLogs/default/none/c0", "GET", 404, "NotFound", 'pods "none" not found'),
        ("/containerLogs/default/web/c9", "GET", 400, "BadRequest", "container c9 is not valid for pod web-lab"),
        ("/containerLogs/default/web/c0?tailLines=x", "GET", 400, "BadRequest", "tailLines"),
        ("/containerLogs/default/web/c0?previous=true", "GET", 400, "BadRequest", "previous terminated container"),
        ("/exec/default/web/c0?command=true", "GET", 400, "BadRequest", "WebSocket"),
        ("/exec/default/web/c0", "GET", 400, "BadRequest", "no command given"),
    ],
)
def test_refusals_of_the_socket(node: Daemon, url: str, method: str, code: int, reason: str, words: str) -> None:
    node.drop("web.yaml", pod("web", FOREVER))
    node.wait_running("web-lab")
    answer = refusal(node, url, method)
    assert (answer["code"], answer["reason"]) == (code, reason)
    assert words in answer["message"]


def test_logs_of_a_container_that_is_not_there_yet(node: Daemon) -> None:
    node.drop("none.yaml", pod("none", FOREVER, image="127.0.0.1:9/none:1"))
    node.wait_container("none-lab", lambda status: "message" in status["state"].get("waiting", {}), what="no image")
    answer = refusal(node, "/containerLogs/default/none-lab/c0")
    assert answer["code"] == 400
    assert answer["message"].startswith('container "c0" in pod "none-lab" is waiting to start: ')


def test_a_watch_tells_a_pods_whole_life(node: Daemon) -> None:
    with client.watch(node.socket, "/pods?watch=1", timeout_s=10) as changes:
        node.drop("short.yaml", pod("short", "exit 0", restartPolicy="Never"))
        told = [next(changes)]
        while told[-1]["object"]["status"]["phase"] != "Succeeded":
            told.append(next(changes))
        node.remove("short.yaml")
        while told[-1]["type"] != "DELETED":
            told.append(next(changes))
    assert told[0]["type"] == "ADDED"
    assert {change["type"] for change in told[1:-1]} == {"MODIFIED"}
    phases = list(dict.fromkeys(change["object"]["status"]["phase"] for change in told))
    assert [phase for phase in phases if phase != "Running"] == ["Pending", "Succeeded"]
    assert all(one["object"] != other["object"] for one, other in pairwise(told[:-1]))


def test_a_second_watch_takes_nothing_from_the_first(node: Daemon) -> None:
    with client.watch(node.socket, "/pods?watch=1", timeout_s=10) as first:
        node.drop("web.yaml", pod("web", FOREVER))
        for _ in range(20):
            with client.watch(node.socket, "/pods?watch=1", timeout_s=10) as other:
                if next(other)["object"]["status"]["phase"] == "Running":
                    break
        told = [next(first)]
        while told[-1]["object"]["status"]["phase"] != "Running":
            told.append(next(first))
    assert [change["type"] for change in told] == ["ADDED", *["MODIFIED"] * (len(told) - 1)]

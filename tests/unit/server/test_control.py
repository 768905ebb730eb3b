from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from hostpod import __version__
from tests.unit.server.fake import Served, eventually


class Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self._path)


@contextmanager
def opened(
    served: Served, path: str, *, method: str = "GET", body: bytes | None = None
) -> Iterator[http.client.HTTPResponse]:
    connection = Connection(str(served.path))
    connection.request(method, path, body=body)
    try:
        with connection.getresponse() as response:
            yield response
    finally:
        connection.close()


def ask(served: Served, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
    with opened(served, path, method=method, body=body) as response:
        text = response.read().decode()
        return response.status, json.loads(text) if "json" in response.headers["Content-Type"] else text


def test_what_the_port_answers_the_socket_answers_too(served: Served) -> None:
    assert ask(served, "GET", "/healthz") == (200, "ok")
    assert len(ask(served, "GET", "/pods")[1]["items"]) == 2
    assert ask(served, "GET", "/spec/")[1]["num_cores"] == 2


def test_lists(served: Served) -> None:
    served.node.problem_items.append({"file": "a.yaml", "line": 3})
    served.node.event_items.append({"reason": "Started"})
    served.node.image_items.append({"id": "sha256:1"})
    assert ask(served, "GET", "/problems")[1]["items"] == [{"file": "a.yaml", "line": 3}]
    assert ask(served, "GET", "/events")[1]["items"] == [{"reason": "Started"}]
    assert ask(served, "GET", "/images")[1]["items"] == [{"id": "sha256:1"}]
    claim = {"metadata": {"name": "data", "namespace": "default"}, "path": "/c/default/data", "usedBy": []}
    served.node.volume_items.append(claim)
    assert ask(served, "GET", "/volumes?namespace=default")[1]["items"] == [claim]
    assert ask(served, "GET", "/volumes?namespace=other")[1]["items"] == []
    assert ask(served, "GET", "/volumes?usage=1")[1]["items"] == [{**claim, "usedBytes": 1500}]
    assert ask(served, "GET", "/version")[1] == {"version": __version__, "nodeName": "peer"}


@pytest.mark.parametrize("name", ["t1", "t1-peer"])
def test_one_pod_by_either_name(served: Served, name: str) -> None:
    status, pod = ask(served, "GET", f"/pods/default/{name}")
    assert (status, pod["metadata"]["name"]) == (200, "t1-peer")


@pytest.mark.parametrize(
    ("method", "path", "code", "reason", "message"),
    [
        ("GET", "/pods/default/x", 404, "NotFound", 'pods "x" not found'),
        ("GET", "/nothing", 404, "NotFound", "there is nothing at /nothing"),
        ("DELETE", "/pods", 405, "MethodNotAllowed", "DELETE is not possible at /pods"),
        ("GET", "/images/pull", 405, "MethodNotAllowed", "GET is not possible at /images/pull"),
        (
            "POST",
            "/images/pull",
            400,
            "BadRequest",
            "no image named: an image is needed, as in busybox:1.36 (ref=IMAGE)",
        ),
        (
            "POST",
            "/images/load",
            400,
            "BadRequest",
            "no archive sent: the body must be a docker-archive or oci-archive",
        ),
        (
            "GET",
            "/containerLogs/default/t1/side",
            400,
            "BadRequest",
            "container side is not valid for pod t1-peer",
        ),
        (
            "GET",
            "/containerLogs/default/t1/main?tailLines=x",
            400,
            "BadRequest",
            'tailLines must be a whole number of 0 or more, not "x"',
        ),
        (
            "GET",
            "/containerLogs/default/t1/main?previous=true",
            400,
            "BadRequest",
            'previous terminated container "main" in pod "t1-peer" not found',
        ),
        (
            "GET",
            "/exec/default/t1/main?command=cat",
            400,
            "BadRequest",
            "exec needs a WebSocket: upgrade request required",
        ),
    ],
)
def test_refusals_are_status_objects(
    served: Served, method: str, path: str, code: int, reason: str, message: str
) -> None:
    status, body = ask(served, method, path)
    assert status == code
    assert body == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }


def test_logs(served: Served) -> None:
    assert ask(served, "GET", "/containerLogs/default/t1/main?tailLines=7") == (200, "one\ntwo\n")
    assert served.node.log_options.tail_lines == 7


def test_a_followed_log_comes_piece_by_piece(served: Served) -> None:
    with opened(served, "/containerLogs/default/t1/main?follow=true") as response:
        assert [response.readline(), response.readline()] == [b"one\n", b"two\n"]
        served.call(served.node.log_ended.set)
        assert response.read() == b"end\n"


def test_a_watch_shows_what_is_there_and_then_changes(served: Served) -> None:
    with opened(served, "/pods?watch=1") as response:
        first = [json.loads(response.readline()) for _ in range(2)]
        assert [(event["type"], event["object"]["metadata"]["name"]) for event in first] == [
            ("ADDED", "t1-peer"),
            ("ADDED", "classic-peer"),
        ]
        served.call(lambda: served.node.change("DELETED", served.node.pod_items[0]))
        assert json.loads(response.readline())["type"] == "DELETED"
        assert served.node.watchers == 1
    eventually(lambda: served.node.watchers == 0)


def test_head_of_a_watch_ends_at_once(served: Served) -> None:
    assert ask(served, "HEAD", "/healthz") == (200, "")
    with opened(served, "/pods?watch=1", method="HEAD") as response:
        assert response.read() == b""
    eventually(lambda: served.node.watchers == 0)


def test_a_pull_tells_its_progress_and_ends_with_the_image(served: Served) -> None:
    with opened(served, "/images/pull?ref=web:1", method="POST") as response:
        lines = [json.loads(line) for line in response]
    assert [line.get("current") for line in lines] == [10, 20, None]
    assert lines[-1]["image"]["references"] == ["web:1"]


def test_a_pull_that_breaks_ends_with_a_status(served: Served) -> None:
    with opened(served, "/images/pull?ref=gone", method="POST") as response:
        lines = [json.loads(line) for line in response]
    assert lines[-1]["message"] == "cannot pull gone: the registry does not know it"


def test_an_archive_is_streamed(served: Served) -> None:
    archive = b"tar" * 1_000_000
    status, body = ask(served, "POST", "/images/load", archive)
    assert (status, body["items"][0]["sizeBytes"]) == (200, 3_000_000)
    assert ask(served, "POST", "/images/load", b"junk")[1]["message"] == "cannot load the archive: it is no tar file"


def test_images_are_looked_into_and_removed(served: Served) -> None:
    served.node.inspected = {"id": "sha256:1"}
    assert ask(served, "GET", "/images/inspect?ref=web:1")[1] == {"id": "sha256:1"}
    assert ask(served, "POST", "/images/remove?ref=web:2")[1]["untagged"] == ["web:2"]
    status, refusal = ask(served, "POST", "/images/remove?ref=used")
    assert (status, refusal["message"]) == (409, 'cannot remove image "used": pod default/web uses it')
    for query in ("", "?all=1", "?dryRun=1", "?all=1&dryRun=0"):
        assert ask(served, "POST", f"/images/prune{query}")[1] == {"images": [], "freedBytes": 20_000}
    assert served.node.pruned == [(False, False), (True, False), (False, True), (True, False)]
    for path in ("/images/remove", "/images/inspect"):
        method = "GET" if path.endswith("inspect") else "POST"
        assert ask(served, method, path)[1]["message"].startswith("no image named: ")


def test_watches_do_not_hold_up_the_end(tmp_path: Path) -> None:
    server = Served(tmp_path)
    with ExitStack() as stack:
        with server.running():
            response = stack.enter_context(opened(server, "/pods?watch=1"))
            response.readline()
            began = time.monotonic()
        assert time.monotonic() - began < 5, "far from the minute that aiohttp would wait"
    assert server.node.watchers == 0


def test_a_client_that_does_not_read_does_not_hold_up_others(served: Served) -> None:
    served.node.log = [b"x" * 65536] * 200
    with opened(served, "/containerLogs/default/t1/main") as slow:
        assert ask(served, "GET", "/healthz") == (200, "ok")
        assert len(slow.read()) == 200 * 65536


def test_a_client_that_goes_in_the_middle_is_no_error(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    served.node.log = [b"x" * 65536] * 2000
    with opened(served, "/containerLogs/default/t1/main") as response:
        response.read(10)
    assert ask(served, "GET", "/healthz") == (200, "ok")
    assert caplog.text == ""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hostpod.server.plan import BODY_LIMIT_BYTES
from hostpod.sources.proposal import Proposal, ProposedFile
from tests.unit.server.fake import Served
from tests.unit.server.test_control import ask


def plan(served: Served, body: object) -> tuple[int, Any]:
    return ask(served, "POST", "/plan", json.dumps(body).encode())


def test_files_are_handed_on_byte_by_byte(served: Served) -> None:
    content = b"kind: Pod\n\xff\x00"
    files = [{"name": "web.yaml", "content": b64encode(content).decode()}, {"name": None, "refused": "is a FIFO"}]
    assert plan(served, {"files": files, "whole": True}) == (200, served.node.planned)
    assert plan(served, {}) == (200, served.node.planned)
    taken = (ProposedFile(name="web.yaml", content=content), ProposedFile(name=None, refused="is a FIFO"))
    assert served.node.proposals == [Proposal(files=taken, whole=True), Proposal()]


def test_what_the_node_refuses_is_told(served: Served) -> None:
    status, told = plan(served, {"into": "/x"})
    assert (status, told["message"]) == (422, "/x is no directory of manifests; there are: /m")
    assert served.node.proposals == [Proposal(into=Path("/x"))]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"files": [{"name": "../web.yaml"}]}, "files.0.name"),
        ({"files": [{"name": ".web.yaml"}]}, "files.0.name"),
        ({"files": [{"name": "web.yaml", "content": "abc"}]}, "files.0.content"),
        ({"all": True}, "all"),
        ([], ""),
    ],
)
def test_what_is_no_plan_is_refused_with_its_place(served: Served, body: object, place: str) -> None:
    status, told = plan(served, body)
    assert status == 400
    assert told["message"].startswith(f"the body is no plan: {place}: ")
    assert served.node.proposals == []


def test_a_body_is_bounded(served: Served) -> None:
    large = {"files": [{"name": "web.yaml", "content": "A" * (BODY_LIMIT_BYTES - 100)}]}
    assert plan(served, large)[0] == 200
    status, told = plan(served, {"files": [{"name": "web.yaml", "content": "A" * BODY_LIMIT_BYTES}]})
    assert (status, told["reason"]) == (413, "RequestEntityTooLarge")
    assert len(served.node.proposals) == 1


def test_there_is_nothing_to_get_and_nothing_for_the_port(served: Served) -> None:
    assert ask(served, "GET", "/plan")[0] == 405
    port = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    with closing(port):
        port.request("POST", "/plan", body=b"{}")
        assert port.getresponse().status == 404
    assert served.node.proposals == []

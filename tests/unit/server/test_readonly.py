from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path

import pytest

from hostpod.config import HttpConfig
from hostpod.kube.api_status import StatusError
from hostpod.server.listen import ListenError, tcp_socket
from tests.unit.server.fake import FakeNode, JsonObject, Served, free_port

SAMPLE = Path(__file__).parent / "pods.json"


def ask(served: Served, method: str, path: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request(method, path)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_healthz_is_the_kubelets_two_letters(served: Served) -> None:
    response, body = ask(served, "GET", "/healthz")
    assert (response.status, body) == (200, b"ok")
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"


def test_pods_is_a_pod_list(served: Served) -> None:
    response, body = ask(served, "GET", "/pods")
    assert response.headers.get_content_type() == "application/json"
    assert list(json.loads(body)) == ["kind", "apiVersion", "metadata", "items"]
    assert json.loads(body) == json.loads(SAMPLE.read_text())


@pytest.mark.parametrize("path", ["/spec", "/spec/"])
def test_spec_is_the_machine_asked_at_that_moment(served: Served, path: str) -> None:
    response, body = ask(served, "GET", path)
    assert response.status == 200
    assert json.loads(body) == {"num_cores": 2, "machine_id": "m"}


def test_what_verifiers_of_tokens_read(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    response, body = ask(served, "GET", "/.well-known/openid-configuration")
    assert response.status == 200
    assert json.loads(body) == {
        "issuer": "https://peer",
        "jwks_uri": "https://peer/openid/v1/jwks",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }
    response, body = ask(served, "GET", "/openid/v1/jwks")
    assert response.headers.get_content_type() == "application/jwk-set+json"
    assert json.loads(body) == {"keys": []}

    async def refuse(_node: FakeNode) -> JsonObject:
        raise StatusError("InternalError", "cannot read the key")

    monkeypatch.setattr(FakeNode, "public_keys", refuse)
    response, body = ask(served, "GET", "/openid/v1/jwks")
    assert (response.status, body) == (500, b"cannot read the key")


@pytest.mark.parametrize("path", ["/healtz", "/", "/events", "/images", "/exec/default/t1/main", "/pods/default/t1"])
def test_everything_else_is_not_there(served: Served, path: str) -> None:
    response, body = ask(served, "GET", path)
    assert (response.status, body) == (404, b"404 page not found\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(served: Served, method: str) -> None:
    response, body = ask(served, method, "/pods")
    assert (response.status, body) == (405, b"405: Method Not Allowed")
    assert response.headers["Allow"] == "GET,HEAD"


def test_head_has_no_body(served: Served) -> None:
    response, body = ask(served, "HEAD", "/pods")
    assert (response.status, body) == (200, b"")
    assert int(response.headers["Content-Length"]) > 1000


def test_a_client_that_says_nothing_does_not_hold_up_others(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as silent:
        silent.sendall(b"GET /pods HTTP/1.1\r\n")
        assert ask(served, "GET", "/healthz")[1] == b"ok"


def test_a_header_without_end_is_refused(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port)) as greedy:
        greedy.settimeout(10)
        greedy.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * 500_000 + b"\r\n\r\n")
        assert b" 400 " in greedy.recv(100)


def test_a_port_that_is_taken_is_told() -> None:
    with free_port() as taken, pytest.raises(ListenError, match=r"^cannot listen on 127\.0\.0\.1:\d+: address already"):
        tcp_socket(HttpConfig(read_only_port=taken.getsockname()[1]))

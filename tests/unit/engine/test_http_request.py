from __future__ import annotations

import pytest

from hostpod.engine.http_request import HttpRequest, UnknownPortError, http_request, port_number
from hostpod.kube import Container, ContainerPort, HTTPGetAction, HTTPHeader, IntOrString

CONTAINER = Container(name="web", ports=(ContainerPort(name="http", container_port=8080),))


def asked(
    port: IntOrString = "http",
    *,
    headers: tuple[tuple[str, str], ...] = (),
    host: str | None = None,
    path: str | None = None,
    scheme: str | None = None,
) -> HttpRequest:
    given = tuple(HTTPHeader(name=name, value=value) for name, value in headers)
    action = HTTPGetAction(port=port, host=host, path=path, scheme=scheme, http_headers=given)
    return http_request(action, CONTAINER, "10.1.0.2", "probe")


def test_what_goes_without_saying() -> None:
    assert asked().content() == (
        b"GET / HTTP/1.1\r\nHost: 10.1.0.2:8080\r\nUser-Agent: kube-probe/1.36\r\n"
        b"Accept: */*\r\nConnection: close\r\n\r\n"
    )
    assert asked().url == "http://10.1.0.2:8080/"


def test_a_hook_says_that_it_is_one() -> None:
    request = http_request(HTTPGetAction(port=80), CONTAINER, "10.1.0.2", "lifecycle")
    assert b"\r\nUser-Agent: kube-lifecycle/1.36\r\n" in request.content()


def test_headers_of_the_manifest_take_the_place_of_what_is_said_otherwise() -> None:
    headers = (("user-agent", "mine"), ("accept", "text/html"), ("host", "shop.example"), ("X", "1"), ("X", "2"))
    assert asked(headers=headers).content() == (
        b"GET / HTTP/1.1\r\nHost: shop.example\r\nuser-agent: mine\r\naccept: text/html\r\n"
        b"X: 1\r\nX: 2\r\nConnection: close\r\n\r\n"
    )


def test_an_empty_header_takes_the_default_away() -> None:
    content = asked(headers=(("Accept", ""), ("User-Agent", ""), ("X-Empty", ""))).content()
    assert content == b"GET / HTTP/1.1\r\nHost: 10.1.0.2:8080\r\nX-Empty: \r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("header", [("X", "a\nb"), ("X", "a\0b"), ("X\r\nY", "a"), ("", "a"), ("Ü", "a")])
def test_a_header_that_cannot_be_sent(header: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"^net/http: invalid header field value"):
        asked(headers=(header,)).content()


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (None, "/"),
        ("/a?b=c&d=/e", "/a?b=c&d=/e"),
        ("healthz", "/healthz"),
        ("?full", "/?full"),
        ("/a b/ü", "/a%20b/%C3%BC"),
        ("/a%20b#part", "/a%20b"),
        ("/x y\r\nHost: z", "/x%20yHost:%20z"),
        ("http://[", "/http://%5B"),
    ],
)
def test_paths(path: str | None, target: str) -> None:
    assert asked(path=path).target == target


def test_where_it_goes() -> None:
    assert asked(8443, host="example.org", scheme="HTTPS").url == "https://example.org:8443/"
    assert asked(80, host="fd00::2").url == "http://[fd00::2]:80/"


@pytest.mark.parametrize(("port", "number"), [("http", 8080), (81, 81), ("82", 82)])
def test_ports(port: IntOrString, number: int) -> None:
    assert port_number(port, CONTAINER) == number


@pytest.mark.parametrize(
    ("port", "words"),
    [
        ("https", 'container "web" has no port named "https"'),
        ("²", 'container "web" has no port named "²"'),
        (0, "invalid port number: 0"),
        ("65536", "invalid port number: 65536"),
    ],
)
def test_no_such_port(port: IntOrString, words: str) -> None:
    with pytest.raises(UnknownPortError) as caught:
        port_number(port, CONTAINER)
    assert str(caught.value) == words


def test_whom_tls_asks_for() -> None:
    assert asked().server_name == "10.1.0.2"
    assert asked(headers=(("Host", "shop.example:8443"),)).server_name == "shop.example"


@pytest.mark.parametrize(
    ("location", "url", "host_header"),
    [
        ("/x", "http://10.1.0.2:8080/x", "shop.example"),
        ("x?y=1", "http://10.1.0.2:8080/a/x?y=1", "shop.example"),
        ("http://10.1.0.2/x", "http://10.1.0.2:80/x", ""),
        ("https://10.1.0.2/x", "https://10.1.0.2:443/x", ""),
    ],
)
def test_redirects_on_the_same_host(location: str, url: str, host_header: str) -> None:
    request = asked(path="/a/b", headers=(("Host", "shop.example"),)).follow(location)
    assert request
    assert (request.url, request.host_header) == (url, host_header)


@pytest.mark.parametrize(
    "location", ["http://shop.example/", "//10.1.0.3/", "ftp://10.1.0.2/", "http://[", "http://10.1.0.2:x/"]
)
def test_redirects_that_lead_elsewhere(location: str) -> None:
    assert asked().follow(location) is None

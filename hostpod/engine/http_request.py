"""An httpGet action as the request that it stands for: where it goes, what it says. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from hostpod.kube import Container, HTTPGetAction, IntOrString

Purpose = Literal["probe", "lifecycle"]
Headers = tuple[tuple[str, str], ...]

KUBERNETES_VERSION = "1.36"
DEFAULT_PORTS = {"http": 80, "https": 443}

_IN_A_PATH = "/:@!$&'()*+,;=-._~%"
_IN_A_QUERY = _IN_A_PATH + "?"


class UnknownPortError(Exception):
    """The container has no port of this name, or no such port can be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpRequest:
    """A GET. `target` is path and query as they are sent; `host_header` is empty where the request does not set one."""

    scheme: str
    host: str
    port: int
    target: str
    headers: Headers
    host_header: str = ""

    @property
    def url(self) -> str:
        """With the port, also where it goes without saying: as the kubelet shows it."""
        return f"{self.scheme}://{authority(self.host, self.port)}{self.target}"

    @property
    def server_name(self) -> str:
        """Whom TLS asks for."""
        named = urlsplit(f"//{self.host_header}").hostname if self.host_header else None
        return named or self.host

    def content(self) -> bytes:
        """What is sent. Raises ValueError where a header would be more than one line."""
        return _content(self)

    def follow(self, location: str) -> HttpRequest | None:
        """The request that a redirect leads to; None where it leads to another host, or nowhere."""
        try:
            to = urlsplit(urljoin(self.url, location))
            host, port = to.hostname, to.port
        except ValueError:
            return None
        if to.scheme not in DEFAULT_PORTS or host != self.host.lower():
            return None
        relative = not urlsplit(location).scheme
        return replace(
            self,
            scheme=to.scheme,
            port=port or DEFAULT_PORTS[to.scheme],
            target=_target(urlunsplit(("", "", to.path, to.query, ""))),
            host_header=self.host_header if relative else "",
        )


@lru_cache(maxsize=1024)  # a probe sends the same again and again
def _content(request: HttpRequest) -> bytes:
    host = request.host_header or authority(request.host, request.port)
    lines = [f"GET {request.target} HTTP/1.1"]
    for name, value in (("Host", host), *request.headers, ("Connection", "close")):
        if not name or any(sign in name + value for sign in "\r\n\0") or not name.isascii():
            raise ValueError(f'net/http: invalid header field value for "{name}"')
        lines.append(f"{name}: {value}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def http_request(action: HTTPGetAction, container: Container, address: str, purpose: Purpose) -> HttpRequest:
    """What an httpGet of a container asks. `address` is whom, unless the action names a host.

    Raises UnknownPortError.
    """
    given = [(header.name, header.value) for header in action.http_headers]
    names = {name.lower() for name, _ in given}
    host_header = next((value for name, value in given if name.lower() == "host"), "")
    return HttpRequest(
        scheme=(action.scheme or "HTTP").lower(),
        host=action.host or address,
        port=port_number(action.port, container),
        target=_target(action.path or "/"),
        headers=(*_defaults(names, purpose), *_kept(given)),
        host_header=host_header,
    )


def port_number(port: IntOrString, container: Container) -> int:
    """A port by its number or, of the container's own, by its name. Raises UnknownPortError."""
    if isinstance(port, str):
        named = next((each.container_port for each in container.ports if each.name == port), None)
        if named is None and not (port.isascii() and port.isdigit()):
            raise UnknownPortError(f'container "{container.name}" has no port named "{port}"')
        port = int(port) if named is None else named
    if not 0 < port < 65536:
        raise UnknownPortError(f"invalid port number: {port}")
    return port


def authority(host: str, port: int) -> str:
    """`10.0.0.2:80`, `[fd00::2]:80`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _defaults(names: set[str], purpose: Purpose) -> Iterable[tuple[str, str]]:
    if "user-agent" not in names:
        yield "User-Agent", f"kube-{purpose}/{KUBERNETES_VERSION}"
    if "accept" not in names:
        yield "Accept", "*/*"


def _kept(given: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """The given headers, but those that say what is said anyway, and the empty one that takes a default away."""
    for name, value in given:
        if name.lower() not in ("host", "connection") and (value or name.lower() not in ("accept", "user-agent")):
            yield name, value


def _target(path: str) -> str:
    try:
        parts = urlsplit(path)
        place, query = parts.path, parts.query
    except ValueError:
        place, query = path, ""
    place = quote(place, safe=_IN_A_PATH)
    if not place.startswith("/"):
        place = f"/{place}"
    return f"{place}?{quote(query, safe=_IN_A_QUERY)}" if query else place

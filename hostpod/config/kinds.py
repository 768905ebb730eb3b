"""The kinds of values that settings have, and what is refused of each."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

ISSUER_RANGE = "https:// with a host and without user, query and fragment"

_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_FOR_HOSTS6 = (IPv6Network("fc00::/7"), IPv6Network("2000::/3"))


def parse_duration(value: object) -> object:
    """A Go duration (`1m30s`) or a number of seconds to seconds; anything else is left for the model to refuse."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return value
    if isinstance(value, int | float):
        return float(value)
    parts = _DURATION.findall(value)
    if not parts or "".join(number + unit for number, unit in parts) != value:
        raise ValueError(f'"{value}" is not a duration, write for example 20s, 1m30s or 500ms')
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)


def absolute_path(value: object) -> object:
    """Refuse text that does not begin with /; the rest is the model's."""
    if isinstance(value, str) and not value.startswith("/"):
        raise ValueError(f'"{value}" is not an absolute path, it must begin with /')
    return value


def one_at_least(value: tuple[Path, ...]) -> tuple[Path, ...]:
    """Refuse an empty list."""
    if not value:
        raise ValueError("must name one path at least")
    return value


def web_address(value: str) -> str:
    """An http or https URL. What is refused is not shown: a URL may hold a password."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(
            "this is no http:// or https:// address that can be asked, write for example https://host/pods"
        )
    return parts.geturl()


def issuer(value: str) -> str:
    """The name of who makes tokens: an https URL below which verifiers may find the public keys."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or "@" in value or "?" in value or "#" in value or not value.isascii() or not value.isprintable():
        raise ValueError(f'"{value}" cannot be an issuer, must be {ISSUER_RANGE}')
    return value.rstrip("/")


def subnet(value: str) -> str:
    """An IPv4 subnet that can hold a bridge and some pods."""
    try:
        network = IPv4Network(value)
    except ValueError as error:
        raise ValueError(f'"{value}" is not an IPv4 subnet ({error}), write for example 10.85.0.0/16') from error
    if not 8 <= network.prefixlen <= 29:
        raise ValueError(f'"{value}" cannot hold the bridge and pods, its prefix length must be from 8 to 29')
    return value


def subnet6(value: str) -> str:
    """An IPv6 subnet of addresses that hosts may have, with room for as many pods as the widest IPv4 subnets."""
    try:
        network = IPv6Network(value)
    except ValueError as error:
        raise ValueError(f'"{value}" is not an IPv6 subnet ({error}), write for example fd3b:6a5c:91d2::/64') from error
    if not 64 <= network.prefixlen <= 112:
        raise ValueError(f'"{value}" cannot be used, its prefix length must be from 64 to 112')
    if not any(network.subnet_of(wide) for wide in _FOR_HOSTS6):
        raise ValueError(
            f"\"{value}\" cannot be used, it must lie in fc00::/7 (a site's own) or in 2000::/3 (everybody's), "
            "write for example fd3b:6a5c:91d2::/64"
        )
    return value


def address(value: str) -> str:
    """An IPv4 or IPv6 address."""
    try:
        ip_address(value)
    except ValueError as error:
        raise ValueError(f'"{value}" is not an IP address, write for example 127.0.0.1') from error
    return value


# A setting that a reload (SIGHUP) hands to those who use it; any other needs a restart.
LIVE: JsonDict = {"reload": True}

Seconds = Annotated[float, BeforeValidator(parse_duration), PlainSerializer(lambda s: f"{s:g}s", when_used="json")]
AbsolutePath = Annotated[Path, BeforeValidator(absolute_path)]
WebAddress = Annotated[str, AfterValidator(web_address)]
Issuer = Annotated[str, AfterValidator(issuer)]
Subnet = Annotated[str, AfterValidator(subnet)]
Subnet6 = Annotated[str, AfterValidator(subnet6)]
Address = Annotated[str, AfterValidator(address)]


class Section(BaseModel):
    """A group of settings: frozen, strict, camelCase in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

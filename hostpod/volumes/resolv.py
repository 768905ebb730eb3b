"""/etc/resolv.conf of a pod, made from the host's. Pure.

A resolver on the host's loopback (systemd-resolved's 127.0.0.53, a local dnsmasq) cannot be reached from a pod with a
network namespace of its own, so such a pod gets the servers behind it where the host knows them, or none of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address

from hostpod.kube import PodDNSConfig

# glibc's limit, and the kubelet's for pods.
NAMESERVER_LIMIT = 3
SEARCH_LIMIT = 32
SEARCH_LIMIT_LETTERS = 2048


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolver:
    """What a resolv.conf says."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    @property
    def only_loopback(self) -> bool:
        """Whether a pod could reach none of the name servers."""
        return all(_is_loopback(server) for server in self.nameservers)


def parse_resolv_conf(text: str) -> Resolver:
    """Read a resolv.conf as glibc does: the last search or domain line holds, options add up, the rest is ignored."""
    nameservers: list[str] = []
    searches: tuple[str, ...] = ()
    options: list[str] = []
    for line in text.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                nameservers.append(address)
            case ["search", *domains]:
                searches = tuple(domains)
            case ["domain", domain, *_]:
                searches = (domain,)
            case ["options", *more]:
                options.extend(more)
            case _:
                pass
    return Resolver(nameservers=tuple(nameservers), searches=searches, options=tuple(options))


def for_pod(host: Resolver, behind: Resolver | None) -> Resolver:
    """What a pod on the bridge can use: the host's resolver, or the one `behind` its stub, loopback left out."""
    chosen = behind if host.only_loopback and behind is not None else host
    return Resolver(
        nameservers=tuple(server for server in chosen.nameservers if not _is_loopback(server)),
        searches=chosen.searches,
        options=chosen.options,
    )


def with_config(resolver: Resolver, config: PodDNSConfig) -> Resolver:
    """A resolver with what a pod adds: of two options of one name the pod's counts."""
    own = {option.name or "": option for option in config.options}
    kept = [option for option in resolver.options if option.partition(":")[0] not in own]
    added = [f"{name}:{option.value}" if option.value is not None else name for name, option in own.items()]
    return Resolver(
        nameservers=tuple(dict.fromkeys((*resolver.nameservers, *config.nameservers))),
        searches=tuple(dict.fromkeys((*resolver.searches, *config.searches))),
        options=(*kept, *added),
    )


def render_resolv_conf(resolver: Resolver) -> str:
    """The file, within the limits."""
    lines = []
    if resolver.searches:
        lines.append(f"search {' '.join(_searches_that_fit(resolver.searches))}")
    lines += [f"nameserver {server}" for server in resolver.nameservers[:NAMESERVER_LIMIT]]
    if resolver.options:
        lines.append(f"options {' '.join(resolver.options)}")
    return "".join(f"{line}\n" for line in lines)


def _searches_that_fit(searches: tuple[str, ...]) -> tuple[str, ...]:
    fitting = searches[:SEARCH_LIMIT]
    while len(" ".join(fitting)) > SEARCH_LIMIT_LETTERS:
        fitting = fitting[:-1]
    return fitting


def _is_loopback(server: str) -> bool:
    try:
        return ip_address(server.partition("%")[0]).is_loopback
    except ValueError:
        return False

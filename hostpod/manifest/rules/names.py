"""Rules for how a pod finds others and is found: host name, /etc/hosts, resolv.conf."""

from __future__ import annotations

from hostpod.kube import HostAlias, PodDNSConfig, PodSpec
from hostpod.manifest.rules.formats import dns_label, dns_subdomain, ip_address, search_domain
from hostpod.manifest.rules.violation import Path, Violation, Violations, chosen, formatted, optional, required

DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
# The resolver of libc reads no more.
NAMESERVERS = 3
SEARCH_DOMAINS = 32
SEARCH_CHARACTERS = 2048
HOSTNAME_CHARACTERS = 64


def names(path: Path, spec: PodSpec) -> Violations:
    """hostname, subdomain, hostAliases, dnsPolicy and dnsConfig."""
    yield from optional((*path, "hostname"), spec.hostname, dns_label)
    yield from optional((*path, "subdomain"), spec.subdomain, dns_label)
    yield from _hostname_override((*path, "hostnameOverride"), spec)
    for index, alias in enumerate(spec.host_aliases):
        yield from _alias((*path, "hostAliases", index), alias)
    yield from chosen((*path, "dnsPolicy"), spec.dns_policy, DNS_POLICIES)
    config = spec.dns_config
    if spec.dns_policy == "None" and (config is None or not config.nameservers):
        yield Violation(
            path=(*path, "dnsConfig", "nameservers"), message="is missing, dnsPolicy None needs one nameserver at least"
        )
    if config is not None:
        yield from _resolver((*path, "dnsConfig"), config)


def _hostname_override(path: Path, spec: PodSpec) -> Violations:
    if spec.hostname_override is None:
        return
    yield from formatted(path, spec.hostname_override, dns_subdomain)
    if len(spec.hostname_override) > HOSTNAME_CHARACTERS:
        yield Violation(
            path=path, message=f"is longer than {HOSTNAME_CHARACTERS} characters, the most that Linux takes"
        )
    for name, value in (("hostNetwork", spec.host_network), ("setHostnameAsFQDN", spec.set_hostname_as_fqdn)):
        if value:
            yield Violation(path=path, message=f"contradicts {name}: true, drop one of them")


def _alias(path: Path, alias: HostAlias) -> Violations:
    yield from formatted((*path, "ip"), alias.ip, ip_address)
    for index, hostname in enumerate(alias.hostnames):
        yield from formatted((*path, "hostnames", index), hostname, dns_subdomain)


def _resolver(path: Path, config: PodDNSConfig) -> Violations:
    yield from _at_most((*path, "nameservers"), len(config.nameservers), NAMESERVERS, "nameservers")
    for index, server in enumerate(config.nameservers):
        yield from formatted((*path, "nameservers", index), server, ip_address)
    yield from _at_most((*path, "searches"), len(config.searches), SEARCH_DOMAINS, "search domains")
    yield from _at_most((*path, "searches"), len(" ".join(config.searches)), SEARCH_CHARACTERS, "characters in all")
    for index, domain in enumerate(config.searches):
        yield from formatted((*path, "searches", index), domain, search_domain)
    for index, option in enumerate(config.options):
        yield from required((*path, "options", index, "name"), option.name)


def _at_most(path: Path, count: int, most: int, things: str) -> Violations:
    if count > most:
        yield Violation(path=path, message=f"are {count} {things}, at most {most} are read")

"""/etc/hosts and /etc/hostname of a pod, as the kubelet writes them. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from hostpod.kube import HostAlias

_LOOPBACK = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
fe00::0\tip6-mcastprefix
fe00::1\tip6-allnodes
fe00::2\tip6-allrouters
"""


def render_hosts(
    *, addresses: Sequence[str], hostname: str, subdomain: str | None, aliases: Sequence[HostAlias]
) -> str:
    """The file of a pod with addresses of its own: one line each."""
    names = f"{hostname}.{subdomain}\t{hostname}" if subdomain else hostname
    own = "".join(f"{address}\t{names}\n" for address in addresses)
    return f"# Kubernetes-managed hosts file.\n{_LOOPBACK}{own}{_aliases(aliases)}"


def render_host_network_hosts(host_file: str, aliases: Sequence[HostAlias]) -> str:
    """The file of a pod on the host's network: the host's own file, then the pod's aliases."""
    return f"# Kubernetes-managed hosts file (host network).\n{host_file}{_aliases(aliases)}"


def _aliases(aliases: Sequence[HostAlias]) -> str:
    if not aliases:
        return ""
    lines = "".join("\t".join((alias.ip, *alias.hostnames)) + "\n" for alias in aliases)
    return f"\n# Entries added by HostAliases.\n{lines}"

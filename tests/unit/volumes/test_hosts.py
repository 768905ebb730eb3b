from __future__ import annotations

from hostpod.kube import HostAlias
from hostpod.volumes.hosts import render_host_network_hosts, render_hosts

LOOPBACK = (
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n"
)
ALIASES = (HostAlias(ip="192.0.2.1", hostnames=("db", "db.example")), HostAlias(ip="192.0.2.2", hostnames=("web",)))
ALIAS_LINES = "\n# Entries added by HostAliases.\n192.0.2.1\tdb\tdb.example\n192.0.2.2\tweb\n"


def test_a_pod_has_a_line_for_each_of_its_addresses() -> None:
    text = render_hosts(addresses=("10.85.0.2", "fd00:85::2"), hostname="web", subdomain="site", aliases=())
    assert text.endswith("10.85.0.2\tweb.site\tweb\nfd00:85::2\tweb.site\tweb\n")


def test_a_pod_with_an_address() -> None:
    assert render_hosts(addresses=("10.85.0.2",), hostname="web", subdomain=None, aliases=()) == (
        f"# Kubernetes-managed hosts file.\n{LOOPBACK}10.85.0.2\tweb\n"
    )


def test_a_subdomain_makes_the_longer_name_the_first() -> None:
    text = render_hosts(addresses=("10.85.0.2",), hostname="web", subdomain="site", aliases=ALIASES)
    assert text == f"# Kubernetes-managed hosts file.\n{LOOPBACK}10.85.0.2\tweb.site\tweb\n{ALIAS_LINES}"


def test_on_the_hosts_network_the_hosts_own_file_comes_first() -> None:
    assert render_host_network_hosts("127.0.0.1 localhost me\n", ALIASES) == (
        f"# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost me\n{ALIAS_LINES}"
    )

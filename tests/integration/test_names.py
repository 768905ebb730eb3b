"""How a pod calls itself and finds others: host names, /etc/hosts and /etc/resolv.conf, seen from inside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.harness import Daemon, seen

pytestmark = pytest.mark.integration


def test_aliases_of_the_pod(node: Daemon) -> None:
    aliases = [{"ip": "192.0.2.7", "hostnames": ["db", "db.example"]}, {"ip": "2001:db8::7", "hostnames": ["six"]}]
    shown = seen(node, "cat /etc/hosts; ping -c 1 -W 1 db | head -1", spec={"hostAliases": aliases})
    assert "# Entries added by HostAliases.\n192.0.2.7\tdb\tdb.example\n2001:db8::7\tsix\n" in shown
    assert "PING db (192.0.2.7)" in shown


def test_aliases_on_the_host_s_network(node: Daemon) -> None:
    aliases = [{"ip": "192.0.2.7", "hostnames": ["db"]}]
    shown = seen(node, "cat /etc/hosts", spec={"hostAliases": aliases, "hostNetwork": True})
    assert Path("/etc/hosts").read_text() in shown
    assert shown.endswith("192.0.2.7\tdb\n")


def test_a_subdomain(node: Daemon) -> None:
    spec = {"subdomain": "shop"}
    script = "hostname; hostname -f; echo $HOSTNAME; cat /etc/hostname"
    assert seen(node, script, spec=spec).split() == ["look", "look.shop", "look", "look"]
    assert seen(node, script, spec={**spec, "setHostnameAsFQDN": True}).split() == ["look.shop"] * 4


def test_another_name_than_the_pod_s(node: Daemon) -> None:
    spec = {"hostnameOverride": "printer.example.org"}
    assert seen(node, "hostname; grep printer /etc/hosts | cut -f2", spec=spec).split() == ["printer.example.org"] * 2


def test_name_servers_of_its_own(node: Daemon) -> None:
    config = {
        "nameservers": ["192.0.2.53"],
        "searches": ["a.example", "b.example"],
        "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
    }
    own = "search a.example b.example\nnameserver 192.0.2.53\noptions ndots:2 edns0\n"
    assert seen(node, "cat /etc/resolv.conf", spec={"dnsPolicy": "None", "dnsConfig": config}) == own
    shown = seen(node, "cat /etc/resolv.conf", spec={"dnsConfig": config})
    assert "nameserver 192.0.2.53\n" in shown
    assert "a.example b.example" in shown
    assert "ndots:2" in shown

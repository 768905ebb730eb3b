from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.kube import PodDNSConfig
from hostpod.volumes.resolv import (
    SEARCH_LIMIT,
    SEARCH_LIMIT_LETTERS,
    Resolver,
    for_pod,
    parse_resolv_conf,
    render_resolv_conf,
    with_config,
)

STUB = Resolver(nameservers=("127.0.0.53",), searches=("example.org",), options=("edns0",))
BEHIND = Resolver(nameservers=("192.0.2.53", "2001:db8::53"), searches=("behind.org",))


def test_what_glibc_reads_is_read() -> None:
    text = (
        "# a comment\n; another\nnameserver 192.0.2.1\nnameserver fe80::1%eth0 # local\ndomain first.org\n"
        "search a.org b.org\noptions ndots:2\noptions rotate timeout:1\nsortlist 10.0.0.0\n\nnameserver\n"
    )
    assert parse_resolv_conf(text) == Resolver(
        nameservers=("192.0.2.1", "fe80::1%eth0"),
        searches=("a.org", "b.org"),
        options=("ndots:2", "rotate", "timeout:1"),
    )
    assert parse_resolv_conf("search a.org\ndomain last.org\n").searches == ("last.org",)


@pytest.mark.parametrize("stub", ["127.0.0.53", "127.0.0.1", "::1"])
def test_a_stub_on_loopback_gives_way_to_the_servers_behind_it(stub: str) -> None:
    assert for_pod(Resolver(nameservers=(stub,)), BEHIND) == BEHIND


def test_a_stub_beside_a_real_server_is_left_out() -> None:
    host = Resolver(nameservers=("127.0.0.1", "192.0.2.1", "not-an-address"), searches=("example.org",))
    assert not host.only_loopback
    assert for_pod(host, None).nameservers == ("192.0.2.1", "not-an-address")


def test_a_stub_with_nothing_behind_it_leaves_no_server() -> None:
    assert for_pod(STUB, None) == Resolver(searches=("example.org",), options=("edns0",))


def test_what_a_pod_adds() -> None:
    host = Resolver(nameservers=("192.0.2.1",), searches=("a.org",), options=("ndots:5", "rotate"))
    config = PodDNSConfig.model_validate(
        {
            "nameservers": ["192.0.2.1", "192.0.2.9"],
            "searches": ["b.org", "a.org"],
            "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
        }
    )
    assert with_config(host, config) == Resolver(
        nameservers=("192.0.2.1", "192.0.2.9"), searches=("a.org", "b.org"), options=("rotate", "ndots:2", "edns0")
    )
    assert with_config(host, PodDNSConfig()) == host


def test_the_file() -> None:
    assert render_resolv_conf(
        Resolver(nameservers=("192.0.2.1",), searches=("a.org", "b.org"), options=("x", "y"))
    ) == ("search a.org b.org\nnameserver 192.0.2.1\noptions x y\n")
    assert render_resolv_conf(Resolver()) == ""


def test_three_name_servers_at_the_most() -> None:
    servers = tuple(f"192.0.2.{n}" for n in range(1, 6))
    assert render_resolv_conf(Resolver(nameservers=servers)).count("nameserver") == 3


def test_long_searches_are_cut_to_2048_letters() -> None:
    searches = tuple(f"{'x' * 250}{n}.org" for n in range(10))
    assert parse_resolv_conf(render_resolv_conf(Resolver(searches=searches))).searches == searches[:8]


@given(st.lists(st.text("abc.", min_size=1, max_size=200), max_size=60))
def test_searches_stay_within_the_limits_and_in_order(searches: list[str]) -> None:
    read = parse_resolv_conf(render_resolv_conf(Resolver(searches=tuple(searches)))).searches
    assert list(read) == searches[: len(read)]
    assert len(read) <= SEARCH_LIMIT
    assert len(" ".join(read)) <= SEARCH_LIMIT_LETTERS

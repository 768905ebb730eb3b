"""IPv6 beside IPv4 on the pods' bridge: real links and addresses on a fake host that has both."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hostpod.config import NetworkConfig
from hostpod.host.namespaces import inside
from hostpod.network import NetworkError, PodNetwork
from lab.place import patient
from tests.integration.crash_kit import until
from tests.integration.fakehost import OUTSIDE_ADDRESS, UPLINK, UPLINK_ADDRESS, FakeHost, run
from tests.integration.harness import Daemon, pod
from tests.integration.test_network import in_pod, refused, seen_from, undo, with_network
from tests.integration.test_network import pod as netns

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/sys/net/ipv6").exists(), reason="no IPv6 in this kernel"),
]

UPLINK_ADDRESS6 = "2001:db8:1::2"
OUTSIDE_ADDRESS6 = "2001:db8:1::1"
IPV4 = NetworkConfig()
BOTH = NetworkConfig(subnet6="fd00:85::/64")
LINKS = Path("/proc/sys/net/ipv6/conf")


def have_ipv6(host: FakeHost) -> None:
    """An uplink that speaks IPv6 too, to an outside host that knows no way back to pods."""
    run("ip", "address", "add", f"{UPLINK_ADDRESS6}/64", "dev", UPLINK, "nodad")
    in_pod(host.outside, "ip", "address", "add", f"{OUTSIDE_ADDRESS6}/64", "dev", "eth0", "nodad")
    run("ip", "route", "add", "default", "via", OUTSIDE_ADDRESS6, "dev", UPLINK)


def have_no_ipv6(host: FakeHost) -> None:
    run("ip", "route", "delete", "default", "via", OUTSIDE_ADDRESS6, "dev", UPLINK)
    run("ip", "address", "delete", f"{UPLINK_ADDRESS6}/64", "dev", UPLINK)
    in_pod(host.outside, "ip", "address", "delete", f"{OUTSIDE_ADDRESS6}/64", "dev", "eth0")


def setting(link: str, name: str) -> str:
    return (LINKS / link / name).read_text().strip()


@pytest.mark.everywhere
def test_a_pod_reaches_pods_host_and_world_by_both(host: FakeHost) -> None:
    have_ipv6(host)

    async def body(network: PodNetwork) -> None:
        first, second = netns(host, "first"), netns(host, "second")
        a, b = await network.attach("first", first), await network.attach("second", second)
        assert (a.ips, b.ips) == (("10.85.0.2", "fd00:85::2"), ("10.85.0.3", "fd00:85::3"))
        assert a.ip6 is not None
        assert b.ip6 is not None
        assert seen_from(first, second, b.ip6) == a.ip6
        assert seen_from(None, first, a.ip6) == "fd00:85::1"
        assert seen_from(first, None, "fd00:85::1") == a.ip6
        assert seen_from(first, None, UPLINK_ADDRESS6) == a.ip6
        assert seen_from(first, host.outside, OUTSIDE_ADDRESS6) == UPLINK_ADDRESS6
        assert seen_from(first, host.outside, OUTSIDE_ADDRESS) == UPLINK_ADDRESS
        assert seen_from(first, second, b.ip) == a.ip
        assert network.uplink_addresses() == (UPLINK_ADDRESS, UPLINK_ADDRESS6)
        assert network.uplink_address() == UPLINK_ADDRESS

    with_network(host, body, BOTH)


def hears(client: Path, server: Path | None, address: str) -> bool:
    """Whether a datagram of `client` comes to an address; one that the host sends afterwards does."""

    def made() -> socket.socket:
        return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)

    with inside(server, made) if server else made() as listening, inside(client, made) as sending:
        listening.bind(("::", 7))
        listening.settimeout(patient(10))
        sending.sendto(b"pod", (address, 7))
        with made() as own:
            own.sendto(b"host", (address, 7))
        return listening.recv(8) == b"pod"


@pytest.mark.parametrize(
    ("isolation", "pods", "to_host"),
    [("none", True, True), ("pods", False, True), ("host", True, False), ("all", False, False)],
)
def test_what_a_pod_is_kept_from(host: FakeHost, isolation: str, *, pods: bool, to_host: bool) -> None:
    have_ipv6(host)

    async def body(network: PodNetwork) -> None:
        first, second = netns(host, "first"), netns(host, "second")
        a, b = await network.attach("first", first), await network.attach("second", second)
        assert a.ip6 is not None
        assert b.ip6 is not None
        # No question for a hardware address is between two pods: a packet comes at once, or not at all.
        for inner, other in ((first, b), (second, a)):
            entry = (str(other.ip6), "lladdr", other.mac, "dev", "eth0")
            in_pod(inner, "ip", "neighbour", "replace", *entry)
        assert hears(first, second, b.ip6) == pods
        assert hears(first, None, "fd00:85::1") == to_host
        assert hears(first, None, UPLINK_ADDRESS6) == to_host
        assert seen_from(None, first, a.ip6) == "fd00:85::1", "as a probe does"
        assert seen_from(first, host.outside, OUTSIDE_ADDRESS6) == UPLINK_ADDRESS6

    with_network(host, body, BOTH.model_copy(update={"isolation": isolation}))


def test_a_pods_link_has_what_it_was_given_and_no_more(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        only = netns(host, "only")
        await network.attach("only", only)
        show = ("ip", "-6", "-o", "address", "show", "dev", "eth0")
        addresses = in_pod(only, *show)
        assert "fd00:85::2/64 scope global nodad" in addresses
        assert "fe80::858:aff:fe55:2/64 scope link" in addresses
        until(lambda: "tentative" not in in_pod(only, *show), "the kernel's own address can be used")
        assert in_pod(only, "cat", "/proc/sys/net/ipv6/conf/eth0/accept_dad").strip() == "0", "and at once"
        routes = in_pod(only, "ip", "-6", "route").splitlines()
        assert sorted(line.split(" metric")[0] for line in routes) == [
            "default via fd00:85::1 dev eth0 proto static",
            "fd00:85::/64 dev eth0 proto kernel",
            "fe80::/64 dev eth0 proto kernel",
        ]
        assert in_pod(only, "cat", "/proc/sys/net/ipv6/conf/eth0/accept_ra").strip() == "0"
        assert setting(BOTH.bridge, "accept_ra") == "0"

    with_network(host, body, BOTH)


def datagrams(address: str) -> Callable[[], socket.socket]:
    def bound() -> socket.socket:
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        made.settimeout(0.5)
        made.bind((address, 0))
        return made

    return bound


def test_a_pod_cannot_send_from_a_foreign_address(host: FakeHost) -> None:
    have_ipv6(host)

    async def body(network: PodNetwork) -> None:
        mine = netns(host, "pod")
        place = await network.attach("pod", mine)
        in_pod(mine, "ip", "address", "add", "2001:db8:2::9/128", "dev", "eth0", "nodad")
        with (
            inside(host.outside, datagrams(OUTSIDE_ADDRESS6)) as receiver,
            inside(mine, datagrams(place.ips[1])) as honest,
            inside(mine, datagrams("2001:db8:2::9")) as forger,
        ):
            honest.sendto(b"honest", receiver.getsockname())
            assert receiver.recv(16) == b"honest"
            forger.sendto(b"forged", receiver.getsockname())
            with pytest.raises(TimeoutError):
                receiver.recv(16)

    with_network(host, body, BOTH)


def advertise(link: str, source: str) -> None:
    """Say that this host is a router, as RFC 4861 wants it said."""
    scope = socket.if_nametoindex(link)
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as router:
        router.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        router.bind((source, 0, 0, scope))
        router.sendto(struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0), ("ff02::1", 0, 0, scope))


def learned() -> list[str]:
    """The routers that the host has learned of."""
    return [line.split()[2] for line in run("ip", "-6", "route", "show", "default", "proto", "ra").splitlines()]


async def until_learned(*routers: str) -> None:
    async with asyncio.timeout(patient(5)):
        while sorted(learned()) != sorted(routers):  # noqa: ASYNC110 - the test has nothing to wait for
            await asyncio.sleep(0.01)


def test_the_host_learns_its_way_out_as_before_and_nothing_from_pods(host: FakeHost) -> None:
    for number in (1, 2):
        in_pod(host.outside, "ip", "address", "add", f"fe80::{number}/64", "dev", "eth0", "nodad")

    async def body(network: PodNetwork) -> None:
        assert learned() == ["fe80::1"]  # what was learned before is not forgotten
        mine, other = netns(host, "mine"), netns(host, "other")
        await network.attach("mine", mine)
        place = await network.attach("other", other)
        inside(mine, lambda: advertise("eth0", "fe80::858:aff:fe55:2"))
        assert seen_from(mine, other, place.ips[1]) == "fd00:85::2"
        assert "proto ra" not in in_pod(other, "ip", "-6", "route")
        inside(host.outside, lambda: advertise("eth0", "fe80::2"))
        await until_learned("fe80::1", "fe80::2")

    async def after_a_restart(network: PodNetwork) -> None:
        assert len(network.joined()) == 2

    inside(host.outside, lambda: advertise("eth0", "fe80::1"))
    asyncio.run(until_learned("fe80::1"))
    assert (setting("all", "forwarding"), setting(UPLINK, "accept_ra")) == ("0", "1")
    with_network(host, body, BOTH)
    with_network(host, after_a_restart, BOTH)
    assert (setting("all", "forwarding"), setting(UPLINK, "accept_ra")) == ("1", "2")
    undo(host, BOTH)
    assert [setting(link, "accept_ra") for link in (UPLINK, "default")] == ["1", "1"]
    assert setting("all", "forwarding") == "0"
    assert sorted(learned()) == ["fe80::1", "fe80::2"]
    assert {path.name for path in (host.root / "leases").iterdir()} == {"cursor"}


def test_a_host_that_forwards_already_is_left_as_it_is(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        assert (setting("all", "forwarding"), setting(UPLINK, "accept_ra")) == ("1", "1")

    (LINKS / "all" / "forwarding").write_text("1")
    with_network(host, body, BOTH)
    undo(host, BOTH)
    assert setting("all", "forwarding") == "1"


def test_pods_that_run_stay_as_they_are_when_the_bridge_gets_ipv6(host: FakeHost) -> None:
    old, new = netns(host, "old"), netns(host, "new")

    async def before(network: PodNetwork) -> None:
        await network.attach("old", old)

    async def after(network: PodNetwork) -> None:
        a = network.find("old")
        assert a is not None
        assert a.ips == ("10.85.0.2",)
        assert a.host_link in network.joined()
        b = await network.attach("new", new)
        assert b.ips == ("10.85.0.3", "fd00:85::3")
        assert seen_from(new, old, a.ip) == b.ip

    with_network(host, before, IPV4)
    with_network(host, after, BOTH)


def test_without_the_setting_ipv6_goes_again(host: FakeHost) -> None:
    async def before(network: PodNetwork) -> None:
        await network.attach("pod", netns(host, "pod"))

    async def after(network: PodNetwork) -> None:
        assert network.find("pod") is None  # it is joined anew
        place = await network.attach("pod", netns(host, "pod"))
        assert place.ips == (place.ip,)
        assert run("ip", "-6", "-o", "address", "show", "dev", IPV4.bridge) == ""
        assert setting("all", "forwarding") == "0"
        assert "ip6" not in run("nft", "list", "ruleset")
        assert network.uplink_addresses() == (UPLINK_ADDRESS,)

    have_ipv6(host)
    with_network(host, before, BOTH)
    with_network(host, after, IPV4)


def test_a_new_way_out_is_noticed(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(network: PodNetwork) -> None:
        assert network.uplink_addresses() == (UPLINK_ADDRESS,)
        have_ipv6(host)
        async with asyncio.timeout(patient(5)):
            while network.uplink_addresses()[1:] != (UPLINK_ADDRESS6,):  # noqa: ASYNC110 - the test has nothing to wait for
                await asyncio.sleep(0.01)

    monkeypatch.setattr("hostpod.network.uplink._SETTLE_S", 0.01)
    with_network(host, body, BOTH)


def test_a_subnet_in_use_is_refused(host: FakeHost) -> None:
    run("ip", "route", "add", "fd00:85::/48", "dev", UPLINK)
    assert refused(host, BOTH) == (
        f"cannot use subnet fd00:85::/64 for pods: it overlaps the route to fd00:85::/48 through link {UPLINK}; "
        "set network.subnet6 to a free one"
    )
    assert BOTH.bridge not in host.links()


def test_a_kernel_without_ipv6_is_told_in_one_error(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hostpod.network.sysctl.has_ipv6", lambda: False)
    assert refused(host, BOTH) == (
        "cannot use subnet fd00:85::/64 for pods: this kernel has no IPv6; unset network.subnet6, or boot without "
        "ipv6.disable=1"
    )


def test_an_uplink_that_cannot_carry_ipv6_is_told(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        with pytest.raises(NetworkError, match=r"cannot give the pod the address fd00:85::2: .* MTU is 1000"):
            await network.attach("pod", netns(host, "pod"))

    run("ip", "link", "set", UPLINK, "mtu", "1000")
    with_network(host, body, BOTH)


# The whole daemon


def test_a_pod_with_both_seen_from_inside(shared_host: FakeHost, new_daemon: Callable[..., Daemon]) -> None:
    have_ipv6(shared_host)
    try:
        node = new_daemon()
        node.start()
        before = _ran_before(node)
        _set(node, subnet6="fd00:85::/64")
        ips = _served(node)
        _asked(node, ips)
        assert node.pods()["before-lab"]["status"] == before
    finally:
        have_no_ipv6(shared_host)


def _ran_before(node: Daemon) -> dict[str, Any]:
    """The status of a pod that was started when pods had IPv4 alone."""
    node.drop("before.yaml", pod("before"))
    status: dict[str, Any] = node.wait_running("before-lab")["before-lab"]["status"]
    assert status["podIPs"] == [{"ip": status["podIP"]}]
    assert status["hostIPs"] == [{"ip": UPLINK_ADDRESS}]
    node.stop()
    return {**status, "hostIPs": [{"ip": UPLINK_ADDRESS}, {"ip": UPLINK_ADDRESS6}]}


def _set(node: Daemon, **network: str) -> None:
    """Other settings of the network, at the next start."""
    settings = yaml.safe_load(node.config.read_text())
    settings["network"] |= network
    node.config.write_text(yaml.safe_dump(settings))
    node.start()


def _served(node: Daemon) -> list[str]:
    """The addresses of a pod that serves, and knows both of them."""
    manifest = pod(
        "server",
        "echo $IPS $HOSTS; tail -2 /etc/hosts; ip -6 address show dev eth0; httpd -f -p 80",
        hostname="server",
    )
    manifest["spec"]["containers"][0]["env"] = [
        {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}
        for name, path in (("IPS", "status.podIPs"), ("HOSTS", "status.hostIPs"))
    ]
    node.drop("server.yaml", manifest)
    status = node.wait_running("server-lab")["server-lab"]["status"]
    ips = [each["ip"] for each in status["podIPs"]]
    assert ips[0] == status["podIP"]
    assert ips[1].startswith("fd00:85::")
    assert [each["ip"] for each in status["hostIPs"]] == [UPLINK_ADDRESS, UPLINK_ADDRESS6]
    said = node.wait_said("server-lab", "scope link")
    assert f"{ips[0]},{ips[1]} {UPLINK_ADDRESS},{UPLINK_ADDRESS6}" in said
    assert f"{ips[0]}\tserver\n{ips[1]}\tserver\n" in said
    assert f"inet6 {ips[1]}/64" in said
    described = node.cli("describe", "pod", "server-lab").stdout
    assert [line.split()[1] for line in described.splitlines() if line.split()[:1] == ["IP:"]] == [ips[0], *ips]
    return ips


def _asked(node: Daemon, ips: list[str]) -> None:
    """Another pod reaches it, and the world."""
    fetch = f"until wget -O- http://[{ips[1]}]/etc/hostname; do sleep 0.1; done"
    asks = f"ping6 -c 1 {ips[1]} && {fetch} && ping6 -c 1 {OUTSIDE_ADDRESS6}"
    manifest = pod("client", f"({asks}) 2>&1", restartPolicy="Never")
    manifest["spec"]["containers"][0]["securityContext"] = {"capabilities": {"add": ["NET_RAW"]}}
    node.drop("client.yaml", manifest)
    node.wait_phase("client-lab", "Succeeded")
    said = node.said("client-lab")
    assert "\nserver\n" in said
    assert said.count("1 packets received") == 2

"""The pod network on a fake host: real links, addresses and nftables, seen from pods and from outside."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hostpod.config import NetworkConfig
from hostpod.host.namespaces import inside
from hostpod.network import NetworkError, PodNetwork
from lab.place import patient
from tests.integration.fakehost import OUTSIDE_ADDRESS, UPLINK, UPLINK_ADDRESS, UPLINK_MTU, FakeHost, run

pytestmark = pytest.mark.integration

FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
CONFIG = NetworkConfig()


def pod(host: FakeHost, name: str) -> Path:
    """A network namespace such as the engine makes for a pod."""
    return host.network_namespace(name)


def with_network(
    host: FakeHost,
    body: Callable[[PodNetwork], Awaitable[None]],
    config: NetworkConfig = CONFIG,
    leases: str = "leases",
) -> None:
    """Run `body` with an open network, which is closed and left as a daemon leaves it."""

    async def main() -> None:
        network = PodNetwork(config, leases=host.root / leases)
        try:
            await network.open()
            await body(network)
        finally:
            await network.close(remove=False)

    asyncio.run(main())


def undo(host: FakeHost, config: NetworkConfig = CONFIG, leases: str = "leases") -> None:
    async def main() -> None:
        network = PodNetwork(config, leases=host.root / leases)
        await network.open()
        await network.close(remove=True)

    asyncio.run(main())


def listener(family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
    server = socket.create_server(("", 0), family=family)
    server.settimeout(patient(5))
    return server


def connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=patient(5))


def seen_from(client: Path | None, server: Path | None, address: str) -> str:
    """Connect by TCP from one namespace to an address that another listens on; who the server thinks it was."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with inside(server, lambda: listener(family)) if server else listener(family) as listening:
        target = (address, listening.getsockname()[1])
        with inside(client, lambda: connect(target)) if client else connect(target):
            accepted, peer = listening.accept()
            accepted.close()
            return str(peer[0])


def forwarding() -> str:
    return FORWARD.read_text().strip()


def in_pod(netns: Path, *argv: str) -> str:
    return run("nsenter", f"--net={netns}", *argv)


@pytest.mark.everywhere
def test_a_pod_reaches_pods_host_and_world(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        first, second = pod(host, "first"), pod(host, "second")
        a, b = await network.attach("first", first), await network.attach("second", second)
        assert (a.ip, b.ip, a.gateway, a.prefix_len) == ("10.85.0.2", "10.85.0.3", "10.85.0.1", 16)
        assert seen_from(first, second, b.ip) == a.ip
        assert seen_from(None, first, a.ip) == a.gateway
        assert seen_from(first, None, a.gateway) == a.ip
        assert seen_from(first, None, UPLINK_ADDRESS) == a.ip
        assert seen_from(first, host.outside, OUTSIDE_ADDRESS) == UPLINK_ADDRESS
        assert seen_from(first, first, "127.0.0.1") == "127.0.0.1"
        assert network.uplink_address() == UPLINK_ADDRESS

    with_network(host, body)


@pytest.mark.everywhere
def test_a_pods_link_is_set_up_in_full(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        netns = pod(host, "only")
        place = await network.attach("only", netns)
        link = in_pod(netns, "ip", "-o", "link", "show", "eth0")
        assert f"mtu {UPLINK_MTU}" in link
        assert place.mtu == UPLINK_MTU
        assert place.mac in link
        assert "state UP" in link
        assert "UP" in in_pod(netns, "ip", "-o", "link", "show", "lo")
        assert in_pod(netns, "ip", "route").splitlines() == [
            "default via 10.85.0.1 dev eth0 proto static ",
            "10.85.0.0/16 dev eth0 proto kernel scope link src 10.85.0.2 ",
        ]
        assert in_pod(netns, "ip", "-6", "-o", "address", "show", "dev", "eth0") == ""
        assert "::1" in in_pod(netns, "ip", "-6", "-o", "address", "show", "dev", "lo")
        assert f"master {CONFIG.bridge}" in run("ip", "-o", "link", "show", place.host_link)
        assert network.find("only") == place
        assert network.find("another") is None

    with_network(host, body)


def test_addresses_outlive_the_daemon_and_pods_stay_joined(host: FakeHost) -> None:
    first, second = pod(host, "first"), pod(host, "second")

    async def before(network: PodNetwork) -> None:
        await network.attach("first", first)

    async def after(network: PodNetwork) -> None:
        a = network.find("first")
        assert a is not None
        b = await network.attach("second", second)
        assert seen_from(second, first, a.ip) == b.ip

    with_network(host, before)
    with_network(host, after)


def test_what_a_killed_daemon_left_is_replaced_or_forgotten(host: FakeHost) -> None:
    old, new, other = pod(host, "old"), pod(host, "new"), pod(host, "other")

    async def body(network: PodNetwork) -> None:
        a = await network.attach("pod", old)
        b = await network.attach("pod", new)  # the same pod tried again, in a namespace of its own
        assert a == b
        await network.attach("other", other)
        assert seen_from(new, None, a.gateway) == a.ip
        assert "eth0" not in in_pod(old, "ip", "-o", "link")
        await network.forget_except({"pod"})
        assert network.find("other") is None
        assert {name for name in host.links() if name.startswith("hp")} == {a.host_link}
        assert (host.root / "leases" / a.ip).read_text() == "pod\n"

    with_network(host, body)


def test_a_pod_that_cannot_be_joined_leaves_nothing(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        with pytest.raises(NetworkError, match=r"cannot open network namespace .*: no such file"):
            await network.attach("pod", host.root / "nowhere")
        taken = pod(host, "taken")
        in_pod(taken, "ip", "link", "add", "eth0", "type", "bridge")
        with pytest.raises(NetworkError, match=r"cannot make link hp.* of the pod: file exists"):
            await network.attach("pod", taken)
        assert not [name for name in host.links() if name.startswith("hp")]

    with_network(host, body)


def test_a_cancelled_attach_leaves_nothing(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        netns = pod(host, "pod")
        async with asyncio.TaskGroup() as group:
            task = group.create_task(network.attach("pod", netns))
            await asyncio.sleep(0)
            task.cancel()
        assert task.cancelled()
        assert not [name for name in host.links() if name.startswith("hp")]

    with_network(host, body)


def test_a_pods_address_is_its_own_before_it_is_joined_and_over_failed_tries(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        reserved = network.reserve("pod")
        await network.attach("other", pod(host, "other"))
        with pytest.raises(NetworkError):
            await network.attach("pod", host.root / "nowhere")
        assert await network.attach("pod", pod(host, "pod")) == reserved

    with_network(host, body)


def test_detach_is_idempotent_and_many_go_together(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        for number in range(20):
            await network.attach(f"pod-{number}", pod(host, f"pod-{number}"))
        host.held.pop("pod-7").close()  # its link goes with the namespace, at a time of the kernel's choice
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(network.detach(f"pod-{number}"))
                group.create_task(network.detach(f"pod-{number}"))
        await network.detach("never-there")
        assert not [name for name in host.links() if name.startswith("hp")]

    with_network(host, body)


def test_200_cycles_leave_nothing(host: FakeHost) -> None:
    before = host.links()

    async def cycle(network: PodNetwork, number: int) -> None:
        name = f"pod-{number}"
        await network.attach(name, pod(host, name))
        await network.detach(name)
        host.held.pop(name).close()

    async def body(network: PodNetwork) -> None:
        for start in range(0, 200, 20):
            async with asyncio.TaskGroup() as group:
                for number in range(start, start + 20):
                    group.create_task(cycle(network, number))

    with_network(host, body)
    assert host.links() == before | {CONFIG.bridge}
    assert {path.name for path in (host.root / "leases").iterdir()} == {"cursor", "ip_forward.before"}
    undo(host)
    assert host.links() == before
    assert {path.name for path in (host.root / "leases").iterdir()} == {"cursor"}
    assert run("nft", "list", "ruleset") == ""
    assert CONFIG.bridge not in run("ip", "route")


def test_forwarding_is_enabled_and_restored(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        assert forwarding() == "1"

    FORWARD.write_text("0")
    with_network(host, body)
    with_network(host, body)  # the second start does not note what the first has set
    undo(host)
    assert forwarding() == "0"
    FORWARD.write_text("1")
    with_network(host, body)
    undo(host)
    assert forwarding() == "1"


def test_two_instances_live_side_by_side(host: FakeHost) -> None:
    other = NetworkConfig(bridge="otherpods", subnet="10.86.0.0/24", table="other", link_prefix="op", masquerade=False)

    async def in_both(network: PodNetwork) -> None:
        mine = pod(host, "mine")
        await network.attach("pod", mine)

        async def body(second: PodNetwork) -> None:
            theirs = pod(host, "theirs")
            place = await second.attach("pod", theirs)
            assert place.ip == "10.86.0.2"
            await second.forget_except({"pod"})
            assert seen_from(mine, theirs, place.ip) == place.gateway  # it leaves its bridge: masqueraded
            await second.close(remove=True)

        second = PodNetwork(other, leases=host.root / "other")
        await second.open()
        await body(second)
        assert seen_from(mine, host.outside, OUTSIDE_ADDRESS) == UPLINK_ADDRESS  # the first works on

    FORWARD.write_text("0")
    with_network(host, in_both)
    assert forwarding() == "1"
    assert "otherpods" not in host.links()


def test_rules_are_replaced_by_each_start_and_other_tables_stay(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        pass

    run("nft", "add", "table", "inet", "filter")
    with_network(host, body)
    listing = run("nft", "list", "ruleset")
    with_network(host, body)
    assert run("nft", "list", "ruleset") == listing
    assert listing.count("chain postrouting") == 1
    undo(host)
    assert run("nft", "list", "ruleset").split() == ["table", "inet", "filter", "{", "}"]


def refused(host: FakeHost, config: NetworkConfig = CONFIG) -> str:
    async def main() -> str:
        network = PodNetwork(config, leases=host.root / "leases")
        with pytest.raises(NetworkError) as error:
            await network.open()
        await network.close(remove=False)
        return str(error.value)

    return asyncio.run(main())


def test_what_is_in_the_way_of_a_start_is_not_in_the_way_of_an_end(host: FakeHost) -> None:
    before = forwarding()

    async def body(network: PodNetwork) -> None:
        await network.attach("pod", pod(host, "pod"))

    with_network(host, body)
    run("ip", "route", "add", "10.85.128.0/17", "via", OUTSIDE_ADDRESS)
    assert "overlaps the route to 10.85.128.0/17" in refused(host)

    async def end() -> None:
        network = PodNetwork(CONFIG, leases=host.root / "leases")
        await network.open(sets_up=False)
        assert len(network.joined()) == 1
        await network.detach("pod")
        await network.close(remove=True)

    asyncio.run(end())
    assert not [link for link in host.links() if link == CONFIG.bridge or link.startswith(CONFIG.link_prefix)]
    assert CONFIG.table not in run("nft", "list", "tables")
    assert forwarding() == before


def test_an_end_makes_nothing_and_leaves_what_is_somebody_elses(host: FakeHost) -> None:
    run("nft", "add", "table", "inet", CONFIG.table)
    run("ip", "link", "add", CONFIG.bridge, "type", "bridge")

    async def end() -> None:
        network = PodNetwork(CONFIG, leases=host.root / "leases")
        await network.open(sets_up=False)
        await network.close(remove=True)

    asyncio.run(end())
    assert CONFIG.bridge in host.links()
    assert f"table inet {CONFIG.table}" in run("nft", "list", "tables")


def test_a_subnet_in_use_is_refused_and_both_are_named(host: FakeHost) -> None:
    run("ip", "route", "add", "10.85.128.0/17", "via", OUTSIDE_ADDRESS)
    message = refused(host)
    assert message == (
        f"cannot use subnet 10.85.0.0/16 for pods: it overlaps the route to 10.85.128.0/17 through link {UPLINK}; "
        "set network.subnet to a free one"
    )
    assert CONFIG.bridge not in host.links()
    overlapping = NetworkConfig(subnet="198.51.100.0/25")
    assert f"overlaps address {UPLINK_ADDRESS}/24 of link {UPLINK}" in refused(host, overlapping)


def test_what_others_have_made_under_our_names_is_not_touched(host: FakeHost) -> None:
    run("ip", "link", "add", CONFIG.bridge, "type", "bridge")
    assert "a bridge link of that name is there that hostpod did not make" in refused(host)
    run("ip", "link", "delete", CONFIG.bridge)
    run("nft", "add", "table", "inet", CONFIG.table)
    assert "hostpod did not make it" in refused(host)
    assert f"table inet {CONFIG.table}" in run("nft", "list", "ruleset")


def test_a_changed_subnet_moves_the_bridge_and_drops_leases_of_the_old_one(host: FakeHost) -> None:
    async def before(network: PodNetwork) -> None:
        await network.attach("pod", pod(host, "pod"))

    async def after(network: PodNetwork) -> None:
        assert network.find("pod") is None
        place = await network.attach("pod", pod(host, "pod"))
        assert place.ip == "10.99.0.2"
        addresses = run("ip", "-4", "-o", "address", "show", "dev", CONFIG.bridge)
        assert "10.99.0.1/24" in addresses
        assert "10.85" not in addresses

    with_network(host, before)
    with_network(host, after, NetworkConfig(subnet="10.99.0.0/24"))


def test_a_new_uplink_is_noticed(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        run("ip", "link", "set", UPLINK, "mtu", "1300")
        run("ip", "address", "add", "198.51.100.77/24", "dev", UPLINK)
        run("ip", "route", "replace", "default", "via", OUTSIDE_ADDRESS, "src", "198.51.100.77")
        async with asyncio.timeout(patient(5)):
            while network.uplink_address() != "198.51.100.77":  # noqa: ASYNC110 - the test has nothing to wait for
                await asyncio.sleep(0.05)
        assert (await network.attach("pod", pod(host, "pod"))).mtu == 1300

    with_network(host, body)


def test_a_host_without_a_default_route_still_runs_pods(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        assert network.uplink_address() == UPLINK_ADDRESS
        place = await network.attach("pod", pod(host, "pod"))
        assert place.mtu == 1500

    run("ip", "route", "delete", "default")
    with_network(host, body)


def datagram_socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.settimeout(0.5)
    return made


def test_a_pod_cannot_send_from_a_foreign_address(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        netns = pod(host, "pod")
        place = await network.attach("pod", netns)
        in_pod(netns, "ip", "address", "add", "203.0.113.9/32", "dev", "eth0")
        with (
            inside(host.outside, datagram_socket) as receiver,
            inside(netns, datagram_socket) as honest,
            inside(netns, datagram_socket) as forger,
        ):
            receiver.bind((OUTSIDE_ADDRESS, 0))
            honest.bind((place.ip, 0))
            forger.bind(("203.0.113.9", 0))
            honest.sendto(b"honest", receiver.getsockname())
            assert receiver.recv(16) == b"honest"
            forger.sendto(b"forged", receiver.getsockname())
            with pytest.raises(TimeoutError):
                receiver.recv(16)

    with_network(host, body)

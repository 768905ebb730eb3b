"""Ports of the host that lead to pods: asked from outside, from the host, from pods and by who may not."""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest

from hostpod.config import NetworkConfig
from hostpod.host.namespaces import inside
from hostpod.network import NetworkError, PodNetwork, PublishedPort
from lab.place import patient
from tests.integration.fakehost import OUTSIDE_ADDRESS, UPLINK_ADDRESS, FakeHost, run
from tests.integration.harness import Daemon, pod, reasons

pytestmark = pytest.mark.integration

CONFIG = NetworkConfig()
TABLE = CONFIG.table
GATEWAY, LOCALHOST = "10.85.0.1", "127.0.0.1"
BRIDGED = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
KINDS = {"TCP": socket.SOCK_STREAM, "UDP": socket.SOCK_DGRAM}

Body = Callable[[PodNetwork], Awaitable[None]]


def port(number: int, pod_port: int = 80, protocol: str = "TCP", address: str | None = None) -> PublishedPort:
    at = IPv4Address(address) if address else None
    return PublishedPort(protocol=protocol, port=number, pod_port=pod_port, address=at)


def with_network(host: FakeHost, *bodies: Body, config: NetworkConfig = CONFIG) -> None:
    """Run each body with a network of its own, one after another as daemons do."""

    async def one(body: Body) -> None:
        network = PodNetwork(config, leases=host.root / "leases")
        try:
            await network.open()
            await body(network)
        finally:
            await network.close(remove=False)

    for body in bodies:
        asyncio.run(one(body))


async def until(holds: Callable[[], object]) -> None:
    """Let the network work until this holds."""
    async with asyncio.timeout(patient(20)):
        while not holds():  # noqa: ASYNC110 - the kernel's tables set no event
            await asyncio.sleep(0.02)


def end(host: FakeHost) -> None:
    async def main() -> None:
        network = PodNetwork(CONFIG, leases=host.root / "leases")
        await network.open(sets_up=False)
        await network.close(remove=True)

    asyncio.run(main())


def at(netns: Path | None, function: Callable[[], socket.socket]) -> socket.socket:
    return inside(netns, function) if netns else function()


def made(protocol: str = "TCP", *, bound: tuple[str, int] | None = None) -> socket.socket:
    new = socket.socket(socket.AF_INET, KINDS[protocol])
    new.settimeout(patient(5))
    if bound:
        new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        new.bind(bound)
        if protocol == "TCP":
            new.listen()
    return new


def server(netns: Path | None, protocol: str = "TCP", number: int = 80, address: str = "") -> socket.socket:
    return at(netns, lambda: made(protocol, bound=(address, number)))


def asked_by(client: Path | None, listening: socket.socket, target: tuple[str, int]) -> str:
    """Ask a target from a namespace, and have the answer of this server; who the server thinks it was."""
    protocol = "TCP" if listening.type == socket.SOCK_STREAM else "UDP"
    with at(client, lambda: made(protocol)) as asking:
        asking.connect(target)
        asking.send(b"who")
        if protocol == "TCP":
            accepted, (peer, _) = listening.accept()
            with accepted:
                assert accepted.recv(8) == b"who"
                accepted.send(b"me")
        else:
            question, (peer, peer_port) = listening.recvfrom(8)
            assert question == b"who"
            listening.sendto(b"me", (peer, peer_port))
        assert asking.recv(8) == b"me"
    return str(peer)


def refused(client: Path | None, target: tuple[str, int]) -> int:
    """The number of the error that a connection ends in."""
    with at(client, made) as asking:
        return asking.connect_ex(target)


def ways() -> str:
    return run("nft", "list", "maps").replace(",\n", ",").replace("\t", "")


@pytest.mark.everywhere
@pytest.mark.parametrize("bridged", ["0", "1"])
@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_a_port_of_the_host_leads_to_the_pod_for_everybody(host: FakeHost, protocol: str, bridged: str) -> None:
    """Also where br_netfilter shows the firewall what goes over bridges, and turns such packets round there."""
    if BRIDGED.exists():
        BRIDGED.write_text(bridged)
    elif bridged == "1":
        pytest.skip("this kernel has no br_netfilter")

    async def body(network: PodNetwork) -> None:
        web, other = host.network_namespace("web"), host.network_namespace("other")
        await network.attach("web", web, [port(8080, protocol=protocol)])
        await network.attach("other", other, [port(8081, 81, protocol=protocol)])
        with server(web, protocol) as listening:
            assert asked_by(host.outside, listening, (UPLINK_ADDRESS, 8080)) == OUTSIDE_ADDRESS
            assert asked_by(None, listening, (UPLINK_ADDRESS, 8080)) == UPLINK_ADDRESS
            assert asked_by(None, listening, (LOCALHOST, 8080)) == GATEWAY
            assert asked_by(None, listening, (GATEWAY, 8080)) == GATEWAY
            assert asked_by(other, listening, (UPLINK_ADDRESS, 8080)) == GATEWAY
            assert asked_by(other, listening, (GATEWAY, 8080)) == GATEWAY
            assert asked_by(web, listening, (UPLINK_ADDRESS, 8080)) == GATEWAY

    with_network(host, body)


def crc32c(data: bytes) -> int:
    """The checksum of SCTP, without which the kernel tracks nothing of it."""
    crc = 0xFFFFFFFF
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def first_of_sctp(source_port: int, target_port: int) -> bytes:
    """An INIT: the first packet of an association."""
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 1, 65535, 1, 1, 1)
    ports = struct.pack("!HHI", source_port, target_port, 0)
    return ports + struct.pack("<I", crc32c(ports + bytes(4) + chunk)) + chunk


def test_sctp_is_led_as_well(host: FakeHost) -> None:
    """By its first packet: not every kernel has sockets of SCTP."""

    def raw() -> socket.socket:
        new = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_SCTP)
        new.settimeout(patient(5))
        return new

    async def body(network: PodNetwork) -> None:
        web = host.network_namespace("web")
        await network.attach("web", web, [port(9000, 900, "SCTP")])
        with inside(web, raw) as receiving, inside(host.outside, raw) as sending:
            sending.sendto(first_of_sctp(5000, 9000), (UPLINK_ADDRESS, 0))
            packet = receiving.recv(256)
        sctp = packet[(packet[0] & 15) * 4 :]
        assert sctp == first_of_sctp(5000, 900)  # with a checksum of the new port

    with_network(host, body)


def test_a_port_of_one_address_is_no_port_of_another(host: FakeHost) -> None:
    ports = [port(8080, address=LOCALHOST), port(8081, address=UPLINK_ADDRESS), port(8082, address="192.0.2.7")]

    async def body(network: PodNetwork) -> None:
        web = host.network_namespace("web")
        await network.attach("web", web, ports)
        with server(web) as listening:
            assert asked_by(None, listening, (LOCALHOST, 8080)) == GATEWAY
            assert asked_by(host.outside, listening, (UPLINK_ADDRESS, 8081)) == OUTSIDE_ADDRESS
            assert refused(host.outside, (UPLINK_ADDRESS, 8080)) == errno.ECONNREFUSED
            assert refused(None, (LOCALHOST, 8081)) == errno.ECONNREFUSED
            run("ip", "address", "add", "192.0.2.7/32", "dev", "lo")  # one that the host gets later
            assert asked_by(None, listening, ("192.0.2.7", 8082)) == "192.0.2.7"

    with_network(host, body)


def spoof(netns: Path, gateway: str) -> None:
    """Have a namespace send what is for 127.0.0.0/8 to its gateway, as no kernel does unasked."""
    enter = ("nsenter", f"--net={netns}")
    run(*enter, "sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1")
    run(*enter, "ip", "route", "delete", "local", "127.0.0.0/8", "dev", "lo", "table", "local")
    run(*enter, "ip", "route", "delete", "local", LOCALHOST, "dev", "lo", "table", "local")
    run(*enter, "ip", "route", "add", "127.0.0.0/8", "via", gateway)


def test_nobody_reaches_the_hosts_own_localhost(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        web, evil = host.network_namespace("web"), host.network_namespace("evil")
        place = await network.attach("web", web, [port(8080, protocol="UDP")])
        await network.attach("evil", evil)
        spoof(host.outside, UPLINK_ADDRESS)
        spoof(evil, GATEWAY)
        with server(web, "UDP") as in_pod, server(None, "UDP", 53, LOCALHOST) as on_host:
            for client in (host.outside, evil):
                with at(client, lambda: made("UDP")) as sending:
                    sending.sendto(b"forged", (LOCALHOST, 8080))
                    sending.sendto(b"forged", (LOCALHOST, 53))
                    sending.sendto(b"fine", (UPLINK_ADDRESS, 8080))  # packets of one sender keep their order
                assert in_pod.recv(8) == b"fine"
            with made("UDP") as sending:
                sending.sendto(b"fine", (LOCALHOST, 53))
            assert on_host.recv(8) == b"fine"
        assert place.gateway == GATEWAY

    with_network(host, body)


def test_ports_outlive_the_daemon_and_go_with_their_pods(host: FakeHost) -> None:
    web, gone, strange = (host.network_namespace(name) for name in ("web", "gone", "strange"))
    ports = {"web": [port(8080), port(8443, 443)], "gone": [port(9090, address=UPLINK_ADDRESS)]}

    async def before(network: PodNetwork) -> None:
        await network.attach("web", web, ports["web"])
        await network.attach("gone", gone, ports["gone"])
        await network.attach("strange", strange, [port(7070, protocol="SCTP")])

    async def after(network: PodNetwork) -> None:
        assert ways().count("10.85.0") == 4  # what nobody has asked about yet stays
        with server(web) as listening:
            assert asked_by(host.outside, listening, (UPLINK_ADDRESS, 8080)) == OUTSIDE_ADDRESS
        await network.forget_except({"web", "gone"})
        assert "sctp" not in ways()
        await network.publish({"web": ports["web"][:1]})
        assert ways().count("10.85.0") == 1
        run("nft", "flush", "ruleset")  # as a restart of nftables.service does; a change finds it out before the watch
        await network.attach("gone", gone, ports["gone"])
        assert ways().count("10.85.0") == 2
        assert f"{UPLINK_ADDRESS} . tcp . 9090 : 10.85.0.3 . 80" in ways()
        await network.detach("web")
        await network.detach("gone")
        assert "10.85.0" not in ways()

    with_network(host, before, after)
    end(host)
    assert run("nft", "list", "ruleset") == ""


@pytest.mark.parametrize(
    "taken",
    [
        "flush ruleset",
        f"flush table inet {TABLE}",
        f'delete table inet {TABLE}; table inet {TABLE} {{ comment "made by hostpod"; }}',
        f"flush chain inet {TABLE} postrouting",
    ],
)
def test_what_others_take_from_the_table_comes_back_by_itself(
    host: FakeHost, taken: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(network: PodNetwork) -> None:
        await network.attach("web", host.network_namespace("web"), [port(8080)])
        await asyncio.sleep(0.5)  # what the start itself has told
        before = run("nft", "list", "ruleset")
        assert ways().count("10.85.0") == 1
        assert caplog.messages == []
        run("nft", taken)
        assert run("nft", "list", "ruleset") != before
        await until(lambda: run("nft", "list", "ruleset") == before)
        await asyncio.sleep(0.5)
        assert caplog.messages == [f"nftables table {TABLE} was changed from outside, and is written again"], "once"

    with_network(host, body)


def test_somebody_else_s_table_in_the_place_of_ours_is_left_alone(
    host: FakeHost, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(_network: PodNetwork) -> None:
        run("nft", f"delete table inet {TABLE}; table inet {TABLE} {{ chain theirs {{ }}; }}")
        await until(lambda: caplog.messages)
        assert f"nftables table {TABLE} was changed from outside and stays so: cannot use nftables" in caplog.text
        assert "chain theirs" in run("nft", "list", "ruleset")
        run("nft", "delete", "table", "inet", TABLE)

    with_network(host, body)


def test_a_client_that_never_stops_sending_finds_the_new_pod(host: FakeHost) -> None:
    """The kernel keeps a connection's way for as long as packets come."""

    async def body(network: PodNetwork) -> None:
        with inside(host.outside, lambda: made("UDP")) as sending:
            sending.connect((UPLINK_ADDRESS, 5353))
            sending.send(b"early")  # to the host itself: nobody listens
            with pytest.raises(ConnectionRefusedError):
                sending.recv(8)
            for name in ("first", "second"):
                netns = host.network_namespace(name)
                await network.attach(name, netns, [port(5353, 53, "UDP")])
                with server(netns, "UDP", 53) as listening:
                    sending.send(name.encode())
                    assert listening.recv(8) == name.encode()
                await network.detach(name)

    with_network(host, body)


def test_a_client_of_a_pod_that_is_gone_is_told_at_once(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        web = host.network_namespace("web")
        await network.attach("web", web, [port(8080)])
        with server(web) as listening, inside(host.outside, made) as asking:
            asking.connect((UPLINK_ADDRESS, 8080))
            accepted, _ = listening.accept()
            with accepted:
                await network.detach("web")
                asking.send(b"still there?")
                with pytest.raises(ConnectionResetError):
                    asking.recv(8)

    with_network(host, body)


def test_a_port_that_cannot_be_leaves_nothing(host: FakeHost) -> None:
    async def body(network: PodNetwork) -> None:
        await network.attach("web", host.network_namespace("web"), [port(8080)])
        six = PublishedPort(protocol="TCP", port=1, pod_port=1, address=IPv6Address("::1"))
        with pytest.raises(NetworkError, match=r"cannot lead port TCP 1 of ::1 to the pod"):
            await network.attach("six", host.network_namespace("six"), [six])
        assert len([name for name in host.links() if name.startswith("hp")]) == 1
        assert ways().count("10.85.0") == 1

    with_network(host, body)


# The whole daemon


def serving(name: str, number: int, **port: str) -> dict[str, Any]:
    """A pod that shows its host name as a file by HTTP."""
    manifest = pod(name, "hostname > /tmp/name; exec httpd -f -p 80 -h /tmp")
    manifest["spec"]["containers"][0] |= {
        "ports": [{"containerPort": 80, "hostPort": number, **port}],
        "readinessProbe": {"httpGet": {"port": 80, "path": "/name"}, "periodSeconds": 1},
    }
    return manifest


def fetched(number: int, address: str = LOCALHOST) -> str:
    with socket.create_connection((address, number), timeout=patient(5)) as asking:
        asking.sendall(b"GET /name HTTP/1.0\r\n\r\n")
        with asking.makefile() as answer:
            return answer.read().split("\n\n")[-1].strip()


def wait_ready(daemon: Daemon, *names: str) -> None:
    def is_ready(pod: dict[str, Any] | None) -> bool:
        # One that was rejected has no conditions.
        told = pod["status"].get("conditions", []) if pod else []
        return any((each["type"], each["status"]) == ("Ready", "True") for each in told)

    daemon.wait_for(lambda pods: all(is_ready(pods.get(name)) for name in names), what=f"{names} ready")


@pytest.mark.everywhere
def test_a_pods_host_ports_are_there_with_the_pod_and_go_with_it(daemon: Daemon) -> None:
    daemon.drop("web.yaml", serving("web", 8080))
    daemon.drop("local.yaml", serving("local", 8081, hostIP=LOCALHOST))
    wait_ready(daemon, "web-lab", "local-lab")
    daemon.drop("late.yaml", serving("late", 8080, hostIP=UPLINK_ADDRESS))
    daemon.wait_for(lambda pods: "late-lab" in pods, what="late-lab shown")
    assert reasons(daemon.events(), "late-lab") == ["NodePorts"]
    assert (fetched(8080), fetched(8080, UPLINK_ADDRESS), fetched(8081)) == ("web-lab", "web-lab", "local-lab")
    assert refused(None, (UPLINK_ADDRESS, 8081)) == errno.ECONNREFUSED
    daemon.kill()
    assert fetched(8080) == "web-lab"
    daemon.remove("local.yaml")
    daemon.start()
    daemon.wait_gone("local-lab")
    assert refused(None, (LOCALHOST, 8081)) == errno.ECONNREFUSED
    assert fetched(8080) == "web-lab"
    daemon.remove("web.yaml")
    wait_ready(daemon, "late-lab")
    assert fetched(8080, UPLINK_ADDRESS) == "late-lab"

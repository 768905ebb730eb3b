"""`network.isolation`: whom a pod reaches, and who reaches it, on a fake host."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hostpod.config import NetworkConfig
from hostpod.host.namespaces import inside
from hostpod.network import PodNetwork
from tests.integration.fakehost import OUTSIDE_ADDRESS, UPLINK_ADDRESS, FakeHost, run
from tests.integration.test_host_ports import BRIDGED, GATEWAY, asked_by, made, port, server

pytestmark = pytest.mark.integration

FIRST, SECOND = "10.85.0.2", "10.85.0.3"


def with_pods(host: FakeHost, isolation: str, body: Callable[[Path, Path], Awaitable[None]]) -> None:
    """Run `body` with the namespaces of two pods: joined at the first time, found joined later."""
    config = NetworkConfig.model_validate({"isolation": isolation})

    async def main() -> None:
        network = PodNetwork(config, leases=host.root / "leases")
        try:
            await network.open()
            for name in [name for name in ("first", "second") if name not in host.held]:
                await network.attach(name, host.network_namespace(name), [port(8080)] if name == "second" else [])
            await body(host.held["first"].path("net"), host.held["second"].path("net"))
        finally:
            await network.close(remove=False)

    asyncio.run(main())


def reaches(client: Path, target: Path | None, address: str, *, via_gateway: bool = False) -> bool:
    """Whether a datagram comes to an address of a namespace; one that the host sends afterwards does."""
    enter = ("nsenter", f"--net={client}", "ip")
    if via_gateway:
        run(*enter, "route", "replace", address, "via", GATEWAY)
    with server(target, "UDP", 7) as listening, inside(client, lambda: made("UDP")) as sending:
        sending.sendto(b"pod", (address, 7))
        with made("UDP") as own:
            own.sendto(b"host", (address, 7))
        first = listening.recv(8)
    if via_gateway:
        run(*enter, "route", "delete", address)
    return first == b"pod"


def know_each_other(first: Path, second: Path) -> None:
    """No question for a hardware address is between two pods: a packet comes at once, or not at all."""
    for netns, address in ((first, SECOND), (second, FIRST)):
        mac = "0a:58:" + ":".join(f"{int(part):02x}" for part in address.split("."))
        run("nsenter", f"--net={netns}", "ip", "neighbour", "replace", address, "lladdr", mac, "dev", "eth0")


@pytest.mark.everywhere
@pytest.mark.parametrize(
    ("isolation", "pods", "to_host"),
    [("none", True, True), ("pods", False, True), ("host", True, False), ("all", False, False)],
)
def test_what_a_pod_is_kept_from(host: FakeHost, isolation: str, *, pods: bool, to_host: bool) -> None:
    if BRIDGED.exists():
        BRIDGED.write_text("0")

    async def body(first: Path, second: Path) -> None:
        know_each_other(first, second)
        assert reaches(first, second, SECOND) == pods
        assert reaches(first, second, SECOND, via_gateway=True) == pods
        assert reaches(first, None, GATEWAY) == to_host
        assert reaches(first, None, UPLINK_ADDRESS) == to_host
        with server(host.outside) as outside, server(second) as in_pod:
            assert asked_by(first, outside, (OUTSIDE_ADDRESS, 80)) == UPLINK_ADDRESS
            assert asked_by(None, in_pod, (SECOND, 80)) == GATEWAY  # as a probe does
            assert asked_by(host.outside, in_pod, (UPLINK_ADDRESS, 8080)) == OUTSIDE_ADDRESS
            assert asked_by(None, in_pod, ("127.0.0.1", 8080)) == GATEWAY
            assert asked_by(first, in_pod, (UPLINK_ADDRESS, 8080)) == GATEWAY
            assert asked_by(second, in_pod, (UPLINK_ADDRESS, 8080)) == GATEWAY

    with_pods(host, isolation, body)


def test_another_setting_holds_for_the_pods_that_are_there(host: FakeHost) -> None:
    async def together(first: Path, second: Path) -> None:
        know_each_other(first, second)
        assert reaches(first, second, SECOND)

    async def apart(first: Path, second: Path) -> None:
        assert not reaches(first, second, SECOND)

    with_pods(host, "none", together)
    with_pods(host, "all", apart)
    with_pods(host, "none", together)

from __future__ import annotations

import threading
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.network.address import PodSubnet
from hostpod.network.errors import NetworkError
from hostpod.network.leases import CURSOR, Lease, Leases

SUBNET = PodSubnet.parse("10.9.8.0/29")
BOTH = PodSubnet.parse("10.9.8.0/29", "fd00:9:8::/64")


def opened(directory: Path, subnet: PodSubnet = SUBNET) -> Leases:
    leases = Leases(directory, subnet)
    leases.open()
    return leases


def files(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text().strip() for path in directory.iterdir() if path.name != CURSOR}


def test_a_lease_is_a_file_named_like_the_address_with_the_pods_uid(tmp_path: Path) -> None:
    leases = opened(tmp_path / "leases")
    assert leases.acquire("pod-a") == Lease(ip=IPv4Address("10.9.8.2"))
    assert leases.acquire("pod-a") == Lease(ip=IPv4Address("10.9.8.2"))
    assert leases.acquire("pod-b") == Lease(ip=IPv4Address("10.9.8.3"))
    assert files(tmp_path / "leases") == {"10.9.8.2": "pod-a", "10.9.8.3": "pod-b"}


def test_leases_are_the_same_after_a_restart(tmp_path: Path) -> None:
    opened(tmp_path).acquire("pod-a")
    again = opened(tmp_path)
    assert again.find("pod-a") == Lease(ip=IPv4Address("10.9.8.2"))
    assert again.uids() == {"pod-a"}


def test_a_freed_address_rests_until_all_others_had_their_turn_also_over_a_restart(tmp_path: Path) -> None:
    leases = opened(tmp_path)
    leases.acquire("pod-a")
    leases.release("pod-a")
    leases = opened(tmp_path)
    assert [str(leases.acquire(f"pod-{n}").ip) for n in range(5)] == [f"10.9.8.{n}" for n in (3, 4, 5, 6, 2)]


def test_release_is_idempotent_and_leaves_no_file(tmp_path: Path) -> None:
    leases = opened(tmp_path)
    leases.acquire("pod-a")
    leases.release("pod-a")
    leases.release("pod-a")
    assert leases.find("pod-a") is None
    assert files(tmp_path) == {}


def test_a_full_subnet_says_so_and_recovers(tmp_path: Path) -> None:
    leases = opened(tmp_path)
    for number in range(SUBNET.capacity):
        leases.acquire(f"pod-{number}")
    with pytest.raises(NetworkError, match=r"no address is free in subnet 10\.9\.8\.0/29: all 5 are in use"):
        leases.acquire("one-too-many")
    leases.release("pod-3")
    assert leases.acquire("the-next") == Lease(ip=IPv4Address("10.9.8.5"))
    assert all(not name.startswith(".") for name in files(tmp_path))


@pytest.mark.parametrize("content", ["", "\n", "\0\0\0", "x" * 300])
def test_a_half_written_lease_frees_its_address(tmp_path: Path, content: str) -> None:
    (tmp_path / "10.9.8.2").write_text(content)
    leases = opened(tmp_path)
    assert leases.acquire("pod-a") == Lease(ip=IPv4Address("10.9.8.2"))


def test_a_lease_that_a_crash_kept_from_its_place_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".new").write_text("pod-a\n")
    leases = opened(tmp_path)
    assert leases.uids() == frozenset()
    assert files(tmp_path) == {}


def test_a_crash_between_link_and_clean_up_harms_no_lease(tmp_path: Path) -> None:
    (tmp_path / "10.9.8.2").write_text("pod-a\n")
    (tmp_path / ".new").hardlink_to(tmp_path / "10.9.8.2")
    leases = opened(tmp_path)
    leases.acquire("pod-b")
    assert files(tmp_path) == {"10.9.8.2": "pod-a", "10.9.8.3": "pod-b"}


def test_leases_of_another_subnet_and_second_leases_of_one_pod_are_removed(tmp_path: Path) -> None:
    (tmp_path / "10.1.1.2").write_text("pod-a\n")
    (tmp_path / "10.9.8.1").write_text("pod-b\n")  # the bridge's own
    (tmp_path / "10.9.8.4").write_text("pod-c\n")
    (tmp_path / "10.9.8.5").write_text("pod-c\n")
    opened(tmp_path)
    assert files(tmp_path) == {"10.9.8.4": "pod-c"}


def test_a_lease_whose_taker_was_refused_in_the_end_is_held_all_the_same(tmp_path: Path) -> None:
    (tmp_path / CURSOR).mkdir()
    leases = Leases(tmp_path, SUBNET)
    with pytest.raises(NetworkError, match="cannot lease an address: is a directory"):
        leases.acquire("pod-a")
    assert leases.acquire("pod-a") == Lease(ip=IPv4Address("10.9.8.2"))
    leases.release("pod-a")
    assert [path.name for path in tmp_path.iterdir()] == [CURSOR]


def test_an_ipv6_address_goes_with_the_ipv4_one_over_a_restart(tmp_path: Path) -> None:
    lease = opened(tmp_path, BOTH).acquire("pod-a")
    assert lease == Lease(ip=IPv4Address("10.9.8.2"), ip6=IPv6Address("fd00:9:8::2"))
    assert opened(tmp_path, BOTH).find("pod-a") == lease
    assert files(tmp_path) == {"10.9.8.2": "pod-a\nfd00:9:8::2"}


def test_who_was_joined_without_ipv6_stays_so(tmp_path: Path) -> None:
    before = opened(tmp_path).acquire("pod-a")
    leases = opened(tmp_path, BOTH)
    assert leases.find("pod-a") == leases.acquire("pod-a") == before == Lease(ip=IPv4Address("10.9.8.2"))
    assert leases.acquire("pod-b").ip6 == IPv6Address("fd00:9:8::3")


@pytest.mark.parametrize("now", [SUBNET, PodSubnet.parse("10.9.8.0/29", "fd00:7::/64")])
def test_leases_of_another_ipv6_subnet_are_removed(
    tmp_path: Path, now: PodSubnet, caplog: pytest.LogCaptureFixture
) -> None:
    opened(tmp_path, BOTH).acquire("pod-a")
    assert opened(tmp_path, now).uids() == frozenset()
    assert files(tmp_path) == {}
    assert caplog.messages == [f"removing the lease {tmp_path}/10.9.8.2: it does not belong to a pod of {now}"]


def test_files_that_are_no_leases_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ip_forward.before").write_text("0")
    (tmp_path / CURSOR).write_text("garbage")
    assert opened(tmp_path).acquire("pod-a") == Lease(ip=IPv4Address("10.9.8.2"))
    assert files(tmp_path) == {"10.9.8.2": "pod-a", "ip_forward.before": "0"}


def test_two_stores_on_one_directory_never_give_the_same_address(tmp_path: Path) -> None:
    stores = [opened(tmp_path / "leases") for _ in range(2)]
    found: list[Lease] = []

    def take(store: Leases, name: str) -> None:
        found.extend(store.acquire(f"{name}-{n}") for n in range(2))

    takers = [threading.Thread(target=take, args=(store, name)) for store, name in zip(stores, "ab", strict=True)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert len(set(found)) == 4


def test_a_directory_that_cannot_be_read_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "leases").write_text("a file")
    with pytest.raises(NetworkError, match=r"cannot read the leases in .*/leases: file exists"):
        opened(tmp_path / "leases")


@given(st.lists(st.tuples(st.sampled_from(["acquire", "release", "restart"]), st.sampled_from("abcdefg"))))
def test_whatever_happens_every_pod_has_its_own_address_and_nothing_leaks(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str]]
) -> None:
    directory = tmp_path_factory.mktemp("leases")
    leases, wanted = opened(directory), set[str]()
    for step, uid in steps:
        if step == "restart":
            leases = opened(directory)
        elif step == "release":
            leases.release(uid)
            wanted.discard(uid)
        elif uid in wanted or len(wanted) < SUBNET.capacity:
            leases.acquire(uid)
            wanted.add(uid)
    assert leases.uids() == wanted
    assert sorted(files(directory).values()) == sorted(wanted)

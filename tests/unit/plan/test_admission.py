from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostpod.kube import Pod
from hostpod.plan.admission import Admission, Room, admit_pods, needs_of
from hostpod.plan.host_ports import HostPort
from tests.unit.plan.build import pod

ROOM = Room(pods=3, cpu_milli=2000, memory_bytes=1 << 30)


def asks(cpu: str = "0", memory: str = "0", *, port: int | None = None, ip: str | None = None, **spec: Any) -> Pod:
    ports = [{"containerPort": 80, "hostPort": port, "hostIP": ip}] if port else []
    container = {
        "name": "web",
        "image": "img",
        "resources": {"requests": {"cpu": cpu, "memory": memory}},
        "ports": ports,
    }
    return pod().model_copy(update={"spec": pod(**spec).spec.model_validate({"containers": [container], **spec})})


def admit(wished: dict[str, Pod], granted: dict[str, Pod] | None = None, **more: Any) -> Admission:
    return admit_pods(wished, granted or {}, room=more.pop("room", ROOM), **more)


def reasons(admission: Admission) -> dict[str, str]:
    return {key: refusal.reason for key, refusal in admission.refused.items()}


def test_all_are_taken_where_there_is_room() -> None:
    assert admit({"b": asks(), "a": asks()}) == Admission(taken=("a", "b"))


def test_what_is_here_stays_when_there_are_too_many() -> None:
    pods = {name: asks() for name in "abcd"}
    admission = admit(pods, {"c": pods["c"], "d": pods["d"]})
    assert admission.taken == ("c", "d", "a")
    assert admission.refused["b"].reason == "OutOfpods"
    assert (
        admission.refused["b"].message == "Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3"
    )


def test_a_pod_that_is_wished_no_more_takes_no_room() -> None:
    assert admit({"a": asks("2")}, {"gone": asks("2")}).taken == ("a",)


def test_what_is_left_over_when_less_pods_may_be_is_of_the_lowest_priority() -> None:
    pods = {"a": asks(), "b": asks(priority=10)}
    admission = admit(pods, pods, room=Room(pods=1, cpu_milli=2000, memory_bytes=1 << 30))
    assert (admission.taken, admission.kept, reasons(admission)) == (("b",), (), {"a": "OutOfpods"})


@pytest.mark.parametrize(
    ("big", "reason", "message"),
    [
        (asks("1500m"), "OutOfcpu", "cpu, requested: 1500, used: 1000, capacity: 2000"),
        (asks("0", "1Gi"), "OutOfmemory", "memory, requested: 1073741824, used: 1048576, capacity: 1073741824"),
        (asks("9", "9Gi"), "OutOfcpu", "cpu, requested: 9000, used: 1000, capacity: 2000"),
    ],
)
def test_what_asks_for_more_than_there_is_is_refused(big: Pod, reason: str, message: str) -> None:
    admission = admit({"a": asks("1", "1Mi"), "big": big})
    assert admission.taken == ("a",)
    assert admission.refused["big"].reason == reason
    assert admission.refused["big"].message == f"Node didn't have enough resource: {message}"


def test_a_higher_priority_comes_first_but_never_before_what_is_here() -> None:
    pods = {"a": asks("1"), "b": asks("1", priority=5), "c": asks("1", priority=9)}
    assert admit(pods).taken == ("c", "b")
    assert admit(pods, {"a": pods["a"]}).taken == ("a", "c")


def test_who_asks_for_nothing_is_taken_where_nothing_is_left() -> None:
    assert admit({"a": asks("2", "1Gi"), "b": asks()}).taken == ("a", "b")


def test_what_was_taken_stays_though_the_room_has_become_less() -> None:
    here = {"a": asks("2"), "b": asks("2")}
    assert reasons(admit({**here, "c": asks("1m")}, here)) == {"c": "OutOfcpu"}


def test_a_change_that_does_not_fit_is_refused_and_the_pod_goes_on_as_it_was() -> None:
    here = {"a": asks("1"), "b": asks("1")}
    admission = admit({"a": asks("1500m"), "b": here["b"]}, here)
    assert (admission.taken, admission.kept, reasons(admission)) == (("b",), ("a",), {"a": "OutOfcpu"})


def test_a_change_has_the_room_of_what_it_replaces() -> None:
    here = {"a": asks("1", port=80), "b": asks("500m")}
    assert admit({**here, "a": asks("1500m", port=80)}, here).taken == ("a", "b")


def test_what_becomes_smaller_leaves_room_to_others() -> None:
    here = {"a": asks("2")}
    assert admit({"a": asks("1"), "b": asks("1")}, here).taken == ("a", "b")


def test_what_has_ended_for_good_takes_no_room() -> None:
    pods = {name: asks("2", port=80) for name in "ab"}
    assert admit(pods, {"a": pods["a"]}, finished={"a"}).taken == ("a", "b")
    assert reasons(admit(pods, {"a": pods["a"]})) == {"b": "OutOfcpu"}


class TestHostPorts:
    @pytest.mark.parametrize(
        ("one", "other", "conflict"),
        [
            (asks(port=80), asks(port=80), True),
            (asks(port=80), asks(port=81), False),
            (asks(port=80, ip="10.0.0.1"), asks(port=80, ip="10.0.0.2"), False),
            (asks(port=80, ip="10.0.0.1"), asks(port=80, ip="0.0.0.0"), True),
            (asks(port=80, ip="::"), asks(port=80, ip="10.0.0.2"), True),
            (asks(port=80), asks(port=80, hostNetwork=True), True),
        ],
    )
    def test_two_pods_cannot_have_one(self, one: Pod, other: Pod, conflict: bool) -> None:
        assert reasons(admit({"a": one, "b": other})) == ({"b": "NodePorts"} if conflict else {})

    def test_on_the_host_s_network_every_port_is_the_host_s(self) -> None:
        spec = {"containers": [{"name": "web", "image": "img", "ports": [{"containerPort": 53, "protocol": "UDP"}]}]}
        dns = pod().model_copy(update={"spec": pod().spec.model_validate({**spec, "hostNetwork": True})})
        inside = pod().model_copy(update={"spec": pod().spec.model_validate(spec)})
        admission = admit({"a": dns, "b": dns, "c": inside})
        assert admission.taken == ("a", "c")
        assert admission.refused["b"].message == (
            "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports: pod a has UDP 53"
        )

    def test_those_of_sidecars_count_and_those_of_other_init_containers_do_not(self) -> None:
        port = {"image": "img", "ports": [{"containerPort": 80, "hostPort": 80}]}
        sidecar = pod(initContainers=[{"name": "s", "restartPolicy": "Always", **port}])
        before = pod(initContainers=[{"name": "i", **port}])
        assert reasons(admit({"a": sidecar, "b": asks(port=80)})) == {"b": "NodePorts"}
        assert reasons(admit({"a": before, "b": asks(port=80)})) == {}

    def test_a_pod_that_is_about_to_go_has_its_ports_until_it_is_gone(self) -> None:
        going = [needs_of("old", asks("2", port=80)), needs_of("other", asks("2"))]
        assert reasons(admit({"a": asks("2", port=80)}, leaving=going)) == {"a": "NodePorts"}
        assert reasons(admit({"a": asks("2", port=81)}, leaving=going)) == {}
        assert reasons(admit({"old": asks("2", port=80)}, leaving=going)) == {}

    def test_what_hostpod_listens_on_is_taken(self) -> None:
        own = HostPort(port=10255, protocol="TCP", address="127.0.0.1")
        room = Room(pods=3, cpu_milli=2000, memory_bytes=1 << 30, own_ports=(own,))
        admission = admit({"a": asks(port=10255), "b": asks(port=10255, ip="10.0.0.1")}, room=room)
        assert admission.taken == ("b",)
        assert admission.refused["a"].message.endswith("pod ports: hostpod itself has TCP 10255")

    def test_an_address_counts_however_it_is_written(self) -> None:
        pods = {"a": asks(port=80, ip="2001:db8::1"), "b": asks(port=80, ip="2001:db8:0:0:0:0:0:1")}
        assert reasons(admit(pods)) == {"b": "NodePorts"}


class TestConditions:
    def test_under_pressure_none_comes_and_all_that_are_here_stay(self) -> None:
        here = {"a": asks()}
        admission = admit({**here, "b": asks("1")}, here, conditions={"MemoryPressure", "DiskPressure"})
        assert admission.taken == ("a",)
        assert admission.refused["b"].reason == "Evicted"
        assert admission.refused["b"].message == "The node had condition: [DiskPressure, MemoryPressure]. "

    def test_where_memory_is_short_only_those_are_refused_that_ask_for_nothing(self) -> None:
        pods = {"a": asks(), "b": asks("1m")}
        assert reasons(admit(pods, conditions={"MemoryPressure"})) == {"a": "Evicted"}

    def test_critical_pods_come_all_the_same(self) -> None:
        assert admit({"a": asks(priority=2_000_000_000)}, conditions={"DiskPressure"}).taken == ("a",)


AMOUNTS = st.builds(lambda cpu, port: asks(f"{cpu}m", port=port), st.integers(0, 1500), st.sampled_from([None, 1, 2]))
PODS = st.dictionaries(st.sampled_from("abcdef"), AMOUNTS, max_size=5)


@given(PODS, PODS)
def test_what_is_new_never_takes_more_than_there_is(wished: dict[str, Pod], before: dict[str, Pod]) -> None:
    first = admit(before)
    granted = {key: before[key] for key in first.taken}
    second = admit(wished, granted)
    stands = [
        needs_of(key, granted[key] if key in second.kept else wished[key]) for key in {*second.taken, *second.kept}
    ]
    assert len(stands) <= ROOM.pods
    assert sum(each.cpu_milli for each in stands) <= ROOM.cpu_milli
    ports = [port for each in stands for port in each.ports]
    assert len(ports) == len(set(ports))
    assert {*second.taken, *second.refused} == set(wished)
    assert all(key in second.kept for key in second.refused if key in granted)


@given(PODS)
def test_the_same_again_changes_nothing(wished: dict[str, Pod]) -> None:
    first = admit(wished)
    again = admit(wished, {key: wished[key] for key in first.taken})
    assert set(again.taken) == set(first.taken)
    assert again.refused.keys() == first.refused.keys()


def sets(*names: str) -> Pod:
    return asks(securityContext={"sysctls": [{"name": name, "value": "1"} for name in names]})


@pytest.mark.parametrize(
    ("names", "allowed", "told"),
    [
        (["net.ipv4.tcp_syncookies", "kernel.shm_rmid_forced"], (), None),
        (["net/ipv4/tcp_syncookies"], (), None),
        (["net.core.somaxconn"], (), "net.core.somaxconn"),
        (["net.core.somaxconn"], ("net.core.*",), None),
        (["kernel.msgmax", "kernel.sem"], ("kernel.sem",), "kernel.msgmax"),
    ],
)
def test_kernel_parameters_that_may_be_set(names: list[str], allowed: tuple[str, ...], told: str | None) -> None:
    room = Room(pods=3, cpu_milli=2000, memory_bytes=1 << 30, unsafe_sysctls=allowed)
    refused = admit({"a": sets(*names)}, room=room).refused
    message = f'forbidden sysctl: "{told}" not allowlisted: remove it, or name it in security.allowedUnsafeSysctls'
    assert {key: (each.reason, each.message) for key, each in refused.items()} == (
        {"a": ("SysctlForbidden", message)} if told else {}
    )


def test_a_pod_that_was_taken_with_its_kernel_parameters_goes_on() -> None:
    pods = {"a": sets("net.core.somaxconn")}
    assert admit(pods, pods).refused == {}


class TestOthers:
    """What is counted beside cpu and memory: disk, huge pages and devices."""

    ROOM = Room(
        pods=9,
        cpu_milli=2000,
        memory_bytes=1 << 30,
        others={"ephemeral-storage": 10 << 30, "hugepages-2Mi": 4 << 20},
        devices={"example.com/serial": 2},
    )

    @staticmethod
    def wants(**amounts: str) -> Pod:
        names = {"disk": "ephemeral-storage", "huge": "hugepages-2Mi", "serial": "example.com/serial"}
        asked = {names.get(name, f"example.com/{name}"): amount for name, amount in amounts.items()}
        container = {"name": "web", "image": "img", "resources": {"requests": asked, "limits": asked}}
        return pod().model_copy(update={"spec": pod().spec.model_validate({"containers": [container]})})

    def test_each_is_counted(self) -> None:
        first = self.wants(disk="6Gi", huge="2Mi", serial="1")
        assert admit({"a": first, "b": self.wants(disk="4Gi", huge="2Mi", serial="1")}, room=self.ROOM).refused == {}
        refused = admit(
            {"a": first, "b": self.wants(disk="5Gi"), "c": self.wants(huge="4Mi"), "d": self.wants(serial="2")},
            room=self.ROOM,
        ).refused
        assert {key: each.reason for key, each in refused.items()} == {
            "b": "OutOfephemeral-storage",
            "c": "OutOfhugepages-2Mi",
            "d": "UnexpectedAdmissionError",
        }
        assert refused["c"].message == (
            "Node didn't have enough resource: hugepages-2Mi, requested: 4194304, used: 2097152, capacity: 4194304"
        )
        assert refused["d"].message == (
            "Allocate failed due to requested number of devices unavailable for example.com/serial. "
            "Requested: 2, Available: 1, which is unexpected"
        )

    def test_a_device_that_no_setting_names_is_refused(self) -> None:
        refused = admit({"a": self.wants(printer="1"), "b": self.wants(printer="0")}, room=self.ROOM).refused
        assert refused["a"].message == (
            "no device of this host is called example.com/printer: the setting devices names none"
        )
        assert "b" not in refused

    def test_what_is_free_again_can_be_asked_for(self) -> None:
        first, second = self.wants(serial="2"), self.wants(serial="1")
        assert set(admit({"a": first, "b": second}, {"a": first}, room=self.ROOM).refused) == {"b"}
        assert admit({"a": second, "b": second}, {"a": first}, room=self.ROOM).refused == {}
        assert admit({"b": second}, {"a": first}, room=self.ROOM).refused == {}

    def test_what_was_taken_stays_when_there_is_less(self) -> None:
        first = self.wants(serial="2")
        assert admit({"a": first}, {"a": first}, room=ROOM).taken == ("a",)

    def test_no_huge_pages_without_a_controller_to_hold_them(self) -> None:
        bare = Room(pods=9, cpu_milli=2000, memory_bytes=1 << 30, huge_pages=False)
        (refusal,) = admit({"a": self.wants(huge="2Mi")}, room=bare).refused.values()
        assert refusal.reason == "OutOfhugepages-2Mi"
        assert "this host has no cgroup controller hugetlb" in refusal.message

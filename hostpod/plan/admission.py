"""Which wished pods this host takes, by what they ask for and what it has. Pure; reasons and words are the kubelet's.

A pod that was taken stays, whoever comes. A change of it that does not fit is refused, and it goes on as it was. A pod
that has ended for good takes no room; one that is about to go has its host ports until it is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from hostpod.kube import Pod
from hostpod.kube.huge_pages import HUGE_PAGES
from hostpod.kube.pod_resources import COMPUTE, NOTHING, is_extended, pod_requests, qos_class
from hostpod.kube.priority import CRITICAL, priority_of
from hostpod.plan.confinement import APPARMOR, SELINUX, without_apparmor, without_selinux
from hostpod.plan.host_ports import HostPort, conflict, host_ports
from hostpod.plan.sysctls import FORBIDDEN, forbidden

MEMORY_PRESSURE = "MemoryPressure"
UNEXPECTED = "UnexpectedAdmissionError"

_NO_HUGE_PAGES = "{} cannot be given to pods: this host has no cgroup controller hugetlb to hold them to it"
_NO_FREE_PORTS = "node(s) didn't have free ports for the requested pod ports"


@dataclass(frozen=True, kw_only=True, slots=True)
class Room:
    """What this host has for pods, all together; `unsafe_sysctls` are names and patterns that pods may set, `own_ports`
    what hostpod itself listens on, `apparmor` and `selinux` whether its kernel has them.

    `others` is what else can be counted, by resource: octets of disk and of huge pages. `devices` is how many of a
    device there are, by its resource. Without the controller of `huge_pages` no pod has any.
    """

    pods: int
    cpu_milli: int
    memory_bytes: int
    others: Mapping[str, int] = field(default_factory=dict)
    devices: Mapping[str, int] = field(default_factory=dict)
    huge_pages: bool = True
    unsafe_sysctls: tuple[str, ...] = ()
    own_ports: tuple[HostPort, ...] = ()
    apparmor: bool = False
    selinux: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why a pod is not run."""

    reason: str
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Admission:
    """Keys of the pods that may be as they are wished, of those that stay as they were, and why others are not.

    What stays as it was is among the refused, too.
    """

    taken: tuple[str, ...]
    kept: tuple[str, ...] = ()
    refused: Mapping[str, Refusal] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What one pod takes of the host."""

    key: str
    cpu_milli: int = 0
    memory_bytes: int = 0
    others: Mapping[str, int] = field(default_factory=dict)
    ports: frozenset[HostPort] = frozenset()

    def fits_in(self, other: Needs) -> bool:
        """Whether nothing is needed that another does not need as well."""
        return (
            self.cpu_milli <= other.cpu_milli
            and self.memory_bytes <= other.memory_bytes
            and all(amount <= other.others.get(name, 0) for name, amount in self.others.items())
            and self.ports <= other.ports
        )


def needs_of(key: str, pod: Pod) -> Needs:
    """What a pod requests."""
    requests = pod_requests(pod)
    return Needs(
        key=key,
        cpu_milli=requests.get("cpu", NOTHING).milli,
        memory_bytes=requests.get("memory", NOTHING).value,
        others={name: amount.value for name, amount in requests.items() if name not in COMPUTE and amount.nano > 0},
        ports=host_ports(pod),
    )


class _Ledger:
    """What is taken of the room so far."""

    def __init__(self, room: Room, leaving: Iterable[Needs]) -> None:
        self._room = room
        self._taken: dict[str, Needs] = {}
        self._cpu_milli = self._memory_bytes = 0
        self._others: Counter[str] = Counter()
        self._leaving = tuple(needs for needs in leaving if needs.ports)

    def enter(self, needs: Needs) -> None:
        """Take what a pod needs, in place of what it had."""
        before = self._taken.get(needs.key, Needs(key=needs.key))
        self._cpu_milli += needs.cpu_milli - before.cpu_milli
        self._memory_bytes += needs.memory_bytes - before.memory_bytes
        self._others.subtract(before.others)
        self._others.update(needs.others)
        self._taken[needs.key] = needs

    def refusal(self, needs: Needs) -> Refusal | None:
        """The first thing that there is not enough of for a pod, in the kubelet's order."""
        before = self._taken.get(needs.key, Needs(key=needs.key))
        pods = len(self._taken.keys() - {needs.key})
        cpu, memory = self._cpu_milli - before.cpu_milli, self._memory_bytes - before.memory_bytes
        if not self._room.huge_pages and (huge := [name for name in needs.others if name.startswith(HUGE_PAGES)]):
            return Refusal(reason=f"OutOf{huge[0]}", message=_NO_HUGE_PAGES.format(huge[0]))
        others = {name: self._others[name] - before.others.get(name, 0) for name in needs.others}
        amounts = [
            ("OutOfpods", "pods", 1, pods, self._room.pods),
            ("OutOfcpu", "cpu", needs.cpu_milli, cpu, self._room.cpu_milli),
            ("OutOfmemory", "memory", needs.memory_bytes, memory, self._room.memory_bytes),
            *(
                (f"OutOf{name}", name, needs.others[name], used, self._room.others.get(name, 0))
                for name, used in others.items()
                if not is_extended(name)
            ),
        ]
        for reason, name, asked, used, capacity in amounts:
            if asked > 0 and asked > capacity - used:
                words = f"requested: {asked}, used: {used}, capacity: {capacity}"
                return Refusal(reason=reason, message=f"Node didn't have enough resource: {name}, {words}")
        return self._device_refusal(needs, others) or self._port_refusal(needs)

    def _device_refusal(self, needs: Needs, used: Mapping[str, int]) -> Refusal | None:
        for name in filter(is_extended, used):
            asked, there_are = needs.others[name], self._room.devices.get(name)
            if there_are is None:
                message = f"no device of this host is called {name}: the setting devices names none"
                return Refusal(reason=UNEXPECTED, message=message)
            if asked > there_are - used[name]:
                words = f"Requested: {asked}, Available: {max(0, there_are - used[name])}"
                message = f"Allocate failed due to requested number of devices unavailable for {name}. {words}"
                return Refusal(reason=UNEXPECTED, message=f"{message}, which is unexpected")
        return None

    def _port_refusal(self, needs: Needs) -> Refusal | None:
        if not needs.ports:
            return None
        others = [other for other in (*self._taken.values(), *self._leaving) if other.key != needs.key]
        holders = [("hostpod itself", self._room.own_ports), *((f"pod {other.key}", other.ports) for other in others)]
        for holder, ports in holders:
            port = conflict(needs.ports, ports)
            if port is not None:
                message = f"Predicate NodePorts failed: {_NO_FREE_PORTS}: {holder} has {port}"
                return Refusal(reason="NodePorts", message=message)
        return None


def admit_pods(
    wished: Mapping[str, Pod],
    granted: Mapping[str, Pod],
    *,
    room: Room,
    finished: Collection[str] = (),
    leaving: Iterable[Needs] = (),
    conditions: Collection[str] = (),
) -> Admission:
    """Take what fits: what was `granted` before as it was then, its changes, and what is new, by priority and name.

    `finished` have ended for good as they are wished, `leaving` are about to go. Under node `conditions` what is new is
    refused, but for critical pods and, where memory alone is short, those that are not BestEffort.
    """
    ordered = sorted(wished, key=lambda key: (key not in granted, -priority_of(wished[key]), key))
    before = {key: needs_of(key, granted[key]) for key in ordered if key in granted and key not in finished}
    before = dict(list(before.items())[: room.pods])
    ledger = _Ledger(room, leaving)
    for needs in before.values():
        ledger.enter(needs)
    refused: dict[str, Refusal] = {}
    for key in ordered:
        if key in finished:
            continue
        needs = needs_of(key, wished[key])
        pressed = _pressed(wished[key], conditions) if key not in granted else None
        fits = key in before and needs.fits_in(before[key])
        refusal = _forbidden(wished[key], granted.get(key), room) or (
            None if fits else pressed or ledger.refusal(needs)
        )
        if refusal is not None:
            refused[key] = refusal
        else:
            ledger.enter(needs)
    return Admission(
        taken=tuple(key for key in ordered if key not in refused),
        kept=tuple(key for key in refused if key in before),
        refused=refused,
    )


def _forbidden(pod: Pod, before: Pod | None, room: Room) -> Refusal | None:
    """What no pod may have here, whatever room there is; not what a pod was taken with."""
    is_new = before is None or pod.sysctls != before.sysctls
    message = forbidden(pod.sysctls, room.unsafe_sysctls) if is_new else None
    if message:
        return Refusal(reason=FORBIDDEN, message=message)
    if not room.apparmor and (message := without_apparmor(pod)):
        return Refusal(reason=APPARMOR, message=message)
    if not room.selinux and (message := without_selinux(pod)):
        return Refusal(reason=SELINUX, message=message)
    return None


def _pressed(pod: Pod, conditions: Collection[str]) -> Refusal | None:
    """What a host that is short of something refuses: all but critical pods, and those that ask for their memory."""
    if not conditions or priority_of(pod) >= CRITICAL:
        return None
    if set(conditions) == {MEMORY_PRESSURE} and qos_class(pod) != "BestEffort":
        return None
    return Refusal(reason="Evicted", message=f"The node had condition: [{', '.join(sorted(conditions))}]. ")

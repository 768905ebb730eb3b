"""The package's life in one system: what it brings, upgraded under running pods, removed, purged with nothing left.

The tests go on where the one before has ended; each alone installs what it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import pytest

from lab.qemu import Machine
from lab.system import Done, System
from tests.integration.harness import FOREVER
from tests.vm.conftest import NewPackage, NewSystem
from tests.vm.service import CLASSIC_POD, MANIFESTS, QUICK_CLASSIC, SETTINGS, Service, pod

# What Debian's own tools write at each installation, and systemd as time goes by.
_NOT_OURS = (
    *("/var/lib/dpkg/", "/var/lib/apt/", "/var/cache/", "/var/log/apt/", "/var/log/dpkg.log", "/var/tmp/", "/tmp/"),
    *("/var/log/journal/", "/var/log/wtmp", "/var/lib/systemd/timers/", "/var/lib/systemd/random-seed"),
)
_OF_THIS_MINUTE = ("/run/systemd", "/run/user", "/run/log", "/run/udev")
# Groups stay at a purge, as Debian has it: files of theirs may be anywhere, and a new group would get them.
_OF_GROUPS = ("/etc/group", "/etc/group-", "/etc/gshadow", "/etc/gshadow-")
_PROGRAMS = "conmon|catatonit|runc|hostpod|nginx"

# What may not be left by a removal that is no purge.
_STOOD_ON = ("mounts", "links", "tables", "rules", "control groups", "processes", "profiles", "kernel")

Traces = Mapping[str, frozenset[str]]


@pytest.fixture(scope="module")
def bare(new_system: NewSystem, installed_system: NewSystem) -> Iterator[tuple[System, Traces]]:
    """A system and what was there before it saw hostpod.

    Of a virtual machine it is what another one has of the same snapshot, as one with the package is a snapshot too.
    """
    with ExitStack() as stack:
        system = stack.enter_context(new_system())
        found = traces(system)
        if isinstance(system, Machine):
            stack.close()
            system = stack.enter_context(installed_system())
        yield system, found


@pytest.fixture
def before(bare: tuple[System, Traces]) -> Traces:
    return bare[1]


@pytest.fixture
def service(bare: tuple[System, Traces], package: NewPackage) -> Service:
    system, _ = bare
    if not installed(system):
        system.install(package())
    service = Service(system)
    service.wait_ready()
    return service


def traces(system: System) -> Traces:
    """What a program can leave on a system."""
    lines: dict[str, Callable[[], str]] = {
        "files": lambda: system.run("find", "/", "/var", "-xdev", "-not", "-path", "/srv/*"),
        "settings": lambda: system.shell("find /etc -type f -print0 | xargs -0 md5sum"),
        "runtime files": lambda: system.run("find", "/run", "-xdev"),
        "mounts": lambda: system.shell("cut -d' ' -f5 /proc/1/mountinfo"),
        "links": lambda: system.shell("ip -oneline link | cut -d: -f2"),
        "tables": lambda: system.run("nft", "list", "tables"),
        "rules": lambda: system.run("ip", "rule"),
        "control groups": lambda: system.run("find", "/sys/fs/cgroup", "-name", "*hostpod*"),
        "processes": lambda: system.shell(f"ps -eo args= | grep -E '^[^ ]*({_PROGRAMS})' || true"),
        "units": lambda: system.run("systemctl", "list-units", "--all", "--no-legend", "--plain", "*hostpod*"),
        "unit files": lambda: system.attempt("systemctl", "list-unit-files", "--no-legend", "*hostpod*").out,
        "profiles": lambda: system.attempt("cat", "/sys/kernel/security/apparmor/profiles").out,
        "kernel": lambda: system.run("sysctl", "--ignore", "net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"),
    }
    return {kind: frozenset(line for line in said().splitlines() if _counts(line)) for kind, said in lines.items()}


def _counts(line: str) -> bool:
    path = line.rpartition(" ")[2]
    return not path.startswith((*_NOT_OURS, *_OF_THIS_MINUTE)) and path not in _OF_GROUPS


def installed(system: System) -> bool:
    return system.attempt("dpkg-query", "-W", "-f", "${db:Status-Status}", "hostpod").out == "installed"


def version(system: System) -> str:
    return system.run("dpkg-query", "-W", "-f", "${Version}", "hostpod")


@pytest.mark.everywhere
def test_what_it_brings_for_people(service: Service) -> None:
    system = service.system
    files = system.run("dpkg", "--listfiles", "hostpod").splitlines()
    for page in ("man1/hostpod.1.gz", "man5/hostpod.yaml.5.gz"):
        assert f"/usr/share/man/{page}" in files
    assert "/usr/share/bash-completion/completions/hostpod" in files
    assert system.run("dpkg", "--verify", "hostpod") == ""
    assert "hostpod" in system.run("hostpod", "version")
    found = system.attempt(
        "systemd-analyze", "verify", "--man=no", "hostpod.service", "hostpod.socket", "hostpod.slice"
    )
    assert (found.code, found.err) == (0, "")
    doctor = system.attempt("hostpod", "doctor")
    assert doctor.code == 0, doctor.out


def test_an_upgrade_touches_no_container_and_keeps_settings(service: Service, package: NewPackage) -> None:
    service.configure(maxPods=7)
    service.drop("nginx.yaml", QUICK_CLASSIC)
    service.drop("counting.yaml", pod("counting", "n=0; while :; do echo $n; n=$((n+1)); usleep 50000; done"))
    service.wait_running(CLASSIC_POD, "counting-lab", within_s=60)
    before, monitors, daemon, old = service.identity(), service.monitors(), service.main_pid(), version(service.system)
    service.system.install(package(number=2))
    service.wait_ready()
    assert version(service.system) != old
    assert service.main_pid() != daemon, "the new daemon runs"
    assert (service.identity(), service.monitors()) == (before, monitors)
    lines = service.command("logs", "counting-lab").split()
    assert lines == [str(number) for number in range(len(lines))], "no line is lost"
    assert "maxPods: 7" in service.system.read(SETTINGS)


def test_removed_and_installed_again_it_goes_on_with_its_settings(service: Service, package: NewPackage) -> None:
    system = service.system
    service.configure(maxPods=7)
    service.drop("other.yaml", pod("other", FOREVER))
    service.wait_running("other-lab", within_s=60)
    system.run("apt-get", "remove", "--yes", "--quiet", "hostpod", within_s=120)
    assert traces(system)["processes"] == frozenset(), "without the package nobody would look after pods"
    assert system.exists(f"{MANIFESTS}/other.yaml")
    system.install(package(number=2))
    service.wait_running("other-lab", within_s=60)
    assert "maxPods: 7" in system.read(SETTINGS)


def _remove(service: Service, verb: str) -> Done:
    return service.system.attempt("apt-get", verb, "--yes", "--quiet", "hostpod", within_s=120)


def test_a_daemon_that_may_not_be_stopped_is_named_and_goes_on(service: Service) -> None:
    system, daemon = service.system, service.main_pid()
    system.write("/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", mode=0o755)
    refused = _remove(service, "remove")
    system.run("rm", "/usr/sbin/policy-rc.d")
    assert refused.code != 0
    assert "hostpod: hostpod.socket was not stopped, so the package stays: stop it" in refused.out + refused.err
    assert "policy-rc.d returned 101" in refused.out + refused.err
    assert (installed(system), service.state(), service.main_pid()) == (True, "active", daemon)


def test_what_keeps_the_daemon_from_its_start_does_not_keep_the_package(
    service: Service, before: Traces, package: NewPackage
) -> None:
    system = service.system
    service.drop("other.yaml", pod("other", FOREVER))
    service.wait_running("other-lab", within_s=60)
    system.shell("ip link add elsewhere type bridge; ip address add 10.85.200.1/24 dev elsewhere")
    assert system.attempt("systemctl", "restart", "hostpod").code != 0
    said = _remove(service, "remove")
    assert said.code == 0, said.out + said.err
    assert "pod default/other-lab is asked to end\n" in said.out
    assert "pod default/other-lab ended\n" in said.out
    system.run("ip", "link", "delete", "elsewhere")
    after = traces(system)
    assert {kind: after[kind] for kind in _STOOD_ON} == {kind: before[kind] for kind in _STOOD_ON}


def test_a_purge_empties_nothing_that_is_mounted(service: Service) -> None:
    system, place = service.system, "/var/lib/hostpod/somewhere"
    system.shell(f"mkdir -p /srv/people {place}; touch /srv/people/data; mount --bind /srv/people {place}")
    _remove(service, "remove")
    refused = _remove(service, "purge")
    assert refused.code != 0
    assert f"hostpod: cannot remove /var/lib/hostpod: {place} is mounted in it; umount it" in refused.out + refused.err
    assert system.exists("/srv/people/data")
    system.run("umount", place)
    assert _remove(service, "purge").code == 0
    assert system.exists("/srv/people/data")
    assert not system.exists("/var/lib/hostpod")
    system.run("rm", "-r", "/srv/people")


@pytest.mark.everywhere
def test_purge_leaves_nothing(service: Service, before: Traces) -> None:
    service.drop("nginx.yaml", QUICK_CLASSIC)
    service.drop("other.yaml", pod("other", FOREVER, FOREVER))
    service.wait_running(CLASSIC_POD, "other-lab", within_s=60)
    system = service.system
    system.run("systemctl", "set-property", "hostpod.slice", "MemoryMax=8G")
    system.run("systemctl", "set-property", "hostpod-besteffort.slice", "CPUWeight=50")
    system.run("systemctl", "mask", "--now", "hostpod-readonly.socket")
    system.shell("mkdir -p /var/lib/hostpod/claims/default/data; echo mine >/var/lib/hostpod/claims/default/data/kept")
    system.run("apt-get", "purge", "--yes", "--quiet", "hostpod", within_s=120)
    assert system.run("find", "/var/lib/hostpod", "-type", "f").split() == [
        "/var/lib/hostpod/claims/default/data/kept"
    ], "what was claimed is the people's own"
    system.run("rm", "-r", "/var/lib/hostpod")
    after = traces(system)
    assert {kind: sorted(found ^ before[kind]) for kind, found in after.items() if found != before[kind]} == {}
    assert system.run("getent", "group", "hostpod"), "groups stay"

"""What only a kernel of its own shows: profiles of AppArmor that are enforced, and users of a pod's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.harness import FOREVER, statuses
from tests.vm.service import Service, pod

pytestmark = pytest.mark.needs("kernel")

DEFAULT = "hostpod-default (enforce)"
PROFILES = "/sys/kernel/security/apparmor/profiles"
MINE = """\
profile mine flags=(attach_disconnected,mediate_deleted) {
  capability,
  file,
  network,
  signal,
  deny /forbidden/** w,
}
"""


@contextmanager
def running(service: Service, name: str, **own: Any) -> Iterator[str]:
    """A pod with one container of this security context, running; its name, and it is gone in the end."""
    manifest = pod(name, FOREVER)
    manifest["spec"]["containers"][0]["securityContext"] = own
    service.drop(f"{name}.yaml", manifest)
    service.wait_running(f"{name}-lab", within_s=60)
    try:
        yield f"{name}-lab"
    finally:
        service.remove(f"{name}.yaml")


def inside(service: Service, name: str, script: str) -> tuple[int, str]:
    """Exit code and what a shell in the pod's container printed."""
    done = service.system.attempt("hostpod", "exec", name, "--", "sh", "-c", f"({script}) 2>&1")
    return done.code, done.out.strip()


def profile_of(service: Service, name: str) -> tuple[str, str]:
    """Of the first process, as the system sees it, and of a command that is run beside it."""
    (pid,) = service.first_processes(service.pods()[name]).values()
    return service.system.read(f"/proc/{pid}/attr/current").strip(), inside(
        service, name, "cat /proc/self/attr/current"
    )[1]


def told(service: Service, name: str) -> str:
    """Why a container does not run."""
    shown = statuses(service.pods().get(name, {"status": {}}))
    return str(shown.get("c0", {}).get("state", {}).get("waiting", {}).get("message", ""))


def test_who_names_none_is_confined_by_the_profile_that_the_daemon_loads(service: Service) -> None:
    assert DEFAULT in service.system.read(PROFILES).splitlines()
    # Its capability is not enough to mount, nor to write to what the kernel has for the whole host.
    with running(service, "plain", capabilities={"add": ["SYS_ADMIN"]}, seccompProfile={"type": "Unconfined"}) as plain:
        assert profile_of(service, plain) == (DEFAULT, DEFAULT)
        code, said = inside(service, plain, "mount -t tmpfs none /tmp")
        assert (code != 0, "denied" in said.lower()) == (True, True), said
        within = "sleep 100 & kill -TERM $!; wait $!; echo $?; echo text >/tmp/file && cat /tmp/file"
        code, said = inside(service, plain, within)
        # The shell may say by itself what became of its child.
        assert (code, said.removeprefix("Terminated").split()) == (0, ["143", "text"]), (
            "its own signals and files are free"
        )
        service.system.run("systemctl", "restart", "hostpod")
        service.wait_ready()
        assert profile_of(service, plain) == (DEFAULT, DEFAULT), "loaded again it still binds"
        assert inside(service, plain, "mount -t tmpfs none /tmp")[0] != 0
    service.wait_for(lambda pods: plain not in pods, "a signal of the daemon reaches it: it ends in its time")


def test_unconfined_and_privileged_go_without(service: Service) -> None:
    unconfined = {"appArmorProfile": {"type": "Unconfined"}, "seccompProfile": {"type": "Unconfined"}}
    with (
        running(service, "free", capabilities={"add": ["SYS_ADMIN"]}, **unconfined) as free,
        running(service, "mighty", privileged=True) as mighty,
    ):
        for name in (free, mighty):
            assert profile_of(service, name)[0] == "unconfined"
            assert inside(service, name, "mount -t tmpfs none /tmp && echo mounted") == (0, "mounted")


def test_a_profile_of_the_host_by_its_name(service: Service) -> None:
    mine = {"appArmorProfile": {"type": "Localhost", "localhostProfile": "mine"}}
    manifest = pod("mine", FOREVER)
    manifest["spec"]["securityContext"] = mine
    service.drop("mine.yaml", manifest)

    wanted = 'AppArmor profile "mine" is not loaded on this host: load it by apparmor_parser'
    service.system.until(lambda: wanted in told(service, "mine-lab"), "refused with the reason", within_s=60)
    service.system.run("apparmor_parser", "--replace", "--skip-cache", stdin=MINE)
    service.wait_running("mine-lab", within_s=120)
    assert profile_of(service, "mine-lab")[0] == "mine (enforce)"
    code, said = inside(service, "mine-lab", "mkdir /forbidden; echo text >/forbidden/file")
    assert (code != 0, "ermission denied" in said) == (True, True), said
    service.remove("mine.yaml")
    service.wait_for(lambda pods: "mine-lab" not in pods, "gone")
    service.system.run("apparmor_parser", "--remove", stdin=MINE)


def test_users_of_a_pod_s_own(service: Service) -> None:
    """Linux before 6.2 cannot show a squashfs by other ids; there the reason is told with what to do."""
    release = tuple(map(int, service.system.run("uname", "-r").split("-")[0].split(".")[:2]))
    service.drop("own.yaml", pod("own", FOREVER, hostUsers=False))
    if release >= (6, 2):
        service.wait_running("own-lab", within_s=60)
        (pid,) = service.first_processes(service.pods()["own-lab"]).values()
        assert int(service.system.run("stat", "--format=%u", f"/proc/{pid}")) >= 0x70000000
        assert inside(service, "own-lab", "id -u; stat -c %u /bin /etc/hosts") == (0, "0\n0\n0")
        assert profile_of(service, "own-lab")[0] == DEFAULT
    else:
        wanted = "set images.layers to directory"
        service.system.until(lambda: wanted in told(service, "own-lab"), "refused with what to do", within_s=60)
    service.remove("own.yaml")
    service.wait_for(lambda pods: "own-lab" not in pods, "gone")

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from hostpod.kube import Pod
from hostpod.oci import (
    ImageDefaults,
    Labels,
    Mount,
    SandboxPaths,
    SpecError,
    User,
    container_spec,
    pause_spec,
    pod_hostname,
    pod_nodename,
)
from hostpod.oci.values import Json, Privileges, Propagation
from tests.unit.oci.samples import BOUND, FREE, ON_V2, pod

GOLDEN = Path(__file__).parent / "golden"

NAMESPACES = SandboxPaths(net="/run/ns/net", ipc="/run/ns/ipc", uts="/run/ns/uts")
OWN_USERS = SandboxPaths(user="/run/ns/user", net="/run/ns/net", ipc="/run/ns/ipc", uts="/run/ns/uts", first_id=131072)
NGINX = ImageDefaults(
    entrypoint=("/docker-entrypoint.sh",),
    cmd=("nginx", "-g", "daemon off;"),
    env=("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "NGINX_VERSION=1.22.1"),
    stop_signal="SIGQUIT",
)
BUSYBOX = ImageDefaults(cmd=("sh",))


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A mount as the volumes give it."""

    source: PurePosixPath
    destination: str
    read_only: bool = False
    all_read_only: bool = False
    no_exec: bool = False
    recursive: bool = True
    propagation: Propagation = "private"
    kept: tuple[str, ...] = ()


def at(source: str, destination: str, **more: Any) -> Mount:
    return Mount.bound(Volume(source=PurePosixPath(source), destination=destination, **more))


POD_FILES = (
    at("/run/pod/hosts", "/etc/hosts", recursive=False),
    at("/run/pod/hostname", "/etc/hostname", recursive=False),
    at("/run/pod/resolv.conf", "/etc/resolv.conf", recursive=False),
    at("/run/pod/shm", "/dev/shm"),
)


def made(
    subject: Pod,
    *,
    index: int = 0,
    image: ImageDefaults = BUSYBOX,
    sandbox: SandboxPaths = NAMESPACES,
    mounts: tuple[Mount, ...] = POD_FILES,
    user: User | None = None,
    privileges: Privileges = FREE,
    **more: Any,
) -> Json:
    return container_spec(
        pod=subject,
        container=subject.spec.containers[index],
        image=image,
        variables={each.name: each.value or "" for each in subject.spec.containers[index].env},
        sandbox=sandbox,
        mounts=mounts,
        user=user or User(),
        cgroups_path="/hostpod/besteffort/pod0123/c0ffee",
        rootfs="/run/hostpod/pods/0123/containers/c0ffee/rootfs",
        privileges=privileges,
        **more,
    )


def pause(subject: Pod, sandbox: SandboxPaths = NAMESPACES, privileges: Privileges = FREE) -> Json:
    return pause_spec(
        pod=subject,
        namespaces=sandbox,
        cgroups_path="/hostpod/besteffort/pod0123/pause",
        rootfs="/run/hostpod/pause/rootfs",
        privileges=privileges,
    )


CLASSIC = pod(
    {"name": "nginx", "image": "nginx", "ports": [{"containerPort": 80}]},
    {
        "name": "log-truncator",
        "image": "busybox",
        "command": ["/bin/sh"],
        "args": ["-c", "while true; do cat /dev/null > /logdir/access.log; sleep 10; done"],
    },
    name="nginx-node1",
)
HOST_NETWORK = pod(hostNetwork=True)
HOST_PID = pod(hostPID=True, hostIPC=True)
SHARED = pod(shareProcessNamespace=True)
LIMITED = pod(
    {
        "name": "main",
        "image": "busybox",
        "command": ["run", "$(MODE)"],
        "workingDir": "/srv",
        "env": [{"name": "MODE", "value": "fast"}, {"name": "PATH", "value": "/opt/bin"}],
        "resources": {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}},
    }
)
VOLUMES = (
    at("/run/pod/volumes/cache", "/cache"),
    at("/var/lib/hostpod/pods/0123/volumes/data/part", "/data", read_only=True),
    at("/srv/media", "/media", propagation="slave"),
)

BOX = {"name": "main", "image": "busybox"}
NULL = {"path": "/dev/loop0", "type": "b", "major": 7, "minor": 0, "fileMode": 0o660, "uid": 0, "gid": 6}
RESTRICTED = {
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]},
}
SYSCTLS = [{"name": "net/ipv4/tcp_syncookies", "value": "0"}, {"name": "kernel.sem", "value": "1"}]

SPECS: dict[str, Json] = {
    "plain": made(pod()),
    "classic-nginx": made(CLASSIC, image=NGINX, mounts=(*POD_FILES, at("/var/lib/logs", "/var/log/nginx"))),
    "classic-log-truncator": made(CLASSIC, index=1, mounts=(*POD_FILES, at("/var/lib/logs", "/logdir"))),
    "host-network": made(HOST_NETWORK, sandbox=SandboxPaths(ipc="/run/ns/ipc")),
    "host-pid-and-ipc": made(HOST_PID, sandbox=SandboxPaths(net="/run/ns/net", uts="/run/ns/uts")),
    "shared-processes": made(SHARED, sandbox=SandboxPaths(net="/n", ipc="/i", uts="/u", pid="/proc/42/ns/pid")),
    "limited": made(LIMITED, user=User(uid=33, gid=34, additional_gids=(34, 4))),
    "limited-on-v2": made(LIMITED, privileges=ON_V2),
    "without-cap-sys-resource": made(LIMITED, privileges=BOUND),
    "volumes": made(pod(), mounts=(*POD_FILES, *VOLUMES)),
    "privileged": made(pod({**BOX, "securityContext": {"privileged": True}}), devices=[NULL]),
    "restricted": made(
        pod({**BOX, "securityContext": RESTRICTED}), user=User(uid=1000, gid=3000), seccomp={"defaultAction": "x"}
    ),
    "own-users": made(
        pod({**BOX, "securityContext": {"procMount": "Unmasked"}}, hostUsers=False),
        sandbox=OWN_USERS,
        mounts=(at("/run/pod/volumes/app", "/app", read_only=True, kept=("nosuid", "nodev")),),
        labels=Labels(apparmor="hostpod-default", process="u:r:t:s0", files="u:r:f:s0"),
    ),
    "pause": pause(pod()),
    "pause-own-users": pause(pod(hostUsers=False), OWN_USERS),
    "pause-with-sysctls": pause(
        pod(
            securityContext={
                "sysctls": [{"name": "net/ipv4/tcp_syncookies", "value": "0"}, {"name": "kernel.sem", "value": "1"}]
            }
        )
    ),
    "pause-host-network": pause(HOST_NETWORK, SandboxPaths(ipc="/run/ns/ipc")),
    "pause-host-pid": pause(HOST_PID, SandboxPaths(net="/run/ns/net", uts="/run/ns/uts"), BOUND),
}


@pytest.mark.parametrize("name", SPECS)
def test_golden(name: str) -> None:
    path = GOLDEN / f"{name}.json"
    text = json.dumps(SPECS[name], indent=2) + "\n"
    if os.environ.get("HOSTPOD_WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text(), f"{path} differs; `make golden` rewrites it"


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(SPECS)


@pytest.mark.parametrize(
    ("mounts", "root"),
    [((), None), (("slave",), "rslave"), (("private", "shared", "slave"), "rshared"), (("private",), None)],
)
def test_the_root_is_as_open_as_its_most_open_mount(mounts: tuple[Propagation, ...], root: str | None) -> None:
    spec = made(pod(), mounts=tuple(at("/x", f"/{kind}", propagation=kind) for kind in mounts))
    assert spec["linux"].get("rootfsPropagation") == root


@pytest.mark.parametrize(
    ("image", "container", "cwd"),
    [
        (ImageDefaults(cmd=("x",)), {}, "/"),
        (ImageDefaults(cmd=("x",), working_dir="/app"), {}, "/app"),
        (ImageDefaults(cmd=("x",), working_dir="/app"), {"workingDir": "/srv"}, "/srv"),
    ],
)
def test_the_working_directory(image: ImageDefaults, container: dict[str, str], cwd: str) -> None:
    subject = pod({"name": "main", "image": "x", **container})
    assert made(subject, image=image)["process"]["cwd"] == cwd


def test_a_terminal_has_a_type() -> None:
    process = made(pod({"name": "main", "image": "x", "tty": True}))["process"]
    assert process["terminal"] is True
    assert "TERM=xterm" in process["env"]


@pytest.mark.parametrize(
    ("subject", "hostname"),
    [
        (pod(), "web-node1"),
        (pod(hostname="shop"), "shop"),
        (pod(name="a" * 62 + "-." + "b" * 10), "a" * 62),
    ],
)
def test_what_a_pod_calls_itself(subject: Pod, hostname: str) -> None:
    assert pod_hostname(subject) == pod_nodename(subject) == hostname
    assert f"HOSTNAME={hostname}" in made(subject)["process"]["env"]


def test_a_host_name_with_its_domain_is_for_the_kernel_only() -> None:
    subject = pod(hostname="shop", subdomain="web", setHostnameAsFQDN=True)
    assert (pod_hostname(subject), pod_nodename(subject)) == ("shop", "shop.web")
    assert "HOSTNAME=shop.web" in made(subject)["process"]["env"]
    assert pod_nodename(pod(hostname="shop", subdomain="web")) == "shop"
    assert pod_nodename(pod(hostname="shop", setHostnameAsFQDN=True)) == "shop"
    assert pod_nodename(pod(hostname="shop", subdomain="web", hostnameOverride="other.example")) == "other.example"
    with pytest.raises(
        SpecError, match=r"^host name s{40}\.w{40} has more than 64 characters: shorten hostname or sub"
    ):
        pod_nodename(pod(hostname="s" * 40, subdomain="w" * 40, setHostnameAsFQDN=True))


def test_how_volumes_are_bound() -> None:
    assert at("/a", "/b").options == ("rbind", "rprivate", "rw")
    assert at("/a", "/b", read_only=True, all_read_only=True).options == ("rbind", "rprivate", "ro", "rro")
    assert at("/a", "/b", read_only=True, no_exec=True).options == ("rbind", "rprivate", "ro", "noexec")

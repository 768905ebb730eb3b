"""What a container sees of itself: arguments, environment, user, rights, limits, and the files of its pod."""

from __future__ import annotations

import resource
import socket
from pathlib import Path
from typing import Any

import pytest

from hostpod.host.cgroup import Cgroups
from hostpod.host.cgroup_files import weight_of_shares
from hostpod.host.namespaces import inside
from hostpod.oci.defaults import CAPABILITIES, MASKED_PATHS, OPEN_FILES_HARD, OPEN_FILES_SOFT, READ_ONLY_PATHS
from lab.place import patient
from lab.registry import Registry
from tests.integration.derived import push_derived
from tests.integration.fakehost import OUTSIDE_ADDRESS, UPLINK_ADDRESS, FakeHost
from tests.integration.harness import Daemon, pod, seen

pytestmark = pytest.mark.integration

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The numbers of linux/capability.h.
CAPABILITY_BITS = {"CHOWN": 0, "DAC_OVERRIDE": 1, "FOWNER": 3, "FSETID": 4, "KILL": 5, "SETGID": 6, "SETUID": 7,
                   "SETPCAP": 8, "NET_BIND_SERVICE": 10}  # fmt: skip


def test_command_and_arguments_replace_those_of_the_image(node: Daemon, registry: Registry) -> None:
    image = push_derived(registry, "speaks", Entrypoint=["echo", "image says"], Cmd=["something"])
    container = {"image": image, "imagePullPolicy": "IfNotPresent"}
    cases: list[dict[str, Any]] = [
        {},
        {"args": ["else"]},
        {"command": ["echo", "pod says"]},
        {"command": ["echo"], "args": ["pod", "says", "all"]},
    ]
    containers = [{"name": f"c{number}", **container, **case} for number, case in enumerate(cases)]
    node.drop("says.yaml", pod("says", restartPolicy="Never", containers=containers))
    node.wait_phase("says-lab", "Succeeded")
    assert [node.said("says-lab", f"c{number}") for number in range(4)] == [
        "image says something\n",
        "image says else\n",
        "pod says\n",
        "pod says all\n",
    ]


def test_variables_expand_in_variables_and_arguments(node: Daemon) -> None:
    env = [
        {"name": "GREETING", "value": "hello"},
        {"name": "BOTH", "value": "$(GREETING) $(NAME) $$(GREETING) $(NONE)"},
        {"name": "NAME", "value": "world"},
        {"name": "AFTER", "value": "$(NAME)"},
        {"name": "EMPTY"},
    ]
    command = ["/bin/sh", "-c", 'env | sort; echo "$@"', "$(GREETING)-0", "$(GREETING)", "$$(NAME)", "$(NONE)"]
    shown = seen(node, "", env=env, command=command).splitlines()
    assert shown[-1] == "hello $(NAME) $(NONE)"
    found = dict(line.split("=", 1) for line in shown[:-1])
    assert {name: found[name] for name in ("GREETING", "BOTH", "AFTER", "EMPTY")} == {
        "GREETING": "hello",
        "BOTH": "hello $(NAME) $(GREETING) $(NONE)",  # NAME comes later
        "AFTER": "world",
        "EMPTY": "",
    }
    assert (found["PATH"], found["HOSTNAME"], found["HOME"]) == (SEARCH_PATH, "look", "/root")


def test_user_directory_and_variables_of_the_image(node: Daemon, registry: Registry) -> None:
    image = push_derived(
        registry, "www", User="www-data", WorkingDir="/var/tmp", Env=[f"PATH={SEARCH_PATH}", "COLOUR=green", "SIZE=9"]
    )
    script = 'id -u; id -g; pwd; echo "$COLOUR $SIZE"; grep CapEff /proc/self/status'
    shown = seen(node, script, image=image, env=[{"name": "SIZE", "value": "10"}]).split()
    assert shown[:5] == ["33", "33", "/var/tmp", "green", "10"]
    assert int(shown[-1], 16) == 0, "who is not root has none of the capabilities"


def test_a_working_directory_of_its_own(node: Daemon) -> None:
    assert seen(node, "pwd", workingDir="/var/log") == "/var/log\n"


@pytest.mark.everywhere
def test_rights_of_a_container(node: Daemon) -> None:
    shown = dict(
        line.split(":\t") for line in seen(node, "grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status").splitlines()
    )
    nine = sum(1 << bit for bit in CAPABILITY_BITS.values())
    assert {f"CAP_{name}" for name in CAPABILITY_BITS} == set(CAPABILITIES)
    assert {name: int(shown[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {
        "CapInh": 0,
        "CapPrm": nine,
        "CapEff": nine,
        "CapBnd": nine,
        "CapAmb": 0,
    }
    assert shown["NoNewPrivs"] == "0"
    tried = seen(node, "mount -t tmpfs x /tmp 2>&1; mknod /tmp/x b 7 0 2>&1; hostname y 2>&1; true")
    assert tried.count("Operation not permitted") + tried.count("permission denied") == 3, tried


def test_what_is_hidden_and_what_is_read_only(node: Daemon) -> None:
    hidden = [path for path in MASKED_PATHS if Path(path).exists()]
    script = f"for path in {' '.join(hidden)}; do if [ -d $path ]; then ls -A $path; else cat $path; fi; done"
    assert seen(node, script) == ""
    mounts = [line.split() for line in seen(node, "cat /proc/mounts").splitlines()]
    read_only = {mount[1] for mount in mounts if "ro" in mount[3].split(",")}
    assert read_only >= {path for path in READ_ONLY_PATHS if Path(path).exists()}
    assert read_only >= {"/sys", *(mount[1] for mount in mounts if mount[2] in ("cgroup", "cgroup2"))}
    assert "/" not in read_only
    assert {mount[1] for mount in mounts} >= {"/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/etc/hosts"}


@pytest.mark.everywhere
def test_a_cgroup_namespace_and_processes_of_its_own(node: Daemon) -> None:
    shown = seen(
        node, "cut -d: -f3 /proc/self/cgroup | sort -u; ps -o pid= | sort -n | head -1; ulimit -Sn; ulimit -Hn"
    )
    cgroup, first, soft, hard = shown.split()
    assert cgroup == "/"
    assert first == "1"
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # without CAP_SYS_RESOURCE no limit is raised
    assert (int(soft), int(hard)) in {(OPEN_FILES_SOFT, OPEN_FILES_HARD), (OPEN_FILES_SOFT, allowed)}


@pytest.mark.controllers
@pytest.mark.everywhere
def test_limits_are_those_of_the_resources(node: Daemon) -> None:
    v1 = ("memory/memory.limit_in_bytes", "cpu/cpu.shares", "cpu/cpu.cfs_quota_us")
    v2 = ("memory.max", "cpu.weight", "cpu.max")
    is_v2 = Cgroups.detect("hostpod-test").layout.version == "v2"
    script = f"cd /sys/fs/cgroup; cat {' '.join(v2 if is_v2 else v1)}"
    resources = {"limits": {"cpu": "250m", "memory": "64Mi"}, "requests": {"cpu": "100m"}}
    assert seen(node, script, resources=resources).split()[:3] == [
        str(64 << 20),
        str(weight_of_shares(102)) if is_v2 else "102",
        "25000",
    ]
    (shown,) = node.pods().values()
    assert shown["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "100m", "memory": "64Mi"}
    assert shown["status"]["qosClass"] == "Burstable"


def test_the_files_of_the_pod(node: Daemon) -> None:
    ip = "hostname -i | tr ' ' '\\n' | head -1"
    shown = seen(node, f"hostname; {ip}; cat /etc/hostname; echo --; cat /etc/hosts; echo --; cat /etc/resolv.conf")
    names, hosts, resolv = shown.split("--\n")
    hostname, address, written = names.split()
    assert hostname == written == "look"
    assert f"{address}\tlook\n" in hosts
    assert "127.0.0.1\tlocalhost\n" in hosts
    assert "::1\tlocalhost ip6-localhost ip6-loopback\n" in hosts
    own = [
        line.split()[1] for line in Path("/etc/resolv.conf").read_text().splitlines() if line.startswith("nameserver")
    ]
    assert [line.split()[1] for line in resolv.splitlines() if line.startswith("nameserver")] == own[:3]


def test_the_host_name_is_the_pods_name(node: Daemon) -> None:
    node.drop("named.yaml", pod("named", "hostname", restartPolicy="Never"))
    node.wait_phase("named-lab", "Succeeded")
    assert node.said("named-lab") == "named-lab\n"


def test_pods_reach_each_other_and_what_is_outside(node: Daemon, shared_host: FakeHost) -> None:
    node.drop("web.yaml", pod("web", "while :; do echo hello | nc -l -p 8080; done"))
    address = node.wait_running("web-lab")["web-lab"]["status"]["podIP"]
    asked = f"nc -w 2 {address} 8080 < /dev/null"  # the listener may go before it says a word: nothing is sent to it
    assert seen(node, f'until [ -n "$got" ]; do got=$({asked}) || usleep 20000; done; echo $got') == "hello\n"
    with inside(shared_host.outside, lambda: socket.create_server((OUTSIDE_ADDRESS, 0))) as outside:
        outside.settimeout(patient(10))
        node.drop("out.yaml", pod("out", f"nc {OUTSIDE_ADDRESS} {outside.getsockname()[1]}"))
        connection, (came_from, _port) = outside.accept()
        connection.close()
    assert came_from == UPLINK_ADDRESS

"""`make demo`: the pod that every kubelet tutorial starts with, from its manifest to its end, told step by step."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from lab import images
from lab.instance import Instance
from lab.leaks import wait_until_gone
from lab.names import Names
from lab.narration import say, shell, step, until
from lab.place import REPOSITORY, LabError, only_one
from lab.registry import Registry, free_port, start_registry, write_policy, write_registries_conf

DIRECTORY = REPOSITORY / ".demo"
RUNTIME = Path("/run/hostpod-demo")
NAMES = Names(
    bridge="hpdemo0", link_prefix="hpd", table="hostpod_demo", cgroup_root="hostpod-demo", subnet="10.86.0.0/16"
)
MANIFEST = REPOSITORY / "examples/nginx.yaml"
PIDS = DIRECTORY / "pids.json"
TRUNCATED_WITHIN_S = 20
GONE_WITHIN_S = 60


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave the pod, the daemon and the registry running")
    parser.add_argument("--stop", action="store_true", help="end what --keep left running")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        say("make demo: run it as root: it makes network links, mounts and control groups")
        return 1
    try:
        with only_one("demo"):
            if arguments.stop:
                return stop_kept()
            return run(keep=arguments.keep)
    except LabError as error:
        say(f"make demo: {error}")
        return 1


def run(*, keep: bool) -> int:
    if PIDS.exists():
        say("make demo: one is still running, end it with: make demo-stop")
        return 1
    began = time.monotonic()
    clean()
    registry: Registry | None = None
    instance: Instance | None = None
    try:
        registry = serve_images()
        instance = serve_pods(registry)
        show_pod(instance)
        if keep:
            tell_how_to_go_on(instance, registry)
            return 0
        remove_pod(instance)
        instance.stop()
    except (LabError, OSError, subprocess.SubprocessError) as error:
        say(f"\nthe demo came to this: {error}")
        if instance is not None:
            say(f"the daemon's last lines ({instance.journal}):\n{instance.last_lines()}")
        return 1
    finally:
        if not PIDS.exists():
            if instance is not None:
                instance.kill()
            if registry is not None:
                registry.stop()
            clean()
    step(f"Done in {time.monotonic() - began:.0f} s; the daemon and the registry have ended too")
    return 0


def serve_images() -> Registry:
    step("Two images from Debian's own packages, in a registry on loopback that stands in for docker.io")
    registry = start_registry(DIRECTORY / "registry")
    for name in images.IMAGES:
        registry.push(images.layout(name), f"library/{name}")
        say(f"  docker.io/library/{name}:latest is at {registry.address}")
    return registry


def serve_pods(registry: Registry) -> Instance:
    step("A hostpod with directories, bridge, nftables table and cgroup of its own")
    DIRECTORY.mkdir(exist_ok=True)
    settings = {
        "nodeName": socket.gethostname().lower(),
        "images": {
            "registriesConf": str(write_registries_conf(DIRECTORY / "registries.conf", registry)),
            "policy": str(write_policy(DIRECTORY / "policy.json")),
        },
    }
    port = 10255 if is_free(10255) else free_port()
    instance = Instance(DIRECTORY, RUNTIME, names=NAMES, settings=settings, port=port)
    os.environ["HOSTPOD_SOCKET"] = str(instance.socket)
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    say(f"$ hostpod serve --config {instance.config} &")
    say(f"  ready after {instance.start() * 1000:.0f} ms")
    return instance


def show_pod(instance: Instance) -> None:
    step("The classic manifest, unmodified, dropped into the manifests directory")
    shell(f"cat {MANIFEST}", show=40)
    began = time.monotonic()
    shell(f"cp {MANIFEST} {instance.manifests}/nginx.yaml")
    name = f"nginx-{socket.gethostname().lower()}"
    pod = instance.wait_running(name, within_s=60)[name]
    say(f"  both containers run, {(time.monotonic() - began) * 1000:.0f} ms later (images fetched and unpacked too)")
    shell("hostpod get pods -o wide")
    step("What it serves, and what the node tells")
    address = pod["status"]["podIP"]
    page = until(lambda: shell(f"curl -sS http://{address}/ | head -4"), within_s=5)
    if "Welcome to nginx!" not in page:
        raise LabError(f"http://{address}/ does not show nginx's page")
    node = f"http://127.0.0.1:{instance.port}"
    shell(f"curl -sS {node}/healthz")
    shell(f"curl -sS {node}/pods | head -c 300; echo")
    shell(f"curl -sS {node}/spec | head -8", show=8)
    step("The log truncator empties /logdir/access.log every 10 s")
    inside = "hostpod exec nginx -c log-truncator --"
    shell(f"{inside} cat /logdir/access.log")
    emptied = "while [ -s /logdir/access.log ]; do sleep 0.1; done; date; wc -c /logdir/access.log"
    shell(f"{inside} date")
    shell(f"{inside} sh -c '{emptied}'", within_s=TRUNCATED_WITHIN_S)
    shell("hostpod events", show=30)


def remove_pod(instance: Instance) -> None:
    step("The manifest goes, and so does the pod")
    say("  nginx ends at once; busybox's sh is process 1 of its container and takes no SIGTERM,")
    say("  so its grace period of 30 s runs out, as it does under the kubelet.")
    shell("hostpod get pods")
    began = time.monotonic()
    shell(f"rm {instance.manifests}/nginx.yaml")
    instance.wait_for(lambda pods: not pods, what="the pod gone", within_s=GONE_WITHIN_S)
    say(f"  gone {time.monotonic() - began:.1f} s later")
    shell("hostpod get pods")
    shell(f"curl -sS http://127.0.0.1:{instance.port}/pods; echo")
    left = wait_until_gone(instance.traces, within_s=5)
    if left:
        raise LabError("left on the host: " + "; ".join(left))
    say("  no container, process, mount, link, lease or control group of it is left")


def tell_how_to_go_on(instance: Instance, registry: Registry) -> None:
    assert instance.process is not None
    PIDS.write_text(json.dumps([instance.process.pid, registry.process.pid]))
    step("It stays. Try:")
    hostpod = Path(sys.executable).with_name("hostpod")
    say(f"  export HOSTPOD_SOCKET={shlex.quote(str(instance.socket))}")
    for line in ("get pods -o wide", "describe pod nginx", "exec -it nginx -- sh", "events -w"):
        say(f"  {hostpod} {line}")
    say(f"  rm {instance.manifests}/nginx.yaml")
    say("  make demo-stop")


def stop_kept() -> int:
    if PIDS.exists():
        for pid in json.loads(PIDS.read_text()):
            end(pid)
    clean()
    say("the demo has ended; nothing of it is left on the host")
    return 0


def clean() -> None:
    """Take away what an earlier demo left, or this one's bridge and table that outlive the daemon."""
    Instance.traces_of(DIRECTORY, RUNTIME, names=NAMES).sweep()
    shutil.rmtree(DIRECTORY, ignore_errors=True)


def end(pid: int) -> None:
    """SIGTERM to a process of the demo, and wait until it is gone."""
    if str(DIRECTORY) in command_line(pid):
        os.kill(pid, signal.SIGTERM)
        until(lambda: not command_line(pid), within_s=10)


def command_line(pid: int) -> str:
    """Empty for a process that is gone, also when its parent has not read its end yet."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


if __name__ == "__main__":
    sys.exit(main())

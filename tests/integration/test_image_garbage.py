"""Unused images go when the disk of images is full, and when somebody says so; those that pods use stay."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hostpod.host.mount import mount, unmount
from lab import client
from lab.registry import Registry
from tests.integration.harness import FOREVER, Daemon, container, pod, seen
from tests.integration.image_kit import Layout, push
from tests.unit.images.archives import archive, member

pytestmark = pytest.mark.integration

MIB = 1 << 20


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A state directory of 64 MiB."""
    state = tmp_path / "d0" / "state"
    state.mkdir(parents=True)
    mount("tmpfs", state, "tmpfs", data="size=64m,mode=0755")
    yield state
    unmount(state)


def incompressible(name: str, mib: int) -> bytes:
    """A layer with a file of this size."""
    return archive([member(name, content=random.Random(name).randbytes(mib * MIB))])


@pytest.fixture
def images(tmp_path: Path, registry: Registry) -> list[str]:
    """Four images of 8 MiB each, of which each has a small layer of its own and no two share one."""
    layout, names = Layout(tmp_path / "layout"), []
    for name in ("one", "two", "three", "four"):
        push(
            registry, layout.tag(layout.image([incompressible(name, 8), archive([member(f"own-{name}")])])), f"{name}:1"
        )
        names.append(f"{registry.address}/{name}:1")
    return names


def told(daemon: Daemon) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(daemon.socket, "/images")["items"]
    return items


def here(daemon: Daemon) -> set[str]:
    return {name.rpartition("/")[2] for image in told(daemon) for name in image["references"]}


def inspected(daemon: Daemon, name: str) -> dict[str, Any]:
    image: dict[str, Any] = json.loads(daemon.cli("image", "inspect", name).stdout)
    return image


def used_percent(path: Path) -> float:
    left = os.statvfs(path)
    return 100 - left.f_bavail * 100 / left.f_blocks


def layers(state: Path) -> set[str]:
    return {path.name for path in (state / "images/layers").iterdir()}


def test_the_least_recently_used_go_when_the_disk_is_full(
    new_daemon: Callable[..., Daemon], small: Path, images: list[str]
) -> None:
    one, two, three, four = images
    daemon = new_daemon(images={"minimumGCAge": 0, "gcHighThresholdPercent": 50, "gcLowThresholdPercent": 35})
    daemon.start()
    daemon.cli("image", "pull", one)
    shows = {"name": "files", "image": {"reference": one, "pullPolicy": "Never"}}
    mounts = [{"name": "files", "mountPath": "/files"}]
    daemon.drop("web.yaml", pod("web", containers=[container("main", FOREVER, volumeMounts=mounts)], volumes=[shows]))
    daemon.wait_running("web-lab")
    for name in (two, three):
        daemon.cli("image", "pull", name)
    assert here(daemon) == {"busybox:latest", "one:1", "two:1", "three:1"}
    before = inspected(daemon, three)
    daemon.stop()
    daemon.start()
    assert inspected(daemon, three)["lastUsed"] == before["lastUsed"], "it survives a restart"

    daemon.cli("image", "pull", four)
    daemon.wait_for(lambda _: here(daemon) == {"busybox:latest", "one:1", "four:1"}, what="the oldest unused are gone")
    daemon.wait_for(lambda _: used_percent(small) < 36, what="their room is free")
    removed = [event["message"].split('"')[1] for event in daemon.events() if event["reason"] == "ImageRemoved"]
    assert removed == [two, three]

    refused = daemon.cli("image", "rm", one, "busybox")
    assert refused.stderr.splitlines() == [
        f'error: cannot remove image "{one}": pod default/web-lab uses it',
        'error: cannot remove image "docker.io/library/busybox:latest": pod default/web-lab uses it',
    ]
    assert inspected(daemon, one)["pods"] == ["default/web-lab"]
    dry = daemon.cli("image", "prune", "--all", "--dry-run").stdout
    assert dry.splitlines()[0].startswith(f"Would delete: {four} (")
    assert four in daemon.cli("image", "prune", "--all").stdout
    assert here(daemon) == {"busybox:latest", "one:1"}
    daemon.remove("web.yaml")
    daemon.wait_for(lambda pods: not pods, what="the pod is gone")
    assert daemon.cli("image", "rm", one, "busybox").returncode == 0
    assert (here(daemon), layers(small)) == (set(), set())


def test_an_image_of_two_names_loses_one_and_tells_how_it_was_made(
    daemon: Daemon, registry: Registry, tmp_path: Path
) -> None:
    layout = Layout(tmp_path / "layout")
    directory = layout.tag(layout.image([archive([member("f", content=b"x")])], config={"User": "7"}))
    for name in ("first:1", "second:1"):
        push(registry, directory, name)
        daemon.cli("image", "pull", f"{registry.address}/{name}")
    first, second = (f"{registry.address}/{name}:1" for name in ("first", "second"))
    assert inspected(daemon, first)["references"] == [first, second]
    assert daemon.cli("image", "rm", first).stdout == f"Untagged: {first}\n"
    image = inspected(daemon, second)
    assert (image["references"], image["config"]["User"], image["pinned"]) == ([second], "7", False)
    assert len(daemon.cli("image", "history", second).stdout.splitlines()) == 2
    assert f"Deleted: {image['id']} (" in daemon.cli("image", "rm", second).stdout
    assert daemon.cli("image", "inspect", second).stderr.startswith("Error from server (NotFound): ")


@pytest.mark.parametrize("form", ["squashfs", "directory"])
def test_no_container_can_write_to_a_layer(new_daemon: Callable[..., Daemon], form: str) -> None:
    if form == "squashfs" and not Path("/dev/loop-control").exists():
        pytest.skip("no loop devices here; shown on a machine (make test)")
    daemon = new_daemon(images={"layers": form})
    daemon.start()
    daemon.cli("image", "pull", "busybox")

    def content() -> str:
        files = sorted(path for path in (daemon.state / "images/layers").rglob("*") if path.is_file())
        return hashlib.sha256(b"".join(path.read_bytes() for path in files if not path.is_symlink())).hexdigest()

    daemon.drop("other.yaml", pod("other", FOREVER))
    daemon.wait_running("other-lab")
    before = content()
    script = (
        "echo spoiled > /bin/busybox2; rm -f /etc/passwd; chmod 777 /etc; touch /bin/new; ln /bin/busybox /bin/hard; "
        "mount -o remount,rw / ; echo x >> /bin/hard; echo done"
    )
    assert "done" in seen(daemon, script, securityContext={"privileged": True})
    assert content() == before
    other = daemon.cli("exec", "other", "--", "sh", "-c", "ls -d /bin/new /bin/hard /etc/passwd 2>&1; true").stdout
    assert other.splitlines()[-1] == "/etc/passwd"
    assert other.count("No such file") == 2
    # Also where it is mounted for all of them, nobody writes, not even the host's root.
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    points = [Path(each) for each in mounted if each.startswith(f"{daemon.runtime}/layers/")]
    assert points
    for point in points:
        touched = subprocess.run(["touch", str(point / "x")], capture_output=True, check=False, text=True)
        assert "Read-only file system" in touched.stderr

"""Volumes as containers see them: emptyDir, hostPath of every type, and how they are mounted."""

from __future__ import annotations

import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import client
from tests.integration.crash_kit import until
from tests.integration.fakehost import FakeHost
from tests.integration.harness import FOREVER, Daemon, pod, reasons, waiting

pytestmark = pytest.mark.integration


def with_volume(
    name: str, *scripts: str, volume: dict[str, Any], mount: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    """A pod whose containers all mount one volume at /v."""
    manifest = pod(name, *scripts, volumes=[{"name": "v", **volume}], restartPolicy="Never", **spec)
    for container in manifest["spec"]["containers"]:
        container["volumeMounts"] = [{"name": "v", "mountPath": "/v", **(mount or {})}]
    return manifest


def seen(node: Daemon, script: str, **volume: Any) -> str:
    """What a script prints in a container with a volume at /v."""
    name = f"look{len(node.pods())}"
    node.drop(f"{name}.yaml", with_volume(name, script, **volume))
    node.wait_phase(f"{name}-lab", "Succeeded")
    return node.said(f"{name}-lab")


@pytest.fixture
def place(shared_host: FakeHost) -> Path:
    """A directory on a shared mount of the host."""
    return Path(tempfile.mkdtemp(dir=shared_host.root))


def test_an_empty_dir_is_shared_and_outlives_its_containers(node: Daemon) -> None:
    writer = "echo x >> /v/lines; [ $(wc -l < /v/lines) -ge 2 ] && sleep 1000; exit 1"
    manifest = with_volume("dir", writer, FOREVER, volume={"emptyDir": {}})
    manifest["spec"]["restartPolicy"] = "Always"
    node.drop("dir.yaml", manifest)
    node.wait_container(
        "dir-lab", lambda status: status["restartCount"] == 1 and "running" in status["state"], what="again"
    )
    node.wait_running("dir-lab")
    uid = node.pods()["dir-lab"]["metadata"]["uid"]
    directory = node.state / "pods" / uid / "volumes/kubernetes.io~empty-dir/v"
    until(lambda: (directory / "lines").read_text() == "x\nx\n", "the second attempt has written below the first")
    assert node.cli("exec", "dir", "-c", "c1", "--", "cat", "/v/lines").stdout == "x\nx\n"
    assert oct(directory.stat().st_mode & 0o7777) == "0o777"
    node.remove("dir.yaml")
    node.wait_gone("dir-lab")
    assert not directory.exists()


def test_an_empty_dir_in_memory_and_its_size(node: Daemon) -> None:
    size, fill = "df -k /v | tail -1 | tr -s ' ' | cut -d' ' -f1,2", "dd if=/dev/zero of=/v/x bs=1M count=4 2>&1"
    memory = {"emptyDir": {"medium": "Memory", "sizeLimit": "2Mi"}}
    assert seen(node, f"{size}; {fill} | grep -o 'No space left'", volume=memory) == "tmpfs 2048\nNo space left\n"


@pytest.mark.loop
@pytest.mark.everywhere
def test_an_empty_dir_on_disk_is_held_to_its_size(node: Daemon) -> None:
    script = "dd if=/dev/zero of=/v/x bs=1M count=9 2>&1 | grep -o 'No space left'"
    assert seen(node, script, volume={"emptyDir": {"sizeLimit": "8Mi"}}) == "No space left\n"


def test_read_only_means_read_only(node: Daemon) -> None:
    script = "touch /v/x 2>&1 | grep -o 'Read-only file system'"
    assert seen(node, script, volume={"emptyDir": {}}, mount={"readOnly": True}) == "Read-only file system\n"


@pytest.mark.parametrize(
    ("kind", "make", "script", "shown"),
    [
        ("", "directory", "ls /v", "inside\n"),
        ("Directory", "directory", "ls /v", "inside\n"),
        ("DirectoryOrCreate", None, "echo made > /v/made; stat -c %a /v", "755\n"),
        ("File", "file", "cat /v", "content\n"),
        ("FileOrCreate", None, "wc -c < /v; stat -c %a /v", "0\n644\n"),
        ("Socket", "socket", "test -S /v && echo socket", "socket\n"),
        ("CharDevice", "/dev/null", "test -c /v && echo device", "device\n"),
    ],
)
def test_host_paths(node: Daemon, place: Path, kind: str, make: str | None, script: str, shown: str) -> None:
    path = place / "path"
    match make:
        case "directory":
            path.mkdir()
            (path / "inside").touch()
        case "file":
            path.write_text("content\n")
        case "socket":
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(path))
        case str():
            path = Path(make)
    assert seen(node, script, volume={"hostPath": {"path": str(path), "type": kind}}) == shown
    assert path.exists()


@pytest.mark.parametrize(
    ("kind", "make", "words"),
    [
        ("Directory", None, "does not exist (type Directory)"),
        ("File", "directory", "is not a file (type File)"),
        ("Socket", "file", "is not a socket (type Socket)"),
    ],
)
def test_a_host_path_of_another_kind_is_waited_for(
    node: Daemon, place: Path, kind: str, make: str | None, words: str
) -> None:
    path = place / "path"
    if make == "directory":
        path.mkdir()
    elif make == "file":
        path.touch()
    name = f"wants-{kind.lower()}"
    node.drop("host.yaml", with_volume(name, "echo here", volume={"hostPath": {"path": str(path), "type": kind}}))
    with client.watch(node.socket, "/events?watch=1", timeout_s=10) as changes:
        told = next(
            change["object"]["message"]
            for change in changes
            if change["object"]["reason"] == "FailedMount"
            and change["object"]["involvedObject"]["name"] == f"{name}-lab"
        )
    assert told == f'cannot prepare the pod\'s volumes: volume "v": hostPath type check failed: {path} {words}'
    assert waiting(node.wait_container(f"{name}-lab", waiting, what="waiting")) == "ContainerCreating"
    if kind == "Directory":
        path.mkdir()
        node.wait_phase(f"{name}-lab", "Succeeded")


def test_a_sub_path_is_what_is_seen(node: Daemon, place: Path) -> None:
    (place / "a/b").mkdir(parents=True)
    (place / "a/b/file").write_text("deep\n")
    volume = {"hostPath": {"path": str(place)}}
    assert seen(node, "ls /v; cat /v/file", volume=volume, mount={"subPath": "a/b"}) == "file\ndeep\n"
    assert seen(node, "touch /v/x; ls /v", volume=volume, mount={"subPath": "made/here"}) == "x\n"
    assert (place / "made/here/x").exists()


@pytest.mark.everywhere
def test_a_sub_path_leads_through_no_link_to_the_host(node: Daemon, place: Path) -> None:
    (place / "out").symlink_to("/etc")
    node.drop(
        "sub.yaml",
        with_volume("sub", "cat /v/shadow", volume={"hostPath": {"path": str(place)}}, mount={"subPath": "out"}),
    )
    status = node.wait_container(
        "sub-lab", lambda status: waiting(status) == "CreateContainerConfigError", what="refused"
    )
    assert "out" in status["state"]["waiting"]["message"]
    assert "Started" not in reasons(node.events(), "sub-lab")


@pytest.fixture
def mounted(place: Path) -> Iterator[Path]:
    """Where the host mounts something after the container has started."""
    target = place / "later"
    target.mkdir()
    yield target
    subprocess.run(["umount", "--lazy", target], check=False, capture_output=True)


@pytest.mark.parametrize(("propagation", "arrives"), [("None", False), ("HostToContainer", True)])
def test_what_the_host_mounts_later(node: Daemon, place: Path, mounted: Path, propagation: str, arrives: bool) -> None:
    manifest = with_volume(
        "late", FOREVER, volume={"hostPath": {"path": str(place)}}, mount={"mountPropagation": propagation}
    )
    node.drop("late.yaml", manifest)
    node.wait_running("late-lab")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "late", mounted], check=True)
    (mounted / "new").write_text("here\n")
    shown = node.cli("exec", "late", "--", "sh", "-c", "cat /v/later/new 2>/dev/null")
    assert shown.stdout == ("here\n" if arrives else "")


def test_a_volume_of_one_pod_is_not_anothers(node: Daemon) -> None:
    node.drop("one.yaml", with_volume("one", f"echo mine > /v/x; echo up; {FOREVER}", volume={"emptyDir": {}}))
    node.wait_said("one-lab", "up")
    assert seen(node, "ls -A /v", volume={"emptyDir": {}}) == ""

"""runc, conmon, cgroups, mounts and namespaces on the real kernel, without the daemon: a container is a directory."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hostpod.host import mount as mounting
from hostpod.host.cgroup import CgroupError, Cgroups
from hostpod.host.conmon import Conmon, ConmonError, ContainerRefusedError, was_oom_killed
from hostpod.host.mount import bind, mount, mounts_under, overlay, overlay_by_descriptor, unmount, unmount_under
from hostpod.host.namespaces import NamespaceError, inside, make, of_process
from hostpod.host.pause import make_pause_root, remove_pause_root
from hostpod.host.pids import start_ticks
from hostpod.host.privileges import Privileges, find_privileges
from hostpod.host.runc import Runc, RuncError
from hostpod.host.sealed import sealed_copy
from hostpod.host.store import StoreError, remove_tree
from hostpod.host.strays import end_strays
from hostpod.kube import Pod
from hostpod.oci import ImageDefaults, SandboxPaths, User, container_spec, pause_spec, pod_limits, qos_class
from lab.debian import unpacked_program
from lab.place import patient

pytestmark = pytest.mark.integration

UID = "0123456789abcdef0123456789abcdef"
WAIT_S = 10.0


class Place:
    """A runtime of the test's own: runc's root, conmon's directories, a cgroup root, and a busybox to run."""

    def __init__(self, directory: Path, runc: str) -> None:
        self.directory = directory
        self.runc = Runc(binary=runc, root=directory / "runc")
        self.conmon = Conmon(
            binary="conmon",
            runc=runc,
            runc_root=directory / "runc",
            exit_dir=directory / "exits",
            socket_dir=directory / "attach",
        )
        self.cgroups = Cgroups.detect(f"hp-runtime-{os.getpid()}")
        self.privileges: Privileges = find_privileges(
            cgroup_v2=self.cgroups.layout.version == "v2", controllers=self.cgroups.controllers
        )
        self.sandbox = SandboxPaths()
        self.rootfs = directory / "rootfs"
        _busybox(self.rootfs)

    def cgroup(self, pod: Pod) -> str:
        return self.cgroups.pod_path(qos_class(pod), UID)

    def spec(self, pod: Pod, cid: str) -> dict[str, Any]:
        return container_spec(
            pod=pod,
            container=pod.spec.containers[0],
            image=ImageDefaults(),
            variables={},
            sandbox=self.sandbox,
            mounts=(),
            user=User(),
            cgroups_path=f"{self.cgroup(pod)}/{cid}",
            rootfs=str(self.rootfs),
            privileges=self.privileges,
        )

    async def create(self, pod: Pod, cid: str) -> int:
        self.cgroups.create_pod(self.cgroup(pod), pod_limits(pod))
        bundle = self.bundle(cid)
        bundle.mkdir(exist_ok=True)
        (bundle / "config.json").write_text(json.dumps(self.spec(pod, cid)))
        return await self.conmon.create(
            cid,
            bundle=bundle,
            log_path=bundle / "log",
            pid_file=bundle / "pid",
            conmon_pid_file=bundle / "conmon.pid",
            name="main",
        )

    async def run(self, pod: Pod, cid: str = "c1") -> int:
        """Create, start, wait for the end: the exit code."""
        await self.create(pod, cid)
        await self.runc.start(cid)
        return await self.ended(cid)

    async def ended(self, cid: str) -> int:
        await until(lambda: self.conmon.exit_code(cid) is not None)
        code = self.conmon.exit_code(cid)
        assert code is not None
        return code

    def bundle(self, cid: str) -> Path:
        return self.directory / cid

    def log(self, cid: str = "c1") -> list[str]:
        return (self.bundle(cid) / "log").read_text().splitlines()

    def monitor(self, cid: str) -> int:
        return int((self.bundle(cid) / "conmon.pid").read_text())

    async def clean(self) -> None:
        for cid in self.runc.list_ids():
            await self.runc.delete(cid, force=True)
            self.conmon.forget(cid)
        for found in self.cgroups.list_pods():
            self.cgroups.kill_all(found.path)
            self.cgroups.remove_pod(found.path)
        self.cgroups.close()

    def left(self) -> list[str]:
        """What is still there of containers, by every way of looking."""
        found = [str(path) for path in mounts_under(self.directory)]
        found += list(self.runc.list_ids())
        for directory in (self.conmon.exit_dir, self.conmon.socket_dir):
            found += [str(path) for path in directory.iterdir()] if directory.exists() else []
        for hierarchy in self.cgroups.layout.hierarchies:
            if (hierarchy / self.cgroups.root.lstrip("/")).exists():
                found.append(f"cgroup in {hierarchy}")
        return found


def _busybox(root: Path) -> None:
    (root / "bin").mkdir(parents=True)
    shutil.copy(unpacked_program("busybox", package="busybox-static"), root / "bin" / "busybox")
    for applet in ("sh", "sleep", "cat", "grep", "hostname", "readlink", "true"):
        (root / "bin" / applet).symlink_to("busybox")


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + patient(WAIT_S)
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.005)


def go(work: Awaitable[Any]) -> Any:
    async def body() -> Any:
        return await work

    return asyncio.run(body())


def gone(pid: int) -> bool:
    return start_ticks(pid) is None


def pod(script: str, **container: Any) -> Pod:
    fields = {"name": "main", "image": "busybox", "command": ["/bin/sh", "-c", script], **container}
    spec = {"containers": [fields], "nodeName": "lab"}
    return Pod.model_validate({"metadata": {"name": "web", "namespace": "default", "uid": UID}, "spec": spec})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with sealed_copy(shutil.which("runc") or "") as runc:
        made = Place(tmp_path, runc)
        try:
            yield made
        finally:
            go(made.clean())
            unmount_under(tmp_path)
    assert made.left() == []


# Containers under conmon


@pytest.mark.everywhere
def test_a_container_runs_logs_and_ends(place: Place) -> None:
    assert go(place.run(pod("echo out; echo err >&2; printf half; exit 3"))) == 3
    lines = [line.split(" ", 3) for line in place.log()]
    assert sorted((stream, tag, text) for _, stream, tag, text in lines) == [
        ("stderr", "F", "err"),
        ("stdout", "F", "out"),
        ("stdout", "P", "half"),
    ]
    assert not was_oom_killed(place.bundle("c1"))


def test_created_running_and_stopped_are_told_apart(place: Place) -> None:
    async def story() -> None:
        pid = await place.create(pod("exec sleep 60"), "c1")
        created = await place.runc.state("c1")
        assert created is not None
        assert (created.status, created.pid, created.bundle) == ("created", pid, place.bundle("c1"))
        await place.runc.start("c1")
        assert (found := await place.runc.state("c1")) is not None
        assert found.status == "running"
        await place.runc.kill("c1", signal.SIGKILL)
        assert await place.ended("c1") == 137
        assert (found := await place.runc.state("c1")) is not None
        assert found.status == "stopped"
        await place.runc.delete("c1")
        assert await place.runc.state("c1") is None
        await place.runc.delete("c1")
        place.conmon.forget("c1")

    go(story())


def test_what_cannot_be_started_is_said(place: Place) -> None:
    async def story() -> None:
        await place.create(pod("exec sleep 60"), "c1")
        await place.runc.start("c1")
        with pytest.raises(RuncError, match=r"^cannot start c1: cannot start an already running container$"):
            await place.runc.start("c1")
        pid = await place.create(pod("exec sleep 60"), "c2")
        os.kill(pid, signal.SIGKILL)
        assert await place.ended("c2") == 137
        with pytest.raises(RuncError, match=r"^cannot start c2: cannot start a container that has stopped$"):
            await place.runc.start("c2")
        with pytest.raises(RuncError, match=r"^cannot start c3: container does not exist$"):
            await place.runc.start("c3")

    go(story())


def test_without_its_fifo_a_container_is_started_by_runc(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hostpod.host.runc.FIFO", "of another version")
    assert go(place.run(pod("exit 4"))) == 4


def test_the_process_has_what_the_spec_says_and_nothing_of_ours(place: Place) -> None:
    script = "grep -E '^(Cap|NoNew)' /proc/self/status; ls /proc/self/fd; hostname; cat /proc/self/cgroup; exec env"
    shown = pod(script.replace("ls", "busybox ls").replace("env", "busybox env"))
    os.environ["SECRET_OF_THE_DAEMON"] = "1"
    leaked = os.open("/", os.O_RDONLY)
    os.set_inheritable(leaked, True)
    try:
        assert go(place.run(shown)) == 0
    finally:
        del os.environ["SECRET_OF_THE_DAEMON"]
        os.close(leaked)
    text = [line.split(" ", 3)[3] for line in place.log()]
    assert "CapBnd:\t00000000000005fb" in text
    assert {"CapInh:\t0000000000000000", "CapAmb:\t0000000000000000"} <= set(text)
    assert [line for line in text if line.isdigit()] == ["0", "1", "2", "3"], "stdio, and what ls opens"
    assert any(line.endswith(":/") for line in text), "the cgroup namespace hides the host's path"
    assert not any("SECRET" in line or "GOMAXPROCS" in line for line in text)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["no-such-program"], 'exec: "no-such-program": executable file not found in $PATH'),
        (["/bin"], 'exec: "/bin": permission denied'),
        (["/nowhere/x"], 'exec: "/nowhere/x": stat /nowhere/x: no such file or directory'),
    ],
)
def test_a_program_that_cannot_run_is_the_container_s_fault(place: Place, command: list[str], words: str) -> None:
    with pytest.raises(ContainerRefusedError) as refused:
        go(place.run(pod("", command=command)))
    assert str(refused.value) == words


def test_runc_runs_as_it_is_where_it_cannot_be_copied(place: Place) -> None:
    place.runc.binary = place.conmon.runc = "runc"
    assert go(place.run(pod("exit 4"))) == 4


def test_a_spec_that_runc_refuses_is_not(place: Place) -> None:
    place.rootfs = place.directory / "nowhere"
    with pytest.raises(ConmonError, match=r"^cannot create the container: .*nowhere") as refused:
        go(place.run(pod("true")))
    assert not isinstance(refused.value, ContainerRefusedError)


@pytest.mark.controllers
@pytest.mark.everywhere
def test_memory_beyond_the_limit_is_seen(place: Place) -> None:
    greedy = pod("x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done", resources={"limits": {"memory": "16Mi", "cpu": "1"}})
    assert go(place.run(greedy)) == 137
    assert place.cgroups.oom_kills(f"{place.cgroup(greedy)}/c1") >= 1, "v2 kills the whole group, and counts each"
    assert was_oom_killed(place.bundle("c1"))


@pytest.mark.controllers
@pytest.mark.everywhere
def test_limits_reach_the_kernel(place: Place) -> None:
    limited = pod("exec sleep 60", resources={"limits": {"memory": "32Mi", "cpu": "500m"}})
    go(place.create(limited, "c1"))
    layout, below = place.cgroups.layout, f"{place.cgroup(limited)}/c1".lstrip("/")
    memory, cpu = layout.of("memory"), layout.of("cpu")
    assert memory is not None
    assert cpu is not None
    name, quota = ("memory.max", "cpu.max") if layout.version == "v2" else ("memory.limit_in_bytes", "cpu.cfs_quota_us")
    for each in (Path(below), Path(below).parent):
        assert int((memory / each / name).read_text()) == 32 << 20
        assert (cpu / each / quota).read_text().split()[0] == "50000"


def test_without_its_monitor_a_container_goes_on_and_can_be_removed(place: Place) -> None:
    async def story() -> None:
        pid = await place.create(pod("exec sleep 60"), "c1")
        await place.runc.start("c1")
        monitor = place.monitor("c1")
        os.kill(monitor, signal.SIGKILL)
        await until(lambda: gone(monitor))
        assert not gone(pid)
        assert place.conmon.exit_code("c1") is None
        await place.runc.delete("c1", force=True)
        assert gone(pid)
        place.conmon.forget("c1")

    go(story())


def test_a_cancelled_create_leaves_no_monitor(place: Place) -> None:
    async def story() -> None:
        creating = asyncio.ensure_future(place.create(pod("exec sleep 60"), "c1"))
        await until(lambda: (place.bundle("c1") / "conmon.pid").exists() and _number(place.bundle("c1")) > 0)
        monitor = place.monitor("c1")
        creating.cancel()
        with pytest.raises(asyncio.CancelledError):
            await creating
        await until(lambda: gone(monitor))
        await end_strays(place.runc.root, monitored=set())  # runc may outlive its monitor for a moment
        place.cgroups.kill_all(place.cgroup(pod("")))
        await place.runc.delete("c1", force=True)
        place.conmon.forget("c1")

    go(story())


def _number(bundle: Path) -> int:
    text = (bundle / "conmon.pid").read_text()
    return int(text) if text else 0


def test_a_command_runs_inside(place: Place) -> None:
    async def story() -> None:
        await place.create(pod("exec sleep 60"), "c1")
        await place.runc.start("c1")

    go(story())
    argv = place.runc.exec_argv("c1", argv=["/bin/sh", "-c", "echo $X; pwd; exit 7"], env=["X=1"], cwd="/bin")
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=patient(10))
    assert (done.returncode, done.stdout) == (7, "1\n/bin\n")


# The pause container and the namespaces


@pytest.fixture
def sandbox(place: Place) -> Iterator[Place]:
    held = make(hostname="web")
    place.sandbox = SandboxPaths(net=str(held.path("net")), ipc=str(held.path("ipc")), uts=str(held.path("uts")))
    try:
        yield place
    finally:
        go(place.clean())
        held.close()
        remove_pause_root(place.directory / "pause-root")


async def pause(place: Place, pod: Pod) -> int:
    root = make_pause_root("catatonit", place.directory / "pause-root")
    place.cgroups.create_pod(place.cgroup(pod), pod_limits(pod))
    bundle = place.bundle("pause")
    bundle.mkdir()
    spec = pause_spec(
        pod=pod,
        namespaces=place.sandbox,
        cgroups_path=f"{place.cgroup(pod)}/pause",
        rootfs=str(root),
        privileges=place.privileges,
    )
    (bundle / "config.json").write_text(json.dumps(spec))
    await place.runc.run_detached("pause", bundle, pid_file=bundle / "pid")
    return int((bundle / "pid").read_text())


def test_pause_holds_the_namespaces_and_may_do_nothing(sandbox: Place) -> None:
    async def story() -> None:
        pid = await pause(sandbox, pod("true"))
        proc = Path(f"/proc/{pid}")
        for kind, path in (("net", sandbox.sandbox.net), ("ipc", sandbox.sandbox.ipc), ("uts", sandbox.sandbox.uts)):
            assert path is not None
            assert (proc / "ns" / kind).stat().st_ino == _inode(path)
        status = (proc / "status").read_text()
        assert "CapBnd:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        assert "Uid:\t65535\t" in status
        assert _names(proc / "root") == ["catatonit", "dev", "proc"]
        await until(lambda: _open_files(proc) <= {"/dev/null", "anon_inode:[signalfd]"})  # runc's own until it is run
        with pytest.raises(OSError, match="Read-only"):
            (proc / "root" / "x").write_text("")
        await sandbox.runc.delete("pause", force=True)
        assert gone(pid)

    go(story())


def _inode(path: str) -> int:
    return Path(path).stat().st_ino


def _open_files(process: Path) -> set[str]:
    return {str(descriptor.readlink()) for descriptor in (process / "fd").iterdir()}


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_containers_share_the_pod_s_names_and_processes(sandbox: Place) -> None:
    async def story() -> None:
        subject = pod("hostname; readlink /proc/self/ns/net; cat /proc/1/comm")
        pid = await pause(sandbox, subject)
        sandbox.sandbox = replace(sandbox.sandbox, pid=f"/proc/{pid}/ns/pid")
        assert await sandbox.run(subject) == 0

    go(story())
    number = Path(sandbox.sandbox.net or "").stat().st_ino
    assert [line.split(" ", 3)[3] for line in sandbox.log()] == ["web", f"net:[{number}]", "catatonit"]


def test_a_pause_that_cannot_run_is_said(sandbox: Place) -> None:
    sandbox.sandbox = replace(sandbox.sandbox, net="/nowhere/net")
    with pytest.raises(RuncError, match=r"^cannot run pause: .*/nowhere/net"):
        go(pause(sandbox, pod("true")))


def test_the_pause_root_is_made_once_and_let_go(tmp_path: Path) -> None:
    root = make_pause_root("catatonit", tmp_path)
    try:
        first = (root / "catatonit").stat()
        assert make_pause_root("catatonit", tmp_path) == root
        assert (root / "catatonit").stat().st_ino == first.st_ino
        assert mounts_under(tmp_path) == [root]
    finally:
        remove_pause_root(tmp_path)
        remove_pause_root(tmp_path)
    assert mounts_under(tmp_path) == []


def test_namespaces_need_no_process_and_leave_nothing() -> None:
    own = {kind: Path(f"/proc/self/ns/{kind}").readlink() for kind in ("net", "ipc", "uts")}
    threads, descriptors = threading.active_count(), _descriptors()
    made = make(hostname="web")
    assert made.kinds == ("net", "ipc", "uts")
    assert inside(made.path("net"), _links) == ["lo"]
    in_them = ("nsenter", f"--net={made.path('net')}", f"--uts={made.path('uts')}", "--", "uname", "-n")
    assert subprocess.run(in_them, check=True, capture_output=True, text=True).stdout == "web\n"
    assert {kind: Path(f"/proc/self/ns/{kind}").readlink() for kind in own} == own
    for _ in range(2):
        made.close()
    assert (threading.active_count(), _descriptors()) == (threads, descriptors)


def test_namespaces_are_found_by_a_process_that_lives_in_them() -> None:
    made = make(("uts",))
    command = ("nsenter", f"--uts={made.path('uts')}", "--", "sh", "-c", "echo inside; read line")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as inhabitant:
        assert inhabitant.stdout
        assert inhabitant.stdout.readline() == b"inside\n"
        found = of_process(inhabitant.pid, ("uts",))
        assert found is not None
        assert found.path("uts").stat().st_ino == made.path("uts").stat().st_ino
        found.close()
    made.close()
    assert of_process(inhabitant.pid) is None


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _links() -> list[str]:
    lines = Path("/proc/thread-self/net/dev").read_text().splitlines()
    return [line.partition(":")[0].strip() for line in lines[2:] if line.partition(":")[0].strip() == "lo"]


def test_a_namespace_that_is_not_there_cannot_be_entered(tmp_path: Path) -> None:
    with pytest.raises(NamespaceError, match=r"cannot open network namespace .*: no such file or directory"):
        inside(tmp_path / "net", _links)


# Mounts


@pytest.fixture
def layers(tmp_path: Path) -> Iterator[Callable[[int], list[Path]]]:
    def make(count: int) -> list[Path]:
        made = [tmp_path / "layers, and: more" / f"{number:064d}" for number in range(count)]
        for number, layer in enumerate(made):
            layer.mkdir(parents=True)
            (layer / "same").write_text(str(number))
            (layer / f"file{number}").write_text("")
        for name in ("upper", "work", "target"):
            (tmp_path / name).mkdir()
        return made

    yield make
    unmount_under(tmp_path)


@pytest.mark.parametrize("count", [1, 3, 127])
@pytest.mark.parametrize("way", [overlay, overlay_by_descriptor])
def test_layers_lie_on_top_of_each_other(
    tmp_path: Path, layers: Callable[[int], list[Path]], count: int, way: Callable[..., None]
) -> None:
    lower, target = layers(count), tmp_path / "target"
    way(lower, tmp_path / "upper", tmp_path / "work", target, source="sha256:abc")
    assert len(_names(target)) == count + 1
    assert (target / "same").read_text() == "0", "the first is the topmost"
    (target / "new").write_text("")
    assert _names(tmp_path / "upper") == ["new"]
    assert [entry.source for entry in mounting.mounts() if entry.target == target] == ["sha256:abc"]
    unmount(target)
    unmount(target)
    assert mounts_under(tmp_path) == []


def test_a_missing_layer_is_said(tmp_path: Path, layers: Callable[[int], list[Path]]) -> None:
    lower = [*layers(80), tmp_path / "nowhere"]
    for way in (overlay, overlay_by_descriptor):
        with pytest.raises(OSError, match=r"cannot mount overlay on .*: no such file or directory"):
            way(lower, tmp_path / "upper", tmp_path / "work", tmp_path / "target")


def test_a_bind_shows_what_a_descriptor_holds(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "file").write_text("x")
    target.mkdir()
    descriptor = os.open(source, os.O_PATH)
    try:
        source.rename(tmp_path / "renamed")
        bind(descriptor, target, read_only=True, propagation="private")
        assert (target / "file").read_text() == "x"
        with pytest.raises(OSError, match="Read-only"):
            (target / "file").write_text("y")
        (tmp_path / "renamed" / "file").write_text("the source itself can be written")
    finally:
        os.close(descriptor)
        unmount(target)


def test_read_only_reaches_the_mounts_below_when_asked(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "below").mkdir(parents=True)
    target.mkdir()
    try:
        mount("tmpfs", source / "below", "tmpfs", data="size=64k")
        bind(source, target, read_only=True, recursive=True)
        with pytest.raises(OSError, match="Read-only"):
            (target / "below" / "file").write_text("")
        (source / "below" / "file").write_text("")
        assert mounts_under(target) == [target / "below", target]
    finally:
        unmount_under(tmp_path)


def test_a_tree_with_a_mount_in_it_is_not_removed(tmp_path: Path) -> None:
    theirs, tree = tmp_path / "theirs", tmp_path / "tree"
    theirs.mkdir()
    (theirs / "precious").write_text("")
    (tree / "volume").mkdir(parents=True)
    try:
        bind(theirs, tree / "volume")
        with pytest.raises(StoreError, match=r"cannot remove .*tree: something is mounted at or below volume"):
            remove_tree(tree)
    finally:
        unmount(tree / "volume")
    assert (theirs / "precious").exists()
    remove_tree(tree)


# Control groups


def test_a_pod_s_processes_are_listed_killed_and_removed(place: Place) -> None:
    async def story() -> None:
        subject = pod("sleep 60 & sleep 60 & exec sleep 60")
        path = place.cgroup(subject)
        await place.create(subject, "c1")
        await place.runc.start("c1")
        await until(lambda: len(place.cgroups.pids(path)) == 3)
        assert [found.uid for found in place.cgroups.list_pods()] == [UID]
        place.cgroups.kill_all(path)
        assert await place.ended("c1") == 137
        place.cgroups.remove_pod(path)
        assert place.cgroups.list_pods() == ()
        assert place.cgroups.pids(path) == ()
        assert place.cgroups.oom_kills(path) == 0

    go(story())


def test_a_cgroup_with_processes_is_not_removed(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hostpod.host.cgroup.REMOVAL_DEADLINE_S", 0.05)
    subject = pod("exec sleep 60")
    pid = go(place.create(subject, "c1"))
    with pytest.raises(CgroupError, match=rf"processes \[{pid}\] are in it"):
        place.cgroups.remove_pod(place.cgroup(subject))

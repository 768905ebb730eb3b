"""Volumes and pod files on a fake host: real mounts, limits and links, and nothing left of them."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from hostpod.host.mount import MountFlag, bind, mount, mounts_under, overlay, unmount
from hostpod.kube import Pod
from hostpod.volumes import PodFacts, PodVolumes, PreparedVolumes, VolumeError, VolumeMounted
from hostpod.volumes.sub_path import bind_sub_path
from lab.place import patient
from tests.integration.fakehost import FakeHost, run

pytestmark = pytest.mark.integration

MIB = 1024 * 1024
UID = "0123456789abcdef"
FACTS = PodFacts(hostname="web", nodename="web", addresses=("10.85.0.2",), memory_limit_bytes=None)


class Stage:
    """A pod's volumes on a fake host."""

    def __init__(self, host: FakeHost) -> None:
        self.state, self.runtime = host.directory("state"), host.directory("run")
        self.volumes = PodVolumes(
            state=self.state, runtime=self.runtime, claims=host.root / "claims", keys=self.state / "keys"
        )

    def prepare(self, pod: Pod, facts: PodFacts = FACTS) -> PreparedVolumes:
        return asyncio.run(self.volumes.prepare(pod, facts))

    def mounts(self, pod: Pod, facts: PodFacts = FACTS) -> dict[str, VolumeMounted]:
        found = self.volumes.container_mounts(pod.spec.containers[0], self.prepare(pod, facts), {})
        return {mounted.destination: mounted for mounted in found}

    def source(self, pod: Pod) -> Path:
        """The source of the one volume, mounted at /data."""
        return self.mounts(pod)["/data"].source

    def teardown(self) -> None:
        self.volumes.teardown(UID)
        assert mounts_under(self.state) == []
        assert mounts_under(self.runtime) == []
        left = [path for top in (self.state, self.runtime) for path in (top / UID).glob("*")]
        assert left == []


@pytest.fixture
def stage(host: FakeHost) -> Stage:
    return Stage(host)


def a_pod(volumes: Sequence[dict[str, Any]] = (), mounts: Sequence[dict[str, Any]] = (), **spec: Any) -> Pod:
    container = {"name": "main", "image": "busybox", "volumeMounts": list(mounts)}
    return Pod.model_validate(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web", "uid": UID},
            "spec": {"containers": [container], "volumes": list(volumes), **spec},
        }
    )


def with_data(volume: dict[str, Any], **mount: Any) -> Pod:
    return a_pod([{"name": "data", **volume}], [{"name": "data", "mountPath": "/data", **mount}])


def test_a_pod_without_volumes_has_its_files_and_leaves_nothing(stage: Stage) -> None:
    found = stage.mounts(a_pod())
    assert list(found) == ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/dev/shm"]
    assert found["/etc/hosts"].source.read_text().endswith("10.85.0.2\tweb\n")
    assert found["/etc/hostname"].source.read_text() == "web\n"
    shm = found["/dev/shm"].source
    assert shm.stat().st_mode & 0o7777 == 0o1777
    assert os.statvfs(shm).f_blocks * os.statvfs(shm).f_frsize == 64 * MIB
    assert not (stage.state / UID).exists()
    stage.teardown()
    stage.teardown()


def test_pod_files_cannot_fill_the_hosts_memory(stage: Stage) -> None:
    hosts = stage.mounts(a_pod())["/etc/hosts"].source
    with pytest.raises(OSError, match="No space left"):
        hosts.write_bytes(b"x" * 65 * MIB)
    stage.teardown()


def test_a_stub_resolver_of_the_host_gives_way_to_the_servers_behind_it(stage: Stage, host: FakeHost) -> None:
    stub = host.root / "resolv.conf"
    stub.write_text("nameserver 127.0.0.53\noptions edns0\nsearch example.org\n")
    bind(stub, Path("/etc/resolv.conf").resolve())
    mount("tmpfs", Path("/run"), "tmpfs", MountFlag.NONE)
    behind = Path("/run/systemd/resolve/resolv.conf")
    behind.parent.mkdir(parents=True)
    behind.write_text("nameserver 192.0.2.53\nsearch behind.example.org\n")
    text = stage.mounts(a_pod())["/etc/resolv.conf"].source.read_text()
    assert text == "search behind.example.org\nnameserver 192.0.2.53\n"
    stage.teardown()
    on_host = PodFacts(hostname="node", nodename="node", addresses=(), memory_limit_bytes=None)
    found = stage.mounts(a_pod(hostNetwork=True), on_host)
    assert found["/etc/resolv.conf"].source.read_text() == stub.read_text()
    hosts = found["/etc/hosts"].source.read_text()
    assert hosts == f"# Kubernetes-managed hosts file (host network).\n{Path('/etc/hosts').read_text()}"
    stage.teardown()


def test_a_volume_in_the_place_of_a_pod_file_wins_and_parents_come_first(stage: Stage) -> None:
    mounts = [
        {"name": "data", "mountPath": "/srv/a/b"},
        {"name": "data", "mountPath": "etc/hosts/", "subPath": "hosts"},
        {"name": "data", "mountPath": "/srv"},
    ]
    found = stage.mounts(a_pod([{"name": "data", "emptyDir": {}}], mounts))
    assert list(found) == ["/srv", "/etc/hostname", "/etc/resolv.conf", "/dev/shm", "/etc/hosts", "/srv/a/b"]
    assert found["/etc/hosts"].source.is_dir()
    stage.teardown()


def test_shared_memory_of_the_host(stage: Stage) -> None:
    assert stage.mounts(a_pod(hostIPC=True))["/dev/shm"].source == Path("/dev/shm")
    stage.teardown()
    assert Path("/dev/shm").is_dir()


def test_an_empty_dir_on_disk_lies_where_the_kubelet_has_it(stage: Stage) -> None:
    pod = with_data({"emptyDir": {}}, readOnly=True)
    mounted = stage.mounts(pod)["/data"]
    assert mounted.source == stage.state / UID / "volumes" / "kubernetes.io~empty-dir" / "data"
    assert (mounted.read_only, mounted.recursive, mounted.propagation) == (True, True, "private")
    assert mounted.source.stat().st_mode & 0o7777 == 0o777
    assert (stage.state / UID).stat().st_mode & 0o7777 == 0o750
    stage.teardown()


@pytest.mark.parametrize(
    "empty_dir", [{}, {"medium": "Memory"}, pytest.param({"sizeLimit": "8Mi"}, marks=pytest.mark.loop)]
)
def test_what_a_container_wrote_is_there_after_a_restart(stage: Stage, empty_dir: dict[str, str]) -> None:
    pod = with_data({"emptyDir": empty_dir})
    source = stage.source(pod)
    (source / "file").write_text("kept")
    source.chmod(0o700)
    found = stage.mounts(pod)
    found["/etc/hosts"].source.write_text("changed by a container")
    before = mounts_under(stage.state), mounts_under(stage.runtime)
    again = Stage.mounts(stage, pod)
    assert (again["/data"].source / "file").read_text() == "kept"
    assert source.stat().st_mode & 0o7777 == 0o700
    assert again["/etc/hosts"].source.read_text() == "changed by a container"
    assert (mounts_under(stage.state), mounts_under(stage.runtime)) == before
    stage.teardown()


@pytest.mark.skipif(
    not Path("/sys/kernel/mm/hugepages/hugepages-2048kB").exists(), reason="the kernel has no huge pages of 2 MiB"
)
@pytest.mark.parametrize("medium", ["HugePages", "HugePages-2Mi"])
def test_a_volume_of_huge_pages(stage: Stage, medium: str) -> None:
    volume = {"name": "data", "emptyDir": {"medium": medium, "sizeLimit": "4Mi"}}
    limits = {"memory": "64Mi", "hugepages-2Mi": "4Mi"}
    mounts = [{"name": "data", "mountPath": "/data"}]
    source = stage.source(a_pod([volume], mounts, resources={"limits": limits}))
    (entry,) = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines() if f" {source} " in line)
    assert entry[2] == "hugetlbfs"
    assert {"pagesize=2M", f"size={4 * MIB}", "mode=777"} <= set(entry[3].split(","))
    stage.teardown()
    with pytest.raises(VolumeError, match=f'volume "data": medium {medium}: no container'):
        stage.prepare(a_pod([volume], mounts))
    stage.teardown()


def fill(directory: Path) -> int:
    """Write until there is no space left; how many octets that were."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left on device"):
        file.writelines(itertools.repeat(b"x" * 65536))
    return filler.stat().st_size


@pytest.mark.parametrize(
    ("size_limit", "pod_limit", "expected"),
    [("8Mi", None, 8 * MIB), (None, 4 * MIB, 4 * MIB), ("8Mi", 4 * MIB, 4 * MIB)],
)
def test_a_volume_in_memory_has_its_size(
    stage: Stage, size_limit: str | None, pod_limit: int | None, expected: int
) -> None:
    pod = with_data({"emptyDir": {"medium": "Memory", **({"sizeLimit": size_limit} if size_limit else {})}})
    facts = PodFacts(hostname="web", nodename="web", addresses=("10.85.0.2",), memory_limit_bytes=pod_limit)
    source = stage.mounts(pod, facts)["/data"].source
    assert source.stat().st_mode & 0o7777 == 0o777
    assert fill(source) == expected
    stage.teardown()


@pytest.mark.loop
@pytest.mark.parametrize("limit_mib", [1, 10, 300, 20480])
@pytest.mark.everywhere
def test_the_kernel_holds_a_volume_on_disk_to_its_size(stage: Stage, limit_mib: int) -> None:
    source = stage.source(with_data({"emptyDir": {"sizeLimit": f"{limit_mib}Mi"}}))
    assert list(source.iterdir()) == []
    assert source.stat().st_mode & 0o7777 == 0o777
    free = os.statvfs(source)
    assert limit_mib * MIB <= free.f_bavail * free.f_frsize <= limit_mib * MIB * 1.05 + MIB
    if limit_mib <= 10:
        assert fill(source) >= limit_mib * MIB * 0.99
    image = source.with_name(".data.ext4")
    assert image.stat().st_blocks * 512 < max(limit_mib, 3) * MIB * 1.2
    stage.teardown()
    assert str(stage.state) not in run("losetup", "--list", "--output", "BACK-FILE")


@pytest.mark.loop
def test_a_limit_that_cannot_be_held_is_not_ignored(stage: Stage, host: FakeHost) -> None:
    bind(Path("/dev/null"), Path("/dev/loop-control"))
    with pytest.raises(VolumeError) as error:
        stage.prepare(with_data({"emptyDir": {"sizeLimit": "8Mi"}}))
    assert str(error.value).startswith(
        'volume "data": its sizeLimit cannot be held on this host: cannot get a loop device'
    )
    assert str(error.value).endswith("leave it out, or use medium: Memory")
    stage.teardown()


@pytest.mark.loop
def test_a_half_formatted_volume_of_a_crash_is_made_anew(stage: Stage) -> None:
    own = stage.state / UID / "volumes" / "kubernetes.io~empty-dir"
    own.mkdir(parents=True)
    (own / ".data.new").write_bytes(b"half an ext4")
    source = stage.source(with_data({"emptyDir": {"sizeLimit": "8Mi"}}))
    (source / "file").write_text("works")
    stage.teardown()


def test_a_host_path_that_is_not_as_claimed_names_the_volume(stage: Stage) -> None:
    with pytest.raises(VolumeError) as error:
        stage.prepare(with_data({"hostPath": {"path": "/etc/hostname", "type": "Directory"}}))
    assert str(error.value) == (
        'volume "data": hostPath type check failed: /etc/hostname is not a directory (type Directory)'
    )


def test_a_host_path_is_mounted_as_it_is_and_survives_the_pod(stage: Stage, host: FakeHost) -> None:
    data = host.directory("srv")
    (data / "file").write_text("the host's")
    pod = with_data({"hostPath": {"path": str(data), "type": "Directory"}}, readOnly=True)
    mounted = stage.mounts(pod)["/data"]
    assert (mounted.source, mounted.read_only) == (data, True)
    stage.teardown()
    assert (data / "file").read_text() == "the host's"


def test_a_block_device_and_a_character_device(stage: Stage, host: FakeHost) -> None:
    os.mknod(host.root / "block", 0o060600, os.makedev(7, 0))
    os.mknod(host.root / "char", 0o020600, os.makedev(1, 3))
    for name, type_ in (("block", "BlockDevice"), ("char", "CharDevice")):
        assert stage.source(with_data({"hostPath": {"path": str(host.root / name), "type": type_}}))


def test_a_sub_path_shows_that_part_and_no_later_link_redirects_it(stage: Stage, host: FakeHost) -> None:
    pod = with_data({"emptyDir": {}}, subPath="a/b")
    mounted = stage.mounts(pod)["/data"]
    assert mounted.source == stage.runtime / UID / "volume-subpaths" / "main" / "0"
    volume = stage.state / UID / "volumes" / "kubernetes.io~empty-dir" / "data"
    assert (volume / "a" / "b").stat().st_mode & 0o7777 == 0o777
    (volume / "a" / "b" / "file").write_text("inside")
    (volume / "a").rename(volume / "moved")
    (volume / "a").symlink_to(host.directory("secrets"))
    assert (mounted.source / "file").read_text() == "inside"
    (volume / "a").unlink()
    (volume / "moved").rename(volume / "a")
    assert (stage.mounts(pod)["/data"].source / "file").read_text() == "inside"
    assert len(mounts_under(mounted.source)) == 1
    stage.teardown()


def test_a_sub_path_may_be_a_file_and_may_change_its_kind(stage: Stage) -> None:
    pod = with_data({"emptyDir": {}}, subPath="thing")
    volume = stage.prepare(pod).sources["data"]
    (volume / "thing").write_text("a file")
    assert stage.source(pod).read_text() == "a file"
    (volume / "thing").unlink()
    (volume / "thing").mkdir()
    assert stage.source(pod).is_dir()
    stage.teardown()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("/etc", "a symbolic link leads out of the volume"),
        ("../../..", "a symbolic link leads out of the volume"),
        ("nothing", "a symbolic link leads to nothing"),
        ("link", "its symbolic links go round in a circle"),
    ],
)
def test_a_sub_path_that_leads_elsewhere_is_refused(stage: Stage, target: str, said: str) -> None:
    pod = with_data({"emptyDir": {}}, subPath="link")
    (stage.prepare(pod).sources["data"] / "link").symlink_to(target)
    with pytest.raises(VolumeError) as error:
        stage.mounts(pod)
    assert str(error.value) == f'volume "data": subPath "link": {said}'
    stage.teardown()


# What a container that is after the host's files does, as fast as it can, to the sub path that another one asks for.
ATTACKER = """
import itertools, os, sys
os.chdir(sys.argv[1])
print("ready", flush=True)
numbers = itertools.count()
for other in itertools.cycle(("good", "evil", "up")):
    while os.path.lexists(other):
        try:
            os.rename(other, "a")
        except OSError:  # the one who is attacked has made a directory there
            os.rename("a", f"made{next(numbers)}")
    os.rename("a", other)
"""


def test_a_racing_attacker_is_never_shown_the_host(stage: Stage, host: FakeHost) -> None:
    secret = host.directory("secret")
    (secret / "b").mkdir()
    (secret / "b" / "shadow").touch()
    pod = with_data({"hostPath": {"path": str(host.directory("shared"))}}, subPath="a/b")
    volume = Path(pod.spec.volumes[0].host_path.path if pod.spec.volumes[0].host_path else "")
    (volume / "good" / "b").mkdir(parents=True)
    (volume / "good" / "b" / "own").touch()
    (volume / "evil").symlink_to(secret)
    (volume / "up").symlink_to("../secret")
    prepared = stage.prepare(pod)
    argv = [sys.executable, "-c", ATTACKER, str(volume)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as attacker:
        try:
            assert attacker.stdout is not None
            assert attacker.stdout.readline() == b"ready\n"
            for _ in range(500):
                try:
                    found = stage.volumes.container_mounts(pod.spec.containers[0], prepared, {})
                except VolumeError:
                    continue  # a link that leads out stood there at this moment
                (place,) = [mounted.source for mounted in found if mounted.destination == "/data"]
                assert {path.name for path in place.iterdir()} <= {"own"}
            assert attacker.poll() is None, "it was at work all the time"
        finally:
            attacker.kill()
    assert [path.name for path in (secret / "b").iterdir()] == ["shadow"], "nothing was made there either"
    stage.teardown()


@pytest.mark.parametrize("name", ["..", "../secret", "a/../../secret", "/etc"])
def test_a_sub_path_that_climbs_is_refused_whoever_let_it_through(stage: Stage, host: FakeHost, name: str) -> None:
    (host.directory("volume") / "a").mkdir()
    with pytest.raises(VolumeError, match="a symbolic link leads out of the volume"):
        bind_sub_path(host.root / "volume", name, host.root / "place")
    pod = with_data({"emptyDir": {}}, subPathExpr="$(WHERE)")
    with pytest.raises(VolumeError, match="leads out of the volume"):
        stage.volumes.container_mounts(pod.spec.containers[0], stage.prepare(pod), {"WHERE": name})
    stage.teardown()


def test_a_sub_path_of_a_file_is_refused(stage: Stage) -> None:
    with pytest.raises(VolumeError, match='volume "data": subPath "x": a part of it is not a directory'):
        stage.mounts(with_data({"hostPath": {"path": "/etc/hostname"}}, subPath="x"))


@pytest.mark.parametrize("empty_dir", [{}, {"medium": "Memory"}])
def test_what_a_container_mounts_on_a_bidirectional_volume_is_seen_and_goes_with_the_pod(
    stage: Stage, empty_dir: dict[str, str]
) -> None:
    pod = with_data({"emptyDir": empty_dir}, mountPropagation="Bidirectional")
    mounted = stage.mounts(pod)["/data"]
    assert mounted.propagation == "shared"
    script = (
        f"mkdir -p {mounted.source}/sub && mount -t tmpfs of-a-container {mounted.source}/sub "
        f"&& touch {mounted.source}/sub/file"
    )
    subprocess.run(
        ["unshare", "--mount", "--propagation=unchanged", "sh", "-c", script], check=True, timeout=patient(10)
    )
    assert (mounted.source / "sub" / "file").exists()
    assert len(stage.prepare(pod).sources) == 1
    stage.teardown()


def test_what_is_mounted_below_a_volume_is_not_emptied(stage: Stage, host: FakeHost) -> None:
    source = stage.source(with_data({"emptyDir": {}}))
    precious = host.directory("precious")
    (precious / "file").write_text("not the pod's")
    (source / "sub").mkdir()
    bind(precious, source / "sub")
    (source / "link").symlink_to(precious)
    stage.teardown()
    assert (precious / "file").read_text() == "not the pod's"


def test_a_host_path_whose_mount_does_not_propagate_is_refused(stage: Stage, host: FakeHost) -> None:
    private = host.directory("private")
    mount("x", private, "tmpfs")
    run("mount", "--make-private", str(private))
    pod = with_data({"hostPath": {"path": str(private)}}, mountPropagation="HostToContainer")
    with pytest.raises(VolumeError) as error:
        stage.prepare(pod)
    assert str(error.value) == (
        f'volume "data": hostPath {private} is on mount {private}, which is not shared or a slave as its '
        f"mountPropagation needs; mount --make-shared {private} makes it so"
    )
    run("mount", "--make-shared", str(private))
    assert stage.mounts(pod)["/data"].propagation == "slave"
    unmount(private)
    stage.teardown()


def test_nfs_is_mounted_once_and_nothing_on_the_server_goes_with_the_pod(stage: Stage, host: FakeHost) -> None:
    """No server is here: the helper that mount(8) calls shows a directory instead."""
    export = host.directory("export")
    (export / "file").write_text("the server's")
    helper = host.directory("upper") / "mount.nfs"
    helper.write_text(f'#!/bin/sh\necho "$@" >>{host.root}/calls\nexec mount --bind {export} "$2"\n')
    helper.chmod(0o755)
    programs = Path("/sbin").resolve()
    overlay([programs], host.root / "upper", host.directory("work"), programs)
    pod = with_data({"nfs": {"server": "2001:db8::1", "path": "/srv", "readOnly": True}}, subPath="made")
    mounted = stage.mounts(pod)["/data"]
    assert mounted.read_only
    place = stage.runtime / UID / "volumes" / "kubernetes.io~nfs" / "data"
    assert stage.prepare(pod).sources["data"] == place
    assert (host.root / "calls").read_text() == f"[2001:db8::1]:/srv {place} -o ro\n", "mounted once"
    (mounted.source / "x").write_text("written")
    stage.teardown()
    assert (export / "file").read_text() == "the server's"
    assert (export / "made" / "x").read_text() == "written"
    helper.write_text('#!/bin/sh\necho "mount.nfs: access denied by server" >&2\nexit 32\n')
    with pytest.raises(VolumeError, match=r'volume "data": cannot mount it: mount .*access denied by server'):
        stage.prepare(pod)
    stage.teardown()


@pytest.mark.parametrize("uid", ["", ".", "..", "a/b", "/etc"])
def test_a_uid_that_is_a_path_removes_nothing(stage: Stage, uid: str) -> None:
    with pytest.raises(VolumeError, match="cannot be the uid of a pod"):
        stage.volumes.teardown(uid)


def test_200_pods_leave_nothing(stage: Stage) -> None:
    before = Path("/proc/self/mountinfo").read_text()
    pod = with_data({"emptyDir": {"medium": "Memory"}}, subPath="a")
    for _ in range(200):
        stage.mounts(pod)
        stage.volumes.teardown(UID)
    assert Path("/proc/self/mountinfo").read_text() == before
    stage.teardown()

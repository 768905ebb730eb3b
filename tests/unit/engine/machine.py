"""A machine for the engine: real files and processes, and doors that are short classes over them. No root needed.

A container is `sleep`; its monitor is a shell that waits for it and leaves its exit code, as conmon does. A door that
is to refuse has the error put into `refusals`, by its verb (`ensure`, `create`, `attach` …).
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from hostpod.config import Config, ImagesConfig
from hostpod.engine.edges import Edges
from hostpod.engine.events import EventLog
from hostpod.engine.paths import Paths
from hostpod.host.cgroup import PodCgroup
from hostpod.host.clock import now
from hostpod.host.privileges import Privileges
from hostpod.images import Image, ImageConfig, ImageInUseError, Progress, PullSecret
from hostpod.images.index import ImageRecord, LayerRecord
from hostpod.images.uses import Use
from hostpod.network import Attachment, Bandwidth, PublishedPort
from hostpod.volumes import Claim
from hostpod.volumes.claims import claims_in

IMAGE = Image(
    id="sha256:1", references=("img",), repo_digests=(), layers=(), size_bytes=5, created="",
    config=ImageConfig(cmd=("sh",)),
)  # fmt: skip
MONITOR = 'sleep 1000 & echo $!; exec >/dev/null; wait $!; code=$?; echo $code > "$0.new"; mv "$0.new" "$0"'


class Machine:
    """What is on the machine, and the doors to it. Use it as a context manager: no process outlives it."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.paths = Paths(
            state=directory / "state",
            runtime=directory / "run",
            logs=directory / "logs",
            log_links=directory / "links",
            claims=directory / "claims",
        )
        daemons = (self.paths.exits, self.paths.attach, self.paths.runc)
        for path in (*daemons, self.paths.pods, self.paths.pod_states, self.paths.logs, self.paths.log_links):
            path.mkdir(parents=True)
        self.refusals: dict[str, BaseException] = {}
        self.containers: set[str] = set()
        self.monitors: list[subprocess.Popen[bytes]] = []
        self.cgroups: set[str] = set()
        self.oom_kills: dict[str, int] = {}
        self.attached: set[str] = set()
        self.ports: dict[str, frozenset[PublishedPort]] = {}
        self.bandwidth: dict[str, Bandwidth] = {}
        self.present: set[str] = {"img"}
        self.pulling: asyncio.Event | None = None
        self.shown: tuple[PullSecret, ...] = ()
        self.mounted: dict[Path, str] = {}
        self.deadlines: list[float] = []
        self.spare: list[Image] = []
        self.removed: list[str] = []
        self.uses: dict[str, Use] = {}
        self.told_of_new: list[Callable[[], None]] = []
        self.config = Config.model_validate({"nodeName": "host", **settings})

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *_: object) -> None:
        for monitor in self.monitors:
            with suppress(ProcessLookupError):
                os.killpg(monitor.pid, signal.SIGKILL)  # its container's process too
            monitor.wait()
            if monitor.stdout:
                monitor.stdout.close()

    def refuse(self, verb: str) -> None:
        """Raise what this verb is refused with, if it is."""
        if verb in self.refusals:
            raise self.refusals[verb]

    def edges(self) -> Edges:
        """The doors."""
        return Edges(
            config=self.config,
            paths=self.paths,
            runc=cast("Any", Runc(self)),
            conmon=cast("Any", Conmon(self)),
            cgroups=cast("Any", Cgroups(self)),
            images=cast("Any", Images(self)),
            network=cast("Any", Network(self)),
            volumes=cast("Any", Volumes(self)),
            events=EventLog(node="host", now=now),
            privileges=Privileges(),
            slots=asyncio.Semaphore(4),
        )

    def monitor(self, exit_file: Path) -> tuple[int, int]:
        """Start a container's process under a monitor; the pids of both."""
        monitor = subprocess.Popen(
            ["sh", "-c", MONITOR, str(exit_file)], stdout=subprocess.PIPE, start_new_session=True
        )
        self.monitors.append(monitor)
        assert monitor.stdout
        return int(monitor.stdout.readline()), monitor.pid

    def left(self) -> list[str]:
        """What is still there of any pod."""
        files = [
            str(p)
            for top in (self.paths.pods, self.paths.pod_states, self.paths.logs, self.paths.log_links)
            for p in top.iterdir()
        ]
        return [*files, *self.containers, *self.cgroups, *self.attached, *self.ports]


class Runc:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._released: dict[str, float] = {}

    async def run_detached(self, cid: str, bundle: Path, *, pid_file: Path, **_options: Any) -> None:
        self._machine.refuse("run_detached")
        pid, _ = self._machine.monitor(bundle / "unused")
        _write({pid_file: pid})
        self._machine.containers.add(cid)

    def note_created(self, cid: str) -> None:
        pass

    def released_at(self, cid: str) -> float | None:
        return self._released.get(cid)

    async def start(self, cid: str) -> None:
        self._machine.refuse("start")
        self._released[cid] = now()

    async def delete(self, cid: str, *, force: bool = False) -> None:
        self._machine.refuse("delete")
        self._machine.containers.discard(cid)

    def list_ids(self) -> tuple[str, ...]:
        return tuple(self._machine.containers)

    def exec_argv(self, cid: str, *, argv: Sequence[str], log: Path, tty: bool = False) -> list[str]:
        return list(argv)


class Conmon:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def create(self, cid: str, *, bundle: Path, log_path: Path, conmon_pid_file: Path, **_: Any) -> int:
        self._machine.refuse("create")
        pid, monitor = self._machine.monitor(self._machine.paths.exits / cid)
        _write({conmon_pid_file: monitor, log_path: "2026-01-01T00:00:00Z stdout F hello\n"})
        self._machine.containers.add(cid)
        return pid

    async def dismiss(self, cid: str, conmon_pid_file: Path) -> None:
        pass

    def forget(self, cid: str) -> None:
        (self._machine.paths.exits / cid).unlink(missing_ok=True)


class Cgroups:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def pod_path(self, qos: str, uid: str) -> str:
        return f"/test/{qos}/pod{uid}"

    def container_path(self, pod: str, cid: str) -> str:
        return f"{pod}/{cid}"

    def pause_path(self, pod: str) -> str:
        return f"{pod}/pause"

    def oci_path(self, path: str) -> str:
        return path

    def by_systemd(self, path: str) -> bool:
        return False

    def annotations(self, path: str, *, description: str) -> dict[str, str]:
        return {}

    def monitor_place(self, cid: str, **_: str) -> None:
        return None

    async def create_pod(self, path: str, limits: object, **_: object) -> None:
        self._machine.refuse("create_pod")
        self._machine.cgroups.add(path)

    async def list_pods(self) -> list[PodCgroup]:
        return [PodCgroup(uid=path.rpartition("/pod")[2], path=path) for path in self._machine.cgroups]

    async def remove(self, path: str) -> None:
        self._machine.refuse("remove_cgroup")
        self._machine.cgroups.discard(path)

    async def kill_all(self, path: str) -> None:
        pass

    def oom_kills(self, path: str) -> int:
        return self._machine.oom_kills.get(path, 0)


class Images:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def find(self, reference: str) -> Image | None:
        here = (image for image in self.list() if reference in (image.id, *image.references))
        return IMAGE if reference in self._machine.present else next(here, None)

    def list(self) -> tuple[Image, ...]:
        return tuple(image for image in (IMAGE, *self._machine.spare) if image.id not in self._machine.removed)

    def tell_of_new(self, told: Callable[[], None]) -> None:
        self._machine.told_of_new.append(told)

    def in_use(self) -> frozenset[str]:
        return frozenset()

    async def settled(self) -> None:
        pass

    async def free_loose(self) -> None:
        pass

    def record(self, image: Image) -> ImageRecord:
        layers = [LayerRecord(blob=each, blob_bytes=500, diff_id=each, size_bytes=1000) for each in image.layers]
        return ImageRecord(id=image.id, references=(), repo_digests=(), manifest="", layers=tuple(layers))

    def use(self, image: Image) -> Use:
        return self._machine.uses.get(image.id, Use(came=0.0, used=0.0))

    async def remove(self, image: Image, *, needed: Callable[[], bool]) -> int:
        self._machine.refuse("remove")
        if needed():
            raise ImageInUseError("it is needed")
        self._machine.removed.append(image.id)
        return 1000

    def reconfigure(self, config: ImagesConfig) -> None:
        self._machine.deadlines.append(config.pull_deadline_s)

    async def preloaded(self, reference: str) -> None:
        """Nothing comes from archives."""

    def is_at_hand(self, reference: str, _secrets: Sequence[PullSecret] = ()) -> bool:
        return reference in self._machine.present

    def pulling(self) -> int:
        return 0

    async def ensure(
        self,
        reference: str,
        *,
        policy: str,
        secrets: Sequence[PullSecret] = (),
        progress: Callable[[Progress], None] | None = None,
    ) -> Image:
        self._machine.shown = tuple(secrets)
        if self._machine.pulling is not None:
            await self._machine.pulling.wait()
        self._machine.refuse("ensure")
        if progress:
            progress(Progress(reference=reference, phase="done"))
        self._machine.present.add(reference)
        return IMAGE

    async def mount_rootfs(self, image: Image, *, upper: Path, work: Path, target: Path, **more: object) -> None:
        self._machine.refuse("mount_rootfs")

    async def unmount_rootfs(self, target: Path) -> None:
        self._machine.mounted.pop(target, None)

    async def mount_volume(self, image: Image, *, target: Path) -> None:
        self._machine.refuse("mount_volume")
        self._machine.mounted[target] = image.id

    def mounted(self, target: Path) -> str | None:
        return self._machine.mounted.get(target)


class Network:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def uplink_address(self) -> str:
        return "192.0.2.1"

    def uplink_addresses(self) -> tuple[str, ...]:
        return (self.uplink_address(),)

    def reserve(self, uid: str) -> Attachment:
        return Attachment(ip="10.0.0.2", prefix_len=16, gateway="10.0.0.1", mac="", mtu=1500, host_link=f"hp-{uid}")

    def find(self, uid: str) -> Attachment | None:
        return self.reserve(uid) if uid in self._machine.attached else None

    def joined(self) -> frozenset[str]:
        return frozenset(f"hp-{uid}" for uid in self._machine.attached)

    async def attach(self, uid: str, netns: Path, ports: Collection[PublishedPort], bandwidth: Bandwidth) -> Attachment:
        self._machine.refuse("attach")
        self._machine.attached.add(uid)
        self._machine.ports[uid] = frozenset(ports)
        self._machine.bandwidth[uid] = bandwidth
        return self.reserve(uid)

    async def limit(self, uid: str, netns: Path, bandwidth: Bandwidth) -> None:
        self._machine.refuse("limit")
        self._machine.bandwidth[uid] = bandwidth

    async def publish(self, ports: Mapping[str, Iterable[PublishedPort]]) -> None:
        self._machine.ports = {uid: frozenset(wanted) for uid, wanted in ports.items()}

    async def detach(self, uid: str) -> None:
        self._machine.attached.discard(uid)
        self._machine.ports.pop(uid, None)

    async def forget_except(self, uids: Collection[str]) -> None:
        self._machine.attached &= set(uids)


class Volumes:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    async def prepare(self, pod: object, facts: object) -> Mapping[str, Any]:
        self._machine.refuse("prepare")
        return {}

    async def public_keys(self) -> Mapping[str, Any]:
        self._machine.refuse("public_keys")
        return {"keys": []}

    def container_mounts(self, container: object, prepared: object, variables: object, **more: object) -> tuple[()]:
        return ()

    def claims(self) -> Mapping[Claim, Path]:
        claims = self._machine.paths.claims
        return {claim: claim.below(claims) for claim in claims_in(claims)}

    def image_place(self, uid: str, volume: str) -> Path:
        return self._machine.paths.pod(uid).runtime / "image-volumes" / volume

    def image_places(self, uid: str) -> tuple[Path, ...]:
        return tuple(self.image_place(uid, "").glob("*"))

    def teardown(self, uid: str) -> None:
        self._machine.refuse("teardown")


def _write(contents: Mapping[Path, object]) -> None:
    for path, content in contents.items():
        path.write_text(str(content))


def end(pid: int, number: int = signal.SIGKILL) -> None:
    """A signal to a process of the machine. One that is killed has ended then: the kernel takes its time for it."""
    process = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(process, number)
        if number == signal.SIGKILL:
            select.select([process], [], [])
    finally:
        os.close(process)

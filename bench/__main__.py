"""`make bench`: floor and hostpod in turns, then 50 pods at once, at rest and through a restart."""

from __future__ import annotations

import argparse
import os
import pstats
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import containerd, images, probes, service
from bench.containerd import Containerd
from bench.figures import Figure, draw, write
from bench.floor import Floor, FloorSample
from bench.machine import busy_percent
from bench.marks import Marks
from bench.podman import Podman, install
from bench.pods import Pods, command_ms, idle_cpu_percent, memory_mb
from hostpod.config import ImagesConfig
from lab import images as lab_images
from lab import isolation
from lab.instance import Instance
from lab.names import Names
from lab.place import CACHE, LabError, only_one
from lab.registry import Registry, start_registry, write_policy, write_registries_conf

DIRECTORY = CACHE / "bench"
RUNTIME = Path("/run/hostpod-bench")
MANY = 50
RATIO_AT_MOST = 1.3
AROUND = 5
BUSY_PERCENT = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """What one run measures with."""

    instance: Instance
    pods: Pods
    marks: Marks
    registry: Registry
    image_settings: ImagesConfig
    samples: int


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--samples", type=int, default=15, help="single pods, each beside one of the floor")
    parser.add_argument("--bursts", type=int, default=3, help=f"times that {MANY} pods are started at once")
    parser.add_argument(
        "--idle", type=float, default=15, help="length of one of the four counted windows at rest, seconds"
    )
    parser.add_argument("--peers", choices=["podman"], help="measure this one beside it")
    parser.add_argument("--pulls", type=int, default=3, help="pulls of a large image by each")
    parser.add_argument("--only-pulls", action="store_true", help="measure nothing but them, and keep no figures")
    parser.add_argument("--profile", action="store_true", help="show where the daemon spends its time, and no figures")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("make bench: run it as root")
    if arguments.peers:
        get_podman()
    starts = (
        () if arguments.profile or arguments.only_pulls else service.figures()
    )  # before there is no way to a network
    isolation.enter("bench", in_memory=[RUNTIME])
    try:
        with only_one("bench"):
            return measure(arguments, starts)
    except LabError as error:
        sys.exit(f"make bench: {error}")


def get_podman() -> None:
    """Install podman and fetch containerd while the registries can be reached; where that fails there are no figures
    of it."""
    try:
        install()
        containerd.fetch()
    except LabError as error:
        sys.stderr.write(f"make bench: {error}\n")


def measure(arguments: argparse.Namespace, starts: Sequence[Figure]) -> int:
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    busy = busy_percent()
    try:
        with opened(samples=arguments.samples) as bench:
            if arguments.profile:
                return profile(bench)
            if arguments.only_pulls:
                draw(pulls(bench, samples=arguments.pulls, peers=bool(arguments.peers)))
                return 0
            figures = [*one_pod(bench, bursts=arguments.bursts, idle_s=arguments.idle), *starts, *probes.figures()]
            if arguments.peers and shutil.which("podman"):
                figures += podman(bench)
            bench.instance.stop()
            figures += pulls(bench, samples=arguments.pulls, peers=bool(arguments.peers))
    finally:
        shutil.rmtree(DIRECTORY, ignore_errors=True)
    draw(figures)
    write(figures, busy_percent=busy)
    if busy > BUSY_PERCENT:
        sys.stderr.write(
            f"make bench: other work took {busy:.0f} % of the machine before: measure again when it rests\n"
        )
    return 0


@contextmanager
def opened(*, samples: int) -> Iterator[Bench]:
    with ExitStack() as stack:
        registry = start_registry(DIRECTORY / "registry")
        stack.callback(registry.stop)
        registry.push(lab_images.layout("busybox"), "library/busybox")
        marks = Marks(DIRECTORY / "marks")
        registries_conf = write_registries_conf(DIRECTORY / "registries.conf", registry)
        image_settings = ImagesConfig(registries_conf=registries_conf, policy=write_policy(DIRECTORY / "policy.json"))
        settings = {
            "images": image_settings.model_dump(mode="json", by_alias=True, include={"registries_conf", "policy"})
        }
        instance = Instance(DIRECTORY, RUNTIME / "hostpod", names=Names.fresh(), settings=settings)
        stack.callback(instance.traces.sweep)
        stack.callback(instance.kill)
        try:
            yield Bench(
                instance=instance,
                pods=Pods(instance, marks),
                marks=marks,
                registry=registry,
                image_settings=image_settings,
                samples=samples,
            )
        except LabError:
            sys.stderr.write(instance.last_lines() + "\n")
            raise


def one_pod(bench: Bench, *, bursts: int, idle_s: float) -> Iterator[Figure]:
    floor = Floor(DIRECTORY / "floor", RUNTIME, bench.marks)
    bench.instance.start()
    bench.pods.start(["warm"])  # fetches the image
    bench.pods.stop(["warm"])
    bare: list[FloorSample] = []
    started, stopped, gone = [], [], []
    for number in range(bench.samples):
        bare.append(floor.measure(number))
        bench.marks.clear()
        started.append(bench.pods.start([f"one{number}"]) * 1000)
        ended, left = bench.pods.stop([f"one{number}"])
        stopped.append(ended * 1000)
        gone.append(left * 1000)
    wall_ms = median(sample.wall_ms for sample in bare)
    ratios = [sample / wall_ms for sample in started]
    yield figure("start_ratio", "manifest to process, in floors", "x", ratios, at_most=RATIO_AT_MOST)
    yield figure("start_ms", "manifest to process", "ms", started)
    yield figure("floor_ms", "the floor, its steps in a row", "ms", [sample.wall_ms for sample in bare])
    yield figure("floor_network_ms", "… namespace and veth", "ms", [sample.network_ms for sample in bare])
    yield figure("floor_pause_ms", "… pause", "ms", [sample.pause_ms for sample in bare])
    yield figure("floor_container_ms", "… container", "ms", [sample.container_ms for sample in bare])
    yield figure("floor_cpu_ms", "… CPU of all that", "ms", [sample.cpu_ms for sample in bare])
    yield figure("stop_ms", "manifest gone to processes gone", "ms", stopped)
    yield figure("floor_stop_ms", "… bare", "ms", [sample.stop_ms for sample in bare])
    yield figure("cleaned_ms", "manifest gone to everything gone", "ms", gone)
    yield from many_pods(bench, floor, bursts=bursts, idle_s=idle_s)


def many_pods(bench: Bench, floor: Floor, *, bursts: int, idle_s: float) -> Iterator[Figure]:
    """The floor is measured before and after each burst: a shared machine is quicker in one minute than in another."""
    burst_s, ended_s, ratios = [], [], []
    for number in range(bursts):
        names = [f"many{number}x{each}" for each in range(MANY)]
        bare = _floor_cpu_ms(bench, floor)
        burst_s.append(bench.pods.start(names))
        bare += _floor_cpu_ms(bench, floor)
        ratios.append(burst_s[-1] / (MANY * median(bare) / 1000 / (os.cpu_count() or 1)))
        if number + 1 < bursts:
            ended_s.append(bench.pods.stop(names)[1])
    floor.close()
    yield figure(
        "burst_ratio", f"{MANY} pods at once, in floors' CPU over all cores", "x", ratios, at_most=RATIO_AT_MOST
    )
    yield figure("burst_s", f"{MANY} pods at once, the last one runs", "s", burst_s)
    full_names = [f"{name}-lab" for name in names]
    bench.instance.wait_running(*full_names)
    yield from at_rest(bench, idle_s=idle_s)
    restarts = [bench.instance.restart() for _ in range(5)]
    yield figure("restart_s", f"daemon killed to ready again, {MANY} pods", "s", restarts, at_most=2)
    ended_s.append(bench.pods.stop(names)[1])
    yield figure("burst_stop_s", f"{MANY} manifests gone to everything gone", "s", ended_s)


def _floor_cpu_ms(bench: Bench, floor: Floor) -> list[float]:
    found = [floor.measure(number).cpu_ms for number in range(AROUND)]
    bench.marks.clear()
    return found


def at_rest(bench: Bench, *, idle_s: float) -> Iterator[Figure]:
    assert bench.instance.process is not None
    pid = bench.instance.process.pid
    idle = [idle_cpu_percent(pid, over_s=idle_s) for _ in range(5)][1:]  # the first still has the burst's last work
    yield figure("idle_cpu_percent", f"daemon at rest with {MANY} pods, of one core", "%", idle, at_most=0.2)
    rss, pss = memory_mb(pid)
    yield figure("daemon_rss_mb", f"daemon with {MANY} pods, resident", "MB", [rss], at_most=90)
    yield figure("daemon_pss_mb", "… proportional", "MB", [pss])
    show = [command_ms(bench.instance, "get", "pods") for _ in range(10)]
    yield figure("get_pods_ms", f"hostpod get pods, {MANY} pods", "ms", show, at_most=150)
    version = [command_ms(bench.instance, "version") for _ in range(10)]
    yield figure("version_ms", "hostpod version", "ms", version, at_most=80)


def podman(bench: Bench) -> list[Figure]:
    """The same pod by podman; what it cannot do is told and takes no figure of hostpod away."""
    peer = Podman(DIRECTORY / "podman", RUNTIME)
    try:
        return [*beside(peer, bench)]
    except LabError as error:
        sys.stderr.write(f"make bench: podman: {error}\n")
        return []
    finally:
        peer.close()


def beside(peer: Podman, bench: Bench) -> Iterator[Figure]:
    peer.fetch(bench.registry)
    started, stopped = [], []
    for number in range(max(bench.samples // 2, 3)):
        name = f"peer{number}"
        started.append(peer.start([name], bench.marks) * 1000)
        stopped.append(peer.stop([name]) * 1000)
        bench.marks.clear()
    yield figure("podman_start_ms", "podman kube play to process", "ms", started)
    yield figure("podman_stop_ms", "podman kube play --down", "ms", stopped)
    names = [f"peers{each}" for each in range(MANY)]
    yield figure("podman_burst_s", f"podman, {MANY} pods one after another", "s", [peer.start(names, bench.marks)])


def pulls(bench: Bench, *, samples: int, peers: bool) -> list[Figure]:
    """Of a large image, beside podman and containerd where they are asked for and there."""
    peer = Podman(DIRECTORY / "podman-pulls", RUNTIME) if peers and shutil.which("podman") else None
    other = Containerd(containerd.fetch(), DIRECTORY / "containerd", RUNTIME) if peers else None
    subject = images.Subject(
        instance=bench.instance, registry=bench.registry, settings=bench.image_settings, directory=DIRECTORY / "stores",
        podman=peer, containerd=other,
    )  # fmt: skip
    try:
        return [*images.figures(subject, samples=samples)]
    except LabError as error:
        sys.stderr.write(f"make bench: pulls: {error}\n")
        return []
    finally:
        if peer:
            peer.close()


def profile(bench: Bench) -> int:
    """Run pods under cProfile: it slows the daemon down, so only the shares tell something."""
    output = CACHE / "daemon.profile"
    bench.instance.start(python_options=["-m", "cProfile", "-o", str(output)])
    for number in range(bench.samples):
        bench.pods.start([f"one{number}"])
        bench.pods.stop([f"one{number}"])
    names = [f"many{each}" for each in range(MANY)]
    bench.pods.start(names)
    bench.pods.stop(names)
    bench.instance.stop()
    statistics = pstats.Stats(str(output)).strip_dirs()
    statistics.sort_stats("tottime").print_stats(30)
    statistics.sort_stats("cumulative").print_stats("hostpod|engine|network|volumes|images|host|oci|plan", 40)
    return 0


def figure(name: str, text: str, unit: str, samples: Sequence[float], *, at_most: float | None = None) -> Figure:
    return Figure(name=name, text=text, unit=unit, samples=tuple(samples), at_most=at_most)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench.probes`: what 200 probes at a period of one second cost, by kind, of one core.

A server in a process of its own answers; the figure is the CPU time of the process that probes, without its start.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, cast

from bench.figures import Figure, draw
from hostpod.engine.edges import Edges
from hostpod.engine.prober import Prober, ProbeTarget
from hostpod.host.clock import now
from hostpod.kube import Container, Pod

PROBES = 200
AT_MOST_PERCENT = 5.0
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.probes", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="length of each of the windows")
    parser.add_argument("--windows", type=int, default=3, help="how many of them for each kind of probe")
    parser.add_argument("--profile", action="store_true", help="show where the time goes, and no figures")
    arguments = parser.parse_args()
    with _server() as port:
        if arguments.profile:
            return _profile(port, arguments.seconds)
        found = asyncio.run(_measure(port, arguments.seconds, arguments.windows))
    draw(found)
    return 0 if all(figure.met for figure in found if figure.at_most) else 1


def figures(*, seconds: float = 5, windows: int = 3) -> list[Figure]:
    """What probes cost, for the table of `make bench`."""
    with _server() as port:
        return asyncio.run(_measure(port, seconds, windows))


@contextmanager
def _server() -> Iterator[int]:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    try:
        yield int(ours.recv())
    finally:
        server.terminate()
        server.join()


async def _measure(port: int, seconds: float, windows: int) -> list[Figure]:
    idle_s = await _cpu_s([], seconds)
    found = [_figure("probes_none", "no probe, of one core", [100 * idle_s / seconds], at_most=None)]
    for name, actions in _mixtures(port).items():
        samples = [100 * await _cpu_s(_targets(actions), seconds) / seconds for _ in range(windows)]
        at_most = AT_MOST_PERCENT if name == "http_and_tcp" else None
        text = f"{PROBES} probes a second, {name.replace('_', ' ')}, of one core"
        found.append(_figure(f"probes_{name}", text, samples, at_most=at_most))
    return found


def _mixtures(port: int) -> dict[str, Sequence[dict[str, Any]]]:
    http, tcp = {"httpGet": {"port": port, "path": "/healthz"}}, {"tcpSocket": {"port": port}}
    hanging = {"httpGet": {"port": port, "path": "/hang"}, "timeoutSeconds": 1}
    return {"http_and_tcp": (http, tcp), "http": (http,), "tcp": (tcp,), "http_and_hanging": (http, hanging)}


def _targets(actions: Sequence[dict[str, Any]]) -> list[ProbeTarget]:
    """As after a restart of the daemon: nobody waits for the first probe, so all are in their places from the start."""
    targets = list[ProbeTarget]()
    for number in range(PROBES):
        probe = {"periodSeconds": 1, "failureThreshold": 1000, **actions[number % len(actions)]}
        container = Container.model_validate({"name": "c", "readinessProbe": probe})
        content = {"metadata": {"name": f"p{number}", "uid": f"u{number}"}, "spec": {"containers": [{"name": "c"}]}}
        targets.append(
            ProbeTarget(
                cid=f"{number:064x}",
                kind="readiness",
                pod=Pod.model_validate(content),
                container=container,
                address="127.0.0.1",
                started_at=now() - 1000,
                passing=True,
            )
        )
    return targets


class _Events:
    """Events are another's figure."""

    def pod(self, *_: object, **__: object) -> None:
        """Nothing is written."""


class _Edges:
    events = _Events()


async def _cpu_s(targets: list[ProbeTarget], seconds: float) -> float:
    prober = Prober(cast("Edges", _Edges()), lambda _: None)
    async with asyncio.TaskGroup() as tasks:
        prober.want(targets, tasks)
        await asyncio.sleep(1.5)
        before, begun = _used_s(), sum(prober.counts.values())
        await asyncio.sleep(seconds)
        used = _used_s() - before
        asked = sum(prober.counts.values()) - begun
        prober.want((), tasks)
    expected = len(targets) * seconds
    if asked < expected * 0.9:
        sys.stderr.write(f"bench.probes: only {asked} of {expected:g} probes were done: the machine is too busy\n")
    return used


def _used_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _figure(name: str, text: str, samples: Sequence[float], *, at_most: float | None) -> Figure:
    return Figure(name=name, text=text, unit="%", samples=tuple(samples), at_most=at_most)


def _profile(port: int, seconds: float) -> int:
    import cProfile  # noqa: PLC0415
    import pstats  # noqa: PLC0415

    with cProfile.Profile() as profile:
        asyncio.run(_cpu_s(_targets(_mixtures(port)["http_and_tcp"]), seconds))
    pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(30)
    return 0


def _serve(told: Connection) -> None:
    """Answer as cheaply as it goes; /hang is never answered."""

    class Answering(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = cast("asyncio.Transport", transport)

        def data_received(self, data: bytes) -> None:
            if not data.startswith(b"GET /hang"):
                self.transport.write(ANSWER)
                self.transport.close()

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(
            Answering, "127.0.0.1", 0, family=socket.AF_INET, backlog=1024
        )
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


if __name__ == "__main__":
    sys.exit(main())

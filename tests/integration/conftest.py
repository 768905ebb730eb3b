"""Integration tests run as root in a host of their own (fakehost.py), with a registry of their own on its loopback."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from hostpod.host.cgroup import Cgroups
from lab import images
from lab.fetch import fetch
from lab.place import patient
from lab.registry import Registry, start_registry
from tests.integration.fakehost import FakeHost, fake_host
from tests.integration.harness import Daemon, missing

TIMEOUT_S = patient(120)
HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "everywhere: of the short round that an emulated machine runs as well")
    config.addinivalue_line("markers", "loop: needs loop devices, which not every place has")
    config.addinivalue_line("markers", "controllers: needs control groups that hold limits, which not every place has")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give integration tests a longer time-out, and skip them where they cannot run."""
    reason = missing()
    controllers = frozenset() if reason else Cgroups.detect("hostpod-test").controllers
    for item in items:
        if HERE not in item.path.parents:
            continue
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))
        elif item.get_closest_marker("loop") and not Path("/dev/loop-control").exists():
            item.add_marker(pytest.mark.skip(reason="no loop devices here; shown on a machine (make test)"))
        elif item.get_closest_marker("controllers") and not {"cpu", "memory", "pids"} <= controllers:
            item.add_marker(
                pytest.mark.skip(reason="control groups hold no limits here; shown on a machine (make test)")
            )


@pytest.fixture(scope="session", autouse=True)
def shared_host() -> Iterator[FakeHost]:
    """The host that all integration tests share: this process lives there until the session's end."""
    fetch()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that whoever ends the tests gets the clean-up too
    directory = Path(f"/run/hp-test-{os.getpid()}")
    directory.mkdir()
    try:
        with fake_host(directory) as made:
            yield made
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """A fake host of the test's own, inside the shared one; the shared one's registry cannot be reached from it."""
    with fake_host(tmp_path) as inside:
        yield inside


@pytest.fixture(scope="session")
def registry(shared_host: FakeHost) -> Iterator[Registry]:
    """docker.io's stand-in, with busybox and nginx in it."""
    running = start_registry(shared_host.directory("registry"))
    try:
        for name in images.IMAGES:
            running.push(images.layout(name), f"library/{name}")
        yield running
    finally:
        running.stop()


@pytest.fixture
def new_daemon(shared_host: FakeHost, registry: Registry, tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Make instances, not yet started; keywords are settings (`backoff={"initial": "1s"}`). Each end is checked."""
    with ExitStack() as stack:
        made: list[Daemon] = []

        def make(**settings: Any) -> Daemon:
            number = len(made)
            runtime = shared_host.directory(f"d{number}-{tmp_path.name[:20]}")
            daemon = Daemon(tmp_path / f"d{number}", runtime, registry=registry, settings=settings)
            made.append(daemon)
            stack.callback(daemon.end)
            return daemon

        yield make


@pytest.fixture
def daemon(new_daemon: Callable[..., Daemon]) -> Daemon:
    """A running instance."""
    made = new_daemon()
    made.start()
    return made


@pytest.fixture(scope="module")
def shared_daemon(
    shared_host: FakeHost, registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    """One running instance for a whole module, with short back-offs. Use it through `node`."""
    directory = tmp_path_factory.mktemp("node")
    settings = {"backoff": {"initial": "200ms", "max": "800ms"}}
    made = Daemon(directory, shared_host.directory(directory.name), registry=registry, settings=settings)
    try:
        made.start()
        yield made
    finally:
        made.end()


@pytest.fixture
def node(shared_daemon: Daemon) -> Iterator[Daemon]:
    """The module's instance; what the test leaves in its manifests directory goes, and nothing of it may stay."""
    yield shared_daemon
    shared_daemon.clear()

"""Tests in whole systems: systemd-nspawn at native speed, or a virtual machine with HOSTPOD_PLACE=qemu[:trixie].

What a place cannot show carries `needs`, and is skipped there by name with the reason. A virtual machine is emulated:
it runs what nothing else can show and what is marked `everywhere`; with HOSTPOD_PLACE=qemu:all it runs the rest too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from lab import deb, nspawn, qemu, rootfs
from lab.place import UnreachableError
from lab.system import System
from tests.vm.service import Service

HERE = Path(__file__).parent
KIND, *_CHOSEN = os.environ.get("HOSTPOD_PLACE", "nspawn").split(":")
ALL = KIND != "qemu" or "all" in _CHOSEN
SUITE = next((suite for suite in _CHOSEN if suite in rootfs.SUITES), "bookworm")
TIMEOUT_S = {"nspawn": 900, "qemu": 1200}[KIND]  # the first test waits for what it stands on, too
_LACKS = {
    "nspawn": {
        "controllers": "systemd-nspawn: control groups hold no limits there; a virtual machine shows it (make test-vm)",
        "kernel": "systemd-nspawn: it has no kernel of its own; a virtual machine shows it (make test-vm)",
    },
    "qemu": {
        "disk": "a virtual machine: its disk cannot be read while it is off; systemd-nspawn shows it (make test)",
    },
}[KIND]
_ONLY_IN_A_MACHINE = {"controllers", "kernel"}
_SHOWN_ELSEWHERE = "shown in systemd-nspawn (make test); HOSTPOD_PLACE=qemu:all runs it here"

NewSystem = Callable[[], AbstractContextManager[System]]
NewPackage = Callable[..., Path]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(what): controllers, kernel or disk, which not every place has")
    config.addinivalue_line("markers", "everywhere: of the short round that a virtual machine runs as well")
    if unknown := set(_CHOSEN) - {"", "all", *rootfs.SUITES}:
        raise pytest.UsageError(f"HOSTPOD_PLACE: {', '.join(unknown)}: neither a suite nor `all`")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this place cannot show, and everything where there is no place."""
    # Those of tests/integration move this process to a network that leads nowhere: nothing could be fetched from there.
    items.sort(key=lambda item: (HERE.parent / "integration") in item.path.parents)
    items = [item for item in items if HERE in item.path.parents]
    if not items:
        return
    missing = nspawn.missing() if KIND == "nspawn" else qemu.missing()
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
        if reason := missing or _not_here(item):
            item.add_marker(pytest.mark.skip(reason=reason))


def _not_here(item: pytest.Item) -> str:
    """Why this place does not run a test; empty when it does."""
    needs = {what for mark in item.iter_markers("needs") for what in mark.args}
    if lacking := [_LACKS[what] for what in sorted(needs) if what in _LACKS]:
        return "; ".join(lacking)
    here = ALL or needs & _ONLY_IN_A_MACHINE or item.get_closest_marker("everywhere")
    return "" if here else _SHOWN_ELSEWHERE


@pytest.fixture(scope="session")
def built() -> Path:
    """The package file for the place's suite, built once from this tree, or one of the directory HOSTPOD_DEBS.

    Beside it the root file system is made, as both take a minute the first time. What cannot be fetched from here is a
    reason to skip; whatever else goes wrong is an error.
    """
    if ready := os.environ.get("HOSTPOD_DEBS"):
        return next(Path(ready).glob(f"hostpod_*+deb{deb.RELEASES[SUITE].number}u1_*.deb"))
    with ThreadPoolExecutor() as both:
        root = both.submit(_make_root)
        package = both.submit(deb.build, suite=SUITE)
    try:
        root.result()
        return package.result()
    except UnreachableError as error:
        pytest.skip(str(error))


def _make_root() -> None:
    if KIND == "nspawn":
        with rootfs.root_file_system(rootfs.of_container(SUITE)):
            pass


@pytest.fixture(scope="session")
def package(built: Path, tmp_path_factory: pytest.TempPathFactory) -> NewPackage:
    """The package file; `number=2` is a newer build of the same."""
    directory = tmp_path_factory.mktemp("package")
    return lambda number=1: built if number == 1 else deb.newer(built, directory)


@pytest.fixture(scope="session")
def new_system(built: Path) -> NewSystem:
    """Makes systems that never saw hostpod."""
    assert built, "it and the root file systems are made by now"

    @contextmanager
    def make() -> Iterator[System]:
        if KIND == "nspawn":
            with nspawn.container(suite=SUITE) as container:
                yield container
        else:
            with qemu.machine(suite=SUITE) as machine:
                yield machine

    return make


@pytest.fixture(scope="session")
def installed_system(new_system: NewSystem, package: NewPackage) -> NewSystem:
    """Makes systems with the package: a virtual machine takes minutes to install one, a snapshot has it in seconds."""

    @contextmanager
    def make() -> Iterator[System]:
        if KIND == "qemu":
            with qemu.machine(suite=SUITE, packages=(package(),)) as machine:
                yield machine
        else:
            with new_system() as system:
                system.install(package())
                yield system

    return make


@pytest.fixture(scope="module")
def service(installed_system: NewSystem) -> Iterator[Service]:
    """hostpod, installed from its package and running; one for a module."""
    with installed_system() as system:
        made = Service(system)
        made.wait_ready()
        yield made


@pytest.fixture(autouse=True)
def tell_what_was_said(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that fails shows the journal of the service."""
    yield
    used = request.node.funcargs.get("service")
    report = request.node.stash.get(_REPORT, None)
    if isinstance(used, Service) and report is not None and report.failed:
        report.sections.append(("journal of hostpod", used.system.journal("-u", "hostpod", "-n", "60")))


_REPORT = pytest.StashKey[pytest.TestReport]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.when == "call":
        item.stash[_REPORT] = report
    return report  # type: ignore[return-value]

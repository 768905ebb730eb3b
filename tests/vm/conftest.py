"""Tests in whole systems: systemd-nspawn at native speed, or a virtual machine with HOSTPOD_PLACE=qemu[:trixie].

What a place cannot show carries `needs`, and is skipped there by name with the reason.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from lab import deb, nspawn, qemu
from lab.system import System
from tests.vm.service import Service

HERE = Path(__file__).parent
KIND, _, _SUITE = os.environ.get("HOSTPOD_PLACE", "nspawn").partition(":")
SUITE = _SUITE or "bookworm"
TIMEOUT_S = {"nspawn": 240, "qemu": 1200}[KIND]
_LACKS = {
    "nspawn": {
        "controllers": "systemd-nspawn: control groups hold no limits there; a virtual machine shows it (make test-vm)",
        "kernel": "systemd-nspawn: it has no kernel of its own; a virtual machine shows it (make test-vm)",
    },
    "qemu": {"speed": "a virtual machine: it is emulated, so times say nothing; systemd-nspawn shows it (make test)"},
}[KIND]

NewSystem = Callable[[], AbstractContextManager[System]]
NewPackage = Callable[..., Path]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(what): controllers, kernel or speed, which not every place has")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this place cannot show, and everything where there is no place."""
    missing = nspawn.missing() if KIND == "nspawn" else qemu.missing()
    for item in items:
        if HERE not in item.path.parents:
            continue
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))
        lacking = [_LACKS[what] for mark in item.iter_markers("needs") for what in mark.args if what in _LACKS]
        if reason := missing or "; ".join(lacking):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def package() -> NewPackage:
    """The package file for the place's suite, built from this tree; `number=2` is a newer build of the same."""

    def build(number: int = 1) -> Path:
        if ready := os.environ.get("HOSTPOD_DEBS"):
            return next(Path(ready).glob(f"hostpod_*+deb{deb.RELEASES[SUITE].number}u{number}_*.deb"))
        return deb.build(suite=SUITE, number=number)

    return build


@pytest.fixture(scope="session")
def new_system() -> NewSystem:
    """Makes systems that never saw hostpod."""

    @contextmanager
    def make() -> Iterator[System]:
        if KIND == "nspawn":
            with nspawn.container(suite=SUITE) as container:
                yield container
        else:
            with qemu.machine(suite=SUITE) as machine:
                yield machine

    return make


@pytest.fixture(scope="module")
def service(new_system: NewSystem, package: NewPackage) -> Iterator[Service]:
    """hostpod, installed from its package and running; one for a module."""
    with _installed(new_system, package()) as system:
        made = Service(system)
        made.wait_ready()
        yield made


@contextmanager
def _installed(new_system: NewSystem, package: Path) -> Iterator[System]:
    """A system with a package; a virtual machine takes minutes to install one, and a snapshot has it in seconds."""
    if KIND == "qemu":
        with qemu.machine(suite=SUITE, packages=(package,)) as machine:
            yield machine
    else:
        with new_system() as system:
            system.install(package)
            yield system


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

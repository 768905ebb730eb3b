"""containerd of Debian's package beside it, unpacked and not installed: a daemon of its own with nothing but images."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

from lab.debian import unpacked_program
from lab.place import LabError, command

READY_WITHIN_S = 20
_UNUSED = ("grpc.v1.cri", *(f"snapshotter.v1.{name}" for name in ("aufs", "btrfs", "devmapper", "zfs")))


def fetch() -> Path:
    """The program; LabError where Debian's archive cannot be reached."""
    return unpacked_program("containerd", package="containerd")


class Containerd:
    """Its storage is below `directory`; each `pull` is into an empty one."""

    def __init__(self, program: Path, directory: Path, runtime: Path) -> None:
        self._program, self._directory = program, directory
        self._state = runtime / "containerd"
        self._socket = runtime / "containerd.sock"

    def pull(self, name: str) -> float:
        """Seconds of `ctr images pull`, which unpacks too."""
        self._directory.mkdir()
        unused = ", ".join(f'"io.containerd.{each}"' for each in _UNUSED)
        settings = self._directory / "config.toml"
        settings.write_text(
            f'version = 2\nroot = "{self._directory}/root"\nstate = "{self._state}"\n'
            f'disabled_plugins = [{unused}]\n[grpc]\n  address = "{self._socket}"\n'
        )
        with (self._directory / "log").open("wb") as log:
            daemon = subprocess.Popen([self._program, "--config", settings], stdout=log, stderr=log)
        try:
            return self._pull(name)
        finally:
            daemon.terminate()
            daemon.wait()
            shutil.rmtree(self._directory)
            shutil.rmtree(self._state, ignore_errors=True)

    def _pull(self, name: str) -> float:
        ctr: list[str | Path] = [self._program.with_name("ctr"), "--address", self._socket]
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._socket.exists():
            if time.monotonic() > deadline:
                raise LabError(f"containerd does not listen: {(self._directory / 'log').read_text()[-500:]}")
            time.sleep(0.05)
        command([*ctr, "version"])
        began = time.monotonic()
        command([*ctr, "images", "pull", "--plain-http", name], timeout_s=600)
        return time.monotonic() - began

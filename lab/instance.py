"""A real `hostpod serve` with directories and names of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from lab import client
from lab.leaks import Traces
from lab.names import Names
from lab.place import LabError, patient
from lab.registry import free_port

READY_WITHIN_S = patient(20)
STOPPED_WITHIN_S = patient(20)
DIES_WITHIN_S = patient(2)


_LEFT = (
    "memoryAvailable", "nodefsAvailable", "nodefsInodesFree", "imagefsAvailable", "imagefsInodesFree", "pidAvailable",
)  # fmt: skip


class Instance:
    """One instance: nothing runs until `start`. Manifests go in by `drop`, which renames them into place."""

    def __init__(
        self, directory: Path, runtime: Path, *, names: Names, settings: Mapping[str, Any], port: int | None = None
    ) -> None:
        self.directory = directory
        self.runtime = runtime
        self.names = names
        self.manifests = directory / "manifests"
        self.state = directory / "state"
        self.logs = directory / "logs"
        self.socket = runtime / "hostpod.sock"
        self.config = directory / "hostpod.yaml"
        self.journal = directory / "daemon.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.port = port or free_port()
        self.traces = self.traces_of(directory, runtime, names=names)
        for each in (self.manifests, self.state, self.logs, runtime):
            each.mkdir(parents=True, exist_ok=True)
        self.configure(settings)

    @staticmethod
    def traces_of(directory: Path, runtime: Path, *, names: Names) -> Traces:
        """Where to look for what such an instance leaves."""
        return Traces(names=names, directories=(runtime, directory), runtime=runtime)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Write the settings: this instance's names and places with `settings` over them, section by section."""
        names = self.names
        own: dict[str, Any] = {
            "nodeName": "lab",
            "manifests": {"directory": str(self.manifests)},
            "directories": {
                "state": str(self.state),
                "runtime": str(self.runtime),
                "logs": str(self.logs / "pods"),
                "logLinks": str(self.logs / "containers"),
            },
            "http": {"readOnlyPort": self.port},
            "socket": {"path": str(self.socket)},
            "network": {
                "bridge": names.bridge,
                "subnet": names.subnet,
                "table": names.table,
                "linkPrefix": names.link_prefix,
            },
            "cgroups": {"root": names.cgroup_root},
            "eviction": dict.fromkeys(_LEFT, 0),  # what the machine has left is no matter of who tries something here
        }
        for key, value in settings.items():
            own[key] = {**own.get(key, {}), **value} if isinstance(value, Mapping) else value
        self.config.write_text(yaml.safe_dump(own, sort_keys=False))

    def start(self, *, python_options: Sequence[str] = ()) -> float:
        """Start the daemon and wait for its READY=1; returns how long that took in seconds."""
        began = time.monotonic()
        notify = self.runtime.with_name(f"{self.runtime.name}.notify")
        notify.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready, self.journal.open("ab") as log:
            ready.bind(str(notify))
            self.process = subprocess.Popen(
                [sys.executable, *python_options, "-m", "hostpod", "serve", "--config", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "NOTIFY_SOCKET": str(notify)},
                start_new_session=True,
            )
            try:
                self._wait_until_ready(ready, began + READY_WITHIN_S)
            finally:
                notify.unlink(missing_ok=True)
        return time.monotonic() - began

    def _wait_until_ready(self, ready: socket.socket, deadline: float) -> None:
        assert self.process is not None
        ready.settimeout(0.1)
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if b"READY=1" in ready.recv(4096).splitlines():
                    return
            except TimeoutError:
                continue
        self.kill()
        raise LabError(f"hostpod serve did not become ready; its last lines:\n{self.last_lines()}")

    def last_lines(self, count: int = 40) -> str:
        """The end of what the daemon wrote."""
        return "\n".join(self.journal.read_text(errors="replace").splitlines()[-count:])

    def stop(self) -> int:
        """SIGTERM and wait; the exit code. Containers go on."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, as a crash would have it. Containers go on."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        process, self.process = self.process, None
        process.send_signal(number)
        try:
            return process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.wait()
            raise LabError(f"hostpod serve did not stop; its last lines:\n{self.last_lines()}") from error

    def restart(self) -> float:
        """Kill the daemon and start it again; returns the seconds to readiness."""
        self.kill()
        return self.start()

    def drop(self, name: str, manifest: str | bytes | Mapping[str, Any]) -> Path:
        """Put a manifest into the directory, complete from the first moment on."""
        if isinstance(manifest, Mapping):
            manifest = json.dumps(manifest)
        content = manifest.encode() if isinstance(manifest, str) else manifest
        draft = self.directory / f"draft-{name}"
        draft.write_bytes(content)
        return draft.rename(self.manifests / name)

    def remove(self, name: str) -> None:
        (self.manifests / name).unlink()

    def pods(self) -> dict[str, dict[str, Any]]:
        """The pods that the daemon shows, by name; of two of one name the older."""
        found: dict[str, dict[str, Any]] = {}
        for pod in self.all_pods():
            found.setdefault(pod["metadata"]["name"], pod)
        return found

    def all_pods(self) -> list[dict[str, Any]]:
        """The pods that the daemon shows, by name; two of one name where a new version is beside the old one."""
        return list(client.get(self.socket, "/pods")["items"])

    def events(self) -> list[dict[str, Any]]:
        return list(client.get(self.socket, "/events")["items"])

    def problems(self) -> list[dict[str, Any]]:
        """Problems of manifests, as `hostpod get pods` shows them."""
        answer = client.get(self.socket, "/problems")
        return list(answer["items"] if isinstance(answer, Mapping) else answer)

    def wait_for(
        self, holds: Callable[[dict[str, dict[str, Any]]], object], *, what: str, within_s: float = 30
    ) -> dict[str, dict[str, Any]]:
        """The pods as soon as `holds(pods)`; looked at again at each change that the watch tells of."""
        deadline = time.monotonic() + patient(within_s)
        try:
            with client.watch(self.socket, "/pods?watch=1", timeout_s=within_s) as changes:
                while not holds(pods := self.pods()) and time.monotonic() < deadline:
                    next(changes)
                return self._held(holds, pods, what)
        except (TimeoutError, StopIteration, OSError):
            self._tell_if_it_died(what)
            return self._held(holds, self.pods(), what)

    def _tell_if_it_died(self, what: str) -> None:
        """A daemon that answers no more is about to end: its last words are worth a moment."""
        if self.process is None:
            raise LabError(f"hostpod serve does not run: {what}")
        with suppress(subprocess.TimeoutExpired):
            code = self.process.wait(DIES_WITHIN_S)
            raise LabError(f"hostpod serve ended with {code} before this: {what}; its last lines:\n{self.last_lines()}")

    def _held(
        self, holds: Callable[[dict[str, dict[str, Any]]], object], pods: dict[str, dict[str, Any]], what: str
    ) -> dict[str, dict[str, Any]]:
        if holds(pods):
            return pods
        states = json.dumps([pod["status"] for pod in pods.values()], indent=1)
        raise LabError(f"not in time: {what}; pods: {states}\n{self.last_lines()}")

    def wait_running(self, *names: str, within_s: float = 30) -> dict[str, dict[str, Any]]:
        """Wait until every container of these pods runs."""
        return self.wait_for(
            lambda pods: all(name in pods and all_run(pods[name]) for name in names),
            what=f"{', '.join(names)} running",
            within_s=within_s,
        )

    def wait_gone(self, *names: str, within_s: float = 45) -> None:
        """Wait until none of these pods is shown any more."""
        self.wait_for(lambda pods: not set(names) & set(pods), what=f"{', '.join(names)} gone", within_s=within_s)

    def cli(self, *arguments: str, within_s: float = 30) -> subprocess.CompletedProcess[str]:
        """Run the hostpod command against this instance."""
        return subprocess.run(
            [sys.executable, "-m", "hostpod", *arguments],
            env={**os.environ, "HOSTPOD_SOCKET": str(self.socket)},
            capture_output=True,
            text=True,
            timeout=patient(within_s),
            check=False,
        )


def all_run(pod: Mapping[str, Any]) -> bool:
    """Whether every container of a pod runs."""
    statuses = pod["status"].get("containerStatuses", [])
    return len(statuses) == len(pod["spec"]["containers"]) and all("running" in each["state"] for each in statuses)

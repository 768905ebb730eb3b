"""systemd behind a fake bus: units are directories below a plain one, and a job has ended when it is answered."""

from __future__ import annotations

import fnmatch
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jeepney import DBusAddress

from hostpod.host import slices
from tests.unit.host.fake_bus import Answer, FakeBus, RefusalError

_MANAGER = DBusAddress(
    "/org/freedesktop/systemd1", bus_name="org.freedesktop.systemd1", interface="org.freedesktop.systemd1.Manager"
)
_NAMES = "org.freedesktop.systemd1."


class FakeSystemd:
    """`units` are those that are loaded, with their properties; `files` those that somebody wrote a file for.

    `held` are those that stay loaded when they are stopped, `stopping` those that somebody stops just now. `outcome` is
    how jobs end; "" is never. So many of the next starts are refused because what they would be in is being stopped:
    `destructive`.
    """

    def __init__(self, bus: FakeBus, cgroups: Path) -> None:
        self.units: dict[str, Mapping[str, Any]] = {}
        self.files: set[str] = set()
        self.held: set[str] = set()
        self.stopping: set[str] = set()
        self.outcome = "done"
        self.destructive = 0
        self._bus = bus
        self._cgroups = cgroups
        self._jobs = 0
        bus.methods |= {
            "StartTransientUnit": self._start_transient,
            "StartUnit": self._start,
            "StopUnit": self._stop,
            "SetUnitProperties": self._set,
            "ListUnitsByPatterns": self._list,
            "LoadUnit": self._load,
            "Get": lambda _interface, name: ("v", (self._property(name),)),
        }
        self._looked_at = ""

    def directory(self, name: str) -> Path:
        """The cgroup of a unit, running or not."""
        if name.endswith(".slice"):
            return self._cgroups / slices.slice_path(name).lstrip("/")
        return self.directory(self.units[name]["Slice"]) / name

    def _start_transient(self, name: str, mode: str, values: Sequence[Any], aux: Sequence[Any]) -> Answer:
        assert (mode, aux) == ("fail", [])
        if self.destructive:
            self.destructive -= 1
            raise RefusalError(f"{_NAMES}TransactionIsDestructive", f"Transaction for {name}/start is destructive.")
        if name in self.units:
            raise RefusalError(f"{_NAMES}UnitExists", f"Unit {name} was already loaded or has a fragment file.")
        self.units[name] = {key: value for key, (_, value) in values}
        return self._job(name, started=True)

    def _start(self, name: str, mode: str) -> Answer:
        assert mode == "fail"
        self.units.setdefault(name, {})
        return self._job(name, started=True)

    def _stop(self, name: str, mode: str) -> Answer:
        assert mode == "replace"
        if name not in self.units:
            raise RefusalError(f"{_NAMES}NoSuchUnit", f"Unit {name} not loaded.")
        return self._job(name, started=False)

    def _job(self, name: str, *, started: bool) -> Answer:
        self._jobs += 1
        job = f"/job/{self._jobs}"
        if self.outcome == "done":
            self._begin(name) if started else self._end(name)
        if self.outcome:
            # Somebody else's first, as on a busy host.
            for path in ("/job/4711", job):
                self._bus.signal(_MANAGER, "JobRemoved", "uoss", (self._jobs, path, name, self.outcome))
        return "o", (job,)

    def _begin(self, name: str) -> None:
        directory = self.directory(name)
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in self.units[name].get("PIDs", ())))
        above = self.units[name].get("Slice") or name
        for each in slices.parents(above):
            self.units.setdefault(each, {})

    def _end(self, name: str) -> None:
        shutil.rmtree(self.directory(name), ignore_errors=True)
        for each in [name, *(each for each in self.units if name in slices.parents(each))]:
            if each not in self.held:
                self.units.pop(each)

    def _list(self, states: Sequence[str], patterns: Sequence[str]) -> Answer:
        assert states == []
        found = [name for name in self.units if fnmatch.fnmatchcase(name, patterns[0])]
        rows = [
            (
                name,
                self._described(name),
                "loaded",
                "active",
                "active",
                "",
                "/u",
                0,
                "stop" * (name in self.stopping),
                "/",
            )
            for name in found
        ]
        return "a(ssssssouso)", (rows,)

    def _described(self, name: str) -> str:
        """What systemd shows; of a unit of its own doing the name."""
        return str(self.units[name].get("Description", name))

    def _set(self, name: str, runtime: bool, values: Sequence[Any]) -> Answer:
        assert runtime
        self.units[name] = {**self.units[name], **{key: value for key, (_, value) in values}}
        return "", ()

    def _load(self, name: str) -> Answer:
        self._looked_at = name
        return "o", ("/unit",)

    def _property(self, name: str) -> tuple[str, Any]:
        written = self._looked_at in self.files
        return ("b", not written) if name == "Transient" else ("s", "/etc/a.slice" if written else "")

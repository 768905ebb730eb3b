"""Pods as slices of systemd, their containers and monitors as scopes: units that people see, limit and stop.

What runs in a scope belongs to process 1 and not to hostpod.service, so nothing that is done to the service touches it.
Reading, killing and waiting are done on the cgroup files, which are the same as with the other driver.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from hostpod.host import slices
from hostpod.host.cgroup import BESTEFFORT_SHARES, CgroupError, Cgroups, PodCgroup, PodLimits
from hostpod.host.cgroup_seen import SeenCgroups
from hostpod.host.slices import Properties
from hostpod.host.units import Unit, UnitError, UnitLeavingError

log = logging.getLogger(__name__)

# How long a stop of what the slices are in is waited for at the start. To ask for that stop is no way to wait for it:
# where it ended meanwhile, and somebody started the unit again, it would be stopped once more, with all that is in it.
LEAVING_DEADLINE_S = 30.0
LOOK_AGAIN_S = 0.1


class UnitManager(Protocol):
    """What is asked of systemd; see `hostpod.host.units.Units`."""

    async def start_transient(self, name: str, properties: Properties) -> bool: ...
    async def start(self, name: str) -> None: ...
    async def stop(self, name: str) -> None: ...
    async def look(self, name: str) -> Unit | None: ...
    async def set_properties(self, name: str, properties: Properties) -> None: ...
    async def loaded(self, pattern: str) -> tuple[str, ...]: ...
    async def has_file(self, name: str) -> bool: ...


class SystemdCgroups(SeenCgroups):
    """The driver `systemd`. `root` is the name of the root slice without `.slice`, and the beginning of scopes' names.

    Paths are those of the cgroups, from the hierarchy's root; the unit is the last part of one.
    """

    name = "systemd"

    def __init__(self, root: str, tree: Cgroups, units: UnitManager) -> None:
        super().__init__(tree)
        self._root = root
        self._units = units
        self._v2 = tree.layout.version == "v2"

    def pod_path(self, qos: str, uid: str) -> str:
        return slices.slice_path(slices.pod_slice(self._root, qos, uid))

    def container_path(self, pod: str, cid: str) -> str:
        return f"{pod}/{self._root}-{cid}.scope"

    def pause_path(self, pod: str) -> str:
        return self.container_path(pod, f"pause-{slices.pod_of(self._root, slices.unit_of(pod))}")

    def oci_path(self, path: str) -> str:
        """runc's form with --systemd-cgroup: SLICE:PREFIX:NAME is the scope PREFIX-NAME.scope in that slice."""
        pod, _, scope = path.rpartition("/")
        name = scope.removeprefix(f"{self._root}-").removesuffix(".scope")
        return f"{slices.unit_of(pod)}:{self._root}:{name}"

    def by_systemd(self, path: str) -> bool:  # noqa: ARG002
        return True

    def annotations(self, path: str, *, description: str) -> Mapping[str, str]:  # noqa: ARG002
        return slices.scope_annotations(description)

    def owns(self, path: str) -> bool:
        """Whether this driver would make a cgroup of this path."""
        return path.startswith(f"{slices.slice_path(f'{self._root}.slice')}/")

    async def open(self) -> None:
        if refusal := slices.root_refusal(self._root):
            raise CgroupError(f'cannot name a slice "{self._root}.slice": cgroups.root {refusal}')
        with _as_cgroup_errors():
            await self._have_slices()
            await self._stop_idle_monitors()

    async def _have_slices(self) -> None:
        await self._have(f"{self._root}.slice", "Pods of hostpod", {})
        for qos in ("Burstable", "BestEffort"):
            weight = slices.shares_property(BESTEFFORT_SHARES, v2=self._v2) if qos == "BestEffort" else {}
            await self._have(slices.qos_slice(self._root, qos), f"{qos} pods of hostpod", weight)
        await self._have_monitors()

    async def _stop_idle_monitors(self) -> None:
        """Stop scopes whose conmon had ended before systemd moved it: they never get empty, as nothing was in them.

        So it goes where a daemon is killed just as it makes a container. None is being made while a driver opens.
        """
        above = slices.slice_path(slices.monitors_slice(self._root))
        for scope in self._tree.children(above):
            if not self._tree.pids(f"{above}/{scope}"):
                await self._units.stop(scope)

    async def _have_monitors(self) -> None:
        await self._have(slices.monitors_slice(self._root), "Monitors of hostpod's containers", {})

    async def _have(self, name: str, description: str, weight: Properties) -> None:
        """A slice that runs. One that there is stays what an earlier daemon, or a unit file, made it.

        Where something above it is just being stopped, by another instance that ends as a rule, that is waited for.
        """
        for _ in range(int(LEAVING_DEADLINE_S / LOOK_AGAIN_S)):
            try:
                return await self._have_now(name, description, weight)
            except UnitLeavingError:
                await asyncio.sleep(LOOK_AGAIN_S)
        return await self._have_now(name, description, weight)

    async def _have_now(self, name: str, description: str, weight: Properties) -> None:
        if not await self._units.start_transient(name, {**slices.described(description), **weight}):
            await self._units.start(name)

    async def close(self) -> None:
        """Stop what is empty: the classes' slices, the root, and above it what nobody wrote a file for.

        The root has a file where hostpod's package is; what was set on it is there again when it starts.
        """
        root = f"{self._root}.slice"
        own = [*(slices.qos_slice(self._root, qos) for qos in ("BestEffort", "Burstable"))]
        for name in (*own, slices.monitors_slice(self._root), root, *slices.parents(root)):
            if self._in_use(name):
                return
            try:
                if name in slices.parents(root) and await self._units.has_file(name):
                    return
                await self._units.stop(name)
            except UnitError as error:
                log.warning("%s and the slices above it are left: %s", name, error)
                return
            self._tree.trim(slices.slice_path(name))

    def _in_use(self, name: str) -> bool:
        """A pod's slice is a pod. The scope of a conmon that has just ended is there for a moment more, and nothing."""
        path = slices.slice_path(name)
        return bool(self._tree.pids(path) if name == slices.monitors_slice(self._root) else self._tree.children(path))

    async def create_pod(self, path: str, limits: PodLimits, *, description: str) -> None:
        """A pod's slice with its limits, before anything is in it. Safe to repeat."""
        await self._have_slice(path, limits, description)
        self._limit_huge_pages(path, limits)

    async def _have_slice(self, path: str, limits: PodLimits, description: str) -> None:
        if not self._tree.exists(path.rpartition("/")[0]):  # somebody stopped it
            with _as_cgroup_errors():
                await self._have_slices()
        name = slices.unit_of(path)
        limiting = slices.limit_properties(limits, v2=self._v2)
        with _as_cgroup_errors():
            if await self._units.start_transient(name, {**slices.described(description), **limiting}):
                return
            unit = await self._units.look(name)
            if unit is not None and not unit.is_stopping and self._tree.pids(path):
                if unit.description != description:  # systemd's own doing, because a scope was to be in it
                    await self._units.set_properties(name, limiting)
                return
            # Of an earlier try; or somebody stops it just now, and whatever is started in it would call that off.
            await self._units.stop(name)
            if not await self._units.start_transient(name, {**slices.described(description), **limiting}):
                raise CgroupError(
                    f"cannot set the limits of {name}: systemd keeps a unit of this name; look what holds it with "
                    f"systemctl status {name}, and undo what was set on it with systemctl revert {name}"
                )

    async def limit_pod(self, path: str, limits: PodLimits) -> None:
        with _as_cgroup_errors():
            await self._units.set_properties(slices.unit_of(path), slices.limit_properties(limits, v2=self._v2))
        self._limit_huge_pages(path, limits)

    def _limit_huge_pages(self, path: str, limits: PodLimits) -> None:
        """systemd has no property for them."""
        try:
            self._tree.limit_huge_pages(path, limits.huge_pages)
        except OSError as error:
            raise CgroupError(f"cannot limit the huge pages of {path}: {(error.strerror or '').lower()}") from error

    def monitor_place(self, cid: str, *, pod: str, description: str) -> Callable[[int], Awaitable[None]]:  # noqa: ARG002
        """Move a conmon that has not forked yet, and all that will come of it, to a scope beside the pods.

        What will come of it is `runc create`: in the pod's slice it would be slowed down, refused its threads or killed
        by limits that are meant for the pod's own processes.
        """
        scope = f"{self._root}-conmon-{cid}.scope"

        async def place(pid: int) -> None:
            above = slices.monitors_slice(self._root)
            properties = slices.monitor_properties(pid, slice_name=above, description=description)
            with _as_cgroup_errors():
                if not self._tree.exists(slices.slice_path(above)):  # somebody stopped it
                    await self._have_monitors()
                if not await self._units.start_transient(scope, properties):
                    raise CgroupError(f"cannot make a scope for conmon: there is a {scope} already")

        return place

    async def remove(self, path: str) -> None:
        """Stop a pod's slice or a container's scope that nothing runs in any more, and what is left below it.

        A slice never fails and scopes are collected when they did, so nothing has to be reset.

        Raises CgroupError when something does run: systemd would end it in its own way, and wait for it.
        """
        await asyncio.to_thread(self._tree.wait_until_empty, path)
        with _as_cgroup_errors():
            await self._units.stop(slices.unit_of(path))
        # Of v1's hierarchies systemd knows only those that it set something in.
        await asyncio.to_thread(self._tree.remove_pod, path)

    async def list_pods(self) -> tuple[PodCgroup, ...]:
        """Pods that have a slice: loaded by systemd, or left as a directory in some hierarchy."""
        if not self._tree.exists(slices.slice_path(f"{self._root}.slice")):
            return ()  # not even systemd, which may be out of reach, has anything below it
        with _as_cgroup_errors():
            names = set(await self._units.loaded(f"{self._root}-*.slice"))
        for qos in slices.QOS_INFIXES:
            names |= set(self._tree.children(slices.slice_path(slices.qos_slice(self._root, qos))))
        found = ((slices.pod_of(self._root, name), slices.slice_path(name)) for name in sorted(names))
        return tuple(PodCgroup(uid=uid, path=path) for uid, path in found if uid is not None)


@contextmanager
def _as_cgroup_errors() -> Iterator[None]:
    try:
        yield
    except UnitError as error:
        raise CgroupError(str(error)) from error

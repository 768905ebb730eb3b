"""What a spec is made of besides the pod itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Literal, Protocol

# A whole config.json, or a part of it, as JSON data.
Json = dict[str, Any]

Propagation = Literal["private", "slave", "shared"]


class SpecError(Exception):
    """Pod and image together give nothing that can run; the message can be shown as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageDefaults:
    """What the image says about its containers; the pod's own words come first."""

    entrypoint: Sequence[str] = ()
    cmd: Sequence[str] = ()
    env: Sequence[str] = ()
    working_dir: str = ""
    user: str = ""
    stop_signal: str = ""
    volumes: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """Who a container's process is. The first group is `gid`; `additional_gids` hold it too."""

    uid: int = 0
    gid: int = 0
    additional_gids: tuple[int, ...] = (0,)


@dataclass(frozen=True, kw_only=True, slots=True)
class SandboxPaths:
    """The namespaces of a pod, by path; None is the host's own (for `pid`: a new one for each container).

    `first_id` is what the root of the user namespace is on the host.
    """

    user: str | None = None
    net: str | None = None
    ipc: str | None = None
    uts: str | None = None
    pid: str | None = None
    first_id: int = 0


class Bound(Protocol):
    """A volume or a pod file that is ready to be bound into a container."""

    @property
    def source(self) -> PurePath: ...
    @property
    def destination(self) -> str: ...
    @property
    def read_only(self) -> bool: ...
    @property
    def all_read_only(self) -> bool: ...
    @property
    def no_exec(self) -> bool: ...
    @property
    def recursive(self) -> bool: ...
    @property
    def propagation(self) -> Propagation: ...
    @property
    def kept(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Mount:
    """One entry of the spec's `mounts`."""

    source: str
    destination: str
    type: str = "bind"
    options: tuple[str, ...] = ()

    @classmethod
    def bound(cls, bound: Bound) -> Mount:
        """The entry for a volume or a pod file."""
        kind = "rbind" if bound.recursive else "bind"
        access = "ro" if bound.read_only else "rw"
        # rro asks the kernel for all that is mounted below as well (mount_setattr), and fails where it cannot.
        more = (*(("rro",) if bound.all_read_only else ()), *(("noexec",) if bound.no_exec else ()))
        options = (kind, f"r{bound.propagation}", access, *more, *bound.kept)
        return cls(source=str(bound.source), destination=bound.destination, options=options)

    def to_json(self) -> Json:
        """The entry as the OCI runtime specification wants it."""
        entry: Json = {"destination": self.destination, "type": self.type, "source": self.source}
        return {**entry, "options": list(self.options)} if self.options else entry


class Privileges(Protocol):
    """What the process that calls the runtime may do, and what the host is like."""

    @property
    def cgroup_v2(self) -> bool: ...
    @property
    def controllers(self) -> frozenset[str]: ...
    @property
    def memory_bytes(self) -> int: ...
    @property
    def swap_bytes(self) -> int: ...
    @property
    def huge_page_sizes(self) -> frozenset[int]: ...
    @property
    def machine(self) -> str: ...
    @property
    def capability_mask(self) -> int: ...

    def allowed_oom_score_adj(self, wanted: int) -> int:
        """The nearest value that can be set."""

    def allowed_limit(self, name: str, wanted: int) -> int:
        """The nearest limit that can be set. `name` is that of the OCI specification, RLIMIT_NOFILE."""

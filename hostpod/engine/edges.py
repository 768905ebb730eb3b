"""What the engine asks of the machine: the doors and rooms it acts through, in one value."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hostpod.config import Config
from hostpod.engine.cgroup_driver import CgroupDriver
from hostpod.engine.config_book import ConfigBook
from hostpod.engine.events import EventLog
from hostpod.engine.paths import Paths
from hostpod.engine.user_ranges import UserRanges
from hostpod.host.conmon import Conmon
from hostpod.host.privileges import Privileges
from hostpod.host.runc import Runc
from hostpod.images import ImageStore
from hostpod.network import PodNetwork
from hostpod.volumes import PodVolumes


@dataclass(kw_only=True, slots=True)
class Edges:
    """Built once by the daemon. `config` is replaced as a whole when settings are reloaded, and nothing else ever is:
    look at it where you need it, and keep no part of it. `slots` bounds how many runtime calls run at once: more than
    the cores can take only makes each of them slower."""

    config: Config
    paths: Paths
    runc: Runc
    conmon: Conmon
    cgroups: CgroupDriver
    images: ImageStore
    network: PodNetwork
    volumes: PodVolumes
    events: EventLog
    privileges: Privileges
    slots: asyncio.Semaphore
    configs: ConfigBook = field(default_factory=ConfigBook)
    users: UserRanges = field(default_factory=UserRanges)

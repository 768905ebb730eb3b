"""The sight of one pod that its worker keeps: records plus what was observed of the host. One owner, no locks."""

from __future__ import annotations

from dataclasses import dataclass, field

from hostpod.engine.paths import PodPaths
from hostpod.engine.records import ContainerRecord, PodRecord
from hostpod.host.namespaces import Namespaces
from hostpod.host.pids import Watched
from hostpod.images import Image
from hostpod.network import Attachment
from hostpod.plan.actions import EnsureImage
from hostpod.plan.observed import Failure, ObservedPod, action_key, image_target
from hostpod.volumes import PreparedVolumes


@dataclass(kw_only=True, slots=True)
class PodState:
    """One admitted pod. Changed only by its worker and by the actions that this worker runs.

    `stale`: what volumes show of objects or of the pod itself may have changed since they were prepared.
    """

    record: PodRecord
    paths: PodPaths
    containers: dict[str, ContainerRecord] = field(default_factory=dict)
    namespaces: Namespaces | None = None
    networked: bool = False
    attachment: Attachment | None = None
    pause: Watched | None = None
    remains: bool = False
    volumes: PreparedVolumes | None = None
    stale: bool = False
    images: dict[str, Image] = field(default_factory=dict)
    volume_images: dict[str, str] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    processes: dict[str, Watched] = field(default_factory=dict)
    monitors: dict[str, Watched] = field(default_factory=dict)

    @property
    def uid(self) -> str:
        return self.record.pod.metadata.uid or ""

    def keep(self, record: ContainerRecord) -> None:
        """Write a container's record down, then believe it."""
        record.save(self.paths.container(record.id))
        self.containers[record.id] = record

    def keep_pod(self, record: PodRecord) -> None:
        """Write the pod's record down, then believe it."""
        record.save(self.paths)
        self.record = record

    def forget_image(self, container: str) -> None:
        """Its image has to be looked for anew, and at once."""
        self.images.pop(container, None)
        self.failures.pop(action_key(EnsureImage, image_target(container)), None)

    def observed(self, busy: frozenset[str]) -> ObservedPod:
        """The input of the plan."""
        return ObservedPod(
            pod=self.record.pod,
            admitted_at=self.record.admitted_at,
            ending=self.record.ending,
            namespaces=self.namespaces is not None,
            volumes=self.volumes is not None,
            stale=self.stale,
            renew_at=self.volumes.renew_at if self.volumes else None,
            network=self.networked,
            pause=self.pause is not None,
            remains=self.remains,
            sandbox_at=self.record.sandbox_at,
            ips=self.attachment.ips if self.attachment else (),
            containers=tuple(record.observed() for record in self.containers.values()),
            images={name: image.id for name, image in self.images.items()},
            volume_images=dict(self.volume_images),
            failures=dict(self.failures),
            busy=busy,
            verdict=self.record.verdict,
        )

    def unwatch(self) -> None:
        """Give every descriptor back."""
        for watched in (*self.processes.values(), *self.monitors.values(), self.pause):
            if watched is not None:
                watched.close()
        if self.namespaces is not None:
            self.namespaces.close()
        self.processes.clear()
        self.monitors.clear()

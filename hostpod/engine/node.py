"""The node as the server sees it: pods, events, problems, images, logs and commands, by their names."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from hostpod.engine.attach import AttachSession, LogSession, attach_session
from hostpod.engine.edges import Edges
from hostpod.engine.engine import Engine
from hostpod.engine.exec import Session, exec_session
from hostpod.engine.image_orders import ImageOrders, shown
from hostpod.engine.image_users import ImageUsers
from hostpod.engine.logged import logged_attempt
from hostpod.engine.pulls import pull_lines
from hostpod.engine.records import ContainerRecord
from hostpod.engine.refusals import REFUSALS, words
from hostpod.engine.state import PodState
from hostpod.engine.watchers import Change
from hostpod.host.logs import LogOptions, read_log
from hostpod.host.spool import spooled
from hostpod.host.usage import disk_usage
from hostpod.images import Checked, Image
from hostpod.kube.api_status import StatusError
from hostpod.plan.happenings import EventType
from hostpod.volumes import Claim

log = logging.getLogger(__name__)

Json = Mapping[str, Any]


class NodeView:
    """Reads what the engine knows and asks it for what people want; decides nothing about pods."""

    def __init__(self, engine: Engine, edges: Edges) -> None:
        self._engine = engine
        self._edges = edges
        self._image_users = ImageUsers(edges, engine)
        self._image_orders = ImageOrders(edges, self._image_users)
        self._problems: Sequence[Json] = ()

    @property
    def name(self) -> str:
        return self._edges.config.node_name

    @property
    def token_issuer(self) -> str:
        return self._edges.config.token_issuer

    async def public_keys(self) -> Json:
        """The JSON Web Key Set that tokens of pods are verified by."""
        try:
            return await self._edges.volumes.public_keys()
        except REFUSALS as error:
            raise StatusError("InternalError", str(error)) from error

    def show_problems(self, problems: Sequence[Json]) -> None:
        """What is wrong with manifests now. Each new problem is an event as well."""
        for problem in problems:
            if problem not in self._problems:
                reason = "PodSecurity" if problem.get("warning") else "FailedValidation"
                self._edges.events.file(problem["file"], reason, problem["text"])
        self._problems = problems

    def pods(self) -> Sequence[Json]:
        return self._engine.pods()

    def problems(self) -> Sequence[Json]:
        return self._problems

    def events(self) -> Sequence[Json]:
        return self._edges.events.rendered()

    def watch_pods(self) -> AsyncGenerator[Change, None]:
        return self._engine.watch_pods()

    def watch_events(self) -> AsyncGenerator[Change, None]:
        return self._edges.events.watch()

    # Storage

    async def volumes(self, *, namespace: str | None, usage: bool) -> Sequence[Json]:
        """Claimed storage, whether a pod uses it or not."""
        users = claim_users(self.pods())
        found = await asyncio.to_thread(self._edges.volumes.claims)
        shown = []
        for claim, path in found.items():
            if namespace in (None, claim.namespace):
                told = {"metadata": {"name": claim.name, "namespace": claim.namespace}, "path": str(path)}
                size = {"usedBytes": (await asyncio.to_thread(disk_usage, (path,))).used_bytes} if usage else {}
                shown.append({"apiVersion": "hostpod/v1", **told, "usedBy": users.get(claim, []), **size})
        return shown

    # Images

    def images(self) -> Sequence[Json]:
        return [shown(image) for image in self._edges.images.list()]

    async def pull(self, reference: str) -> AsyncGenerator[Json, None]:
        """Fetch an image: progress lines as they come, the image last."""
        async for item in pull_lines(self._edges.images, reference, self._engine.tasks):
            if isinstance(item, Image):
                self._engine.retry_images()
                yield {"image": shown(item)}
            else:
                yield item

    async def load(self, archive: AsyncIterator[bytes]) -> Sequence[Json]:
        """Take the images of an archive into the store."""
        try:
            async with spooled(archive, self._edges.paths.images_scratch) as path:
                images = await self._edges.images.load(path)
        except REFUSALS as error:
            raise StatusError("Invalid", str(error)) from error
        self._engine.retry_images()
        return [shown(image) for image in images]

    async def inspect_image(self, reference: str) -> Json:
        return await self._image_orders.inspect(reference)

    async def remove_image(self, reference: str) -> Json:
        return await self._image_orders.remove(reference)

    async def prune_images(self, *, everything: bool, dry_run: bool) -> Json:
        return await self._image_orders.prune(everything=everything, dry_run=dry_run)

    async def verify(self, references: Sequence[str]) -> AsyncGenerator[Json, None]:
        """Read the layers of images again, of all where none is named: each part as soon as it is known how it is."""
        images = [self._image_orders.found(reference) for reference in references] or self._edges.images.list()
        try:
            async with aclosing(self._edges.images.verify(images, self._image_users.secrets)) as found:
                async for checked in found:
                    if checked.message:
                        kind: EventType = "Normal" if checked.state == "mended" else "Warning"
                        self._edges.events.node(kind, "CorruptImage", checked.message)
                        self._engine.retry_images()
                    yield _checked(checked)
        except REFUSALS as error:
            raise StatusError("InternalError", words(error)) from error

    # Inside containers

    async def logs(
        self, *, namespace: str, pod: str, container: str, options: LogOptions
    ) -> AsyncGenerator[bytes, None]:
        """Open a container's log. With `options.follow` it goes on until the container has ended."""
        cid = logged_attempt(self._status(namespace, pod, container), pod=pod, previous=options.previous)
        state = self._pod(namespace, pod)
        record = state.containers[cid]
        return read_log(
            Path(record.log),
            options=options,
            below=self._edges.paths.logs,
            ended=lambda: _has_ended(state, record),
        )

    @asynccontextmanager
    async def exec(
        self, *, namespace: str, pod: str, container: str, command: Sequence[str], tty: bool, stdin: bool
    ) -> AsyncIterator[Session]:
        """Run a command in a running container."""
        state, record = self._running(namespace, pod, container)
        log = state.paths.container(record.id).bundle / f"exec-{uuid4().hex}.log"
        argv = self._edges.runc.exec_argv(record.id, argv=command, tty=tty, log=log)
        async with exec_session(argv, tty=tty, stdin=stdin, log=log) as session:
            yield session

    @asynccontextmanager
    async def attach(
        self, *, namespace: str, pod: str, container: str, stdin: bool
    ) -> AsyncIterator[AttachSession | LogSession]:
        """Look at what a running container writes, and with `stdin` write to it."""
        state, record = self._running(namespace, pod, container)
        async with attach_session(
            state.record.pod.spec.container(container),
            record,
            bundle=state.paths.container(record.id).bundle,
            logs=self._edges.paths.logs,
            stdin=stdin,
            ended=lambda: _has_ended(state, record),
        ) as session:
            yield session

    def _running(self, namespace: str, pod: str, container: str) -> tuple[PodState, ContainerRecord]:
        """The attempt of a container that runs."""
        state = self._pod(namespace, pod)
        running = [r for r in state.containers.values() if r.name == container and r.phase == "running"]
        if not running:
            raise StatusError("BadRequest", f'container "{container}" of pod "{pod}" is not running')
        return state, running[0]

    def _status(self, namespace: str, pod: str, container: str) -> Json:
        shown = self._engine.pod(namespace, pod)
        told = shown["status"] if shown else {}
        statuses = (*told.get("initContainerStatuses", ()), *told.get("containerStatuses", ()))
        found: Json | None = next((status for status in statuses if status["name"] == container), None)
        if found is None:
            raise StatusError("BadRequest", f'container "{container}" in pod "{pod}" is not available')
        return found

    def _pod(self, namespace: str, pod: str) -> PodState:
        state = self._engine.pod_state(namespace, pod)
        if state is None:
            raise StatusError("NotFound", f'pod "{pod}" in namespace "{namespace}" is not on this node')
        return state


def claim_users(pods: Iterable[Json]) -> Mapping[Claim, Sequence[str]]:
    """The names of the pods that have each claim among their volumes, of rendered pods that are on this host."""
    users: dict[Claim, list[str]] = {}
    for pod in pods:
        metadata = pod["metadata"]
        for volume in pod["spec"].get("volumes", ()):
            if "persistentVolumeClaim" in volume:
                name = volume["persistentVolumeClaim"]["claimName"]
                users.setdefault(Claim(namespace=metadata["namespace"], name=name), []).append(metadata["name"])
    return {claim: sorted(set(names)) for claim, names in users.items()}


def _has_ended(state: PodState, record: ContainerRecord) -> bool:
    """Whether an attempt is over, as far as it is known."""
    return state.containers.get(record.id, record).phase == "exited" or record.id not in state.containers


def _checked(checked: Checked) -> Json:
    return {
        "digest": checked.digest,
        "images": list(checked.images),
        "state": checked.state,
        "message": checked.message,
    }

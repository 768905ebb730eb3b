"""What the HTTP handlers ask of the node: the verbs, and the shapes that go through them.

Everything that is rendered is JSON already (dicts as the kubelet prints them), so a handler only translates. Every verb
that cannot do what it was asked raises hostpod.kube.api_status.StatusError, whose message is shown as it is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

from hostpod.host.logs import LogOptions
from hostpod.sources.proposal import Proposal

JsonObject = Mapping[str, Any]
OutputStream = Literal["stdout", "stderr"]


class ExecSession(Protocol):
    """A command that runs in a container, which is killed and reaped when the context that gave it is left; or a
    container that somebody is attached to, which goes on."""

    async def write_stdin(self, data: bytes) -> None:
        """Wait until the command's stdin took the data; nothing when the command closed its end."""

    async def close_stdin(self) -> None:
        """End of file for the command. May be called twice."""

    async def resize(self, *, columns: int, rows: int) -> None:
        """Set the terminal's size; nothing without a terminal."""

    def output(self) -> AsyncIterator[tuple[OutputStream, bytes]]:
        """What the command writes, as it comes; ends when it closed its streams. With a tty all is stdout."""

    async def exit_code(self) -> int:
        """Wait for the end; 128 + n for a command that signal n ended."""


class Node(Protocol):
    """The node as people see it. Pods are named here by their full name (`web-myhost`) and namespace."""

    @property
    def name(self) -> str:
        """The node name, which is also the suffix of static pods' names."""

    @property
    def token_issuer(self) -> str:
        """In whose name the tokens of pods are made."""

    async def public_keys(self) -> JsonObject:
        """The JSON Web Key Set that tokens of pods are verified by."""

    def pods(self) -> Sequence[JsonObject]:
        """v1 Pods with their status, as GET /pods shows them. A snapshot that nobody changes later."""

    def problems(self) -> Sequence[JsonObject]:
        """What is wrong with manifests: {"file", "line", "column", "path", "message", "keptPod", "warning"}.

        `line` is 0 for a whole file; `keptPod` has the names of the pods that go on as they were, joined by ", ", or
        is None. What `warning` says of a pod does not keep it from running.
        """

    async def plan(self, proposal: Proposal) -> JsonObject:
        """What would become of pods if manifests were otherwise; nothing does. The shape is that of docs/plan.md."""

    def events(self) -> Sequence[JsonObject]:
        """v1 Events, oldest first."""

    def watch_pods(self) -> AsyncGenerator[JsonObject, None]:
        """{"type": "ADDED"|"MODIFIED"|"DELETED", "object": v1 Pod}: first all there are, then each change."""

    def watch_events(self) -> AsyncGenerator[JsonObject, None]:
        """{"type": "ADDED"|"MODIFIED", "object": v1 Event}: first all there are, then each new one."""

    async def volumes(self, *, namespace: str | None, usage: bool) -> Sequence[JsonObject]:
        """Claimed storage, of one namespace or of all.

        {"metadata": {"name", "namespace"}, "path", "usedBy": names of pods}, and with `usage` "usedBytes", for which
        all its files are looked at.
        """

    def images(self) -> Sequence[JsonObject]:
        """{"id", "references": [str], "repoDigests": [str], "sizeBytes": int, "created": RFC 3339 or None}."""

    def pull(self, reference: str) -> AsyncGenerator[JsonObject, None]:
        """Fetch an image. Progress lines as they come, the image last.

        A progress line is {"id": name of the part, "action": "Fetching"…, "current": bytes, "total": bytes or None,
        "done": bool}; the last line is {"image": an object of `images`}.
        """

    def verify(self, references: Sequence[str]) -> AsyncGenerator[JsonObject, None]:
        """Read the layers of images again, of all where none is named, and mend what is corrupt.

        {"digest", "images": names, "state": "ok", "noted" (it was not known before), "mended", "corrupt" or "lost",
        "message"}, each part of an image as soon as it is known how it is.
        """

    async def load(self, archive: AsyncIterator[bytes]) -> Sequence[JsonObject]:
        """Take the images of a docker-archive or oci-archive (the chunks of a tar file) into the store."""

    async def inspect_image(self, reference: str) -> JsonObject:
        """An object of `images` with {"manifestDigest", "architecture", "os", "config", "history", "layers":
        [{"digest", "compressedBytes", "diffId", "sizeBytes"}], "came", "lastUsed", "pods": [NAMESPACE/NAME],
        "pinned": bool}."""

    async def remove_image(self, reference: str) -> JsonObject:
        """Take a name away, and with its last one the image: {"untagged": [str], "removed": id or None,
        "freedBytes": int}."""

    async def prune_images(self, *, everything: bool, dry_run: bool) -> JsonObject:
        """Remove images that no pod uses, those without a tag or `everything`: {"images": objects of `images`,
        "freedBytes": int}. With `dry_run` nothing goes."""

    async def logs(
        self, *, namespace: str, pod: str, container: str, options: LogOptions
    ) -> AsyncGenerator[bytes, None]:
        """Open a container's log. With `options.follow` it goes on until the container has ended."""

    def exec(
        self, *, namespace: str, pod: str, container: str, command: Sequence[str], tty: bool, stdin: bool
    ) -> AbstractAsyncContextManager[ExecSession]:
        """Run a command in a running container. Without `stdin` the command reads end of file at once."""

    def attach(
        self, *, namespace: str, pod: str, container: str, stdin: bool
    ) -> AbstractAsyncContextManager[ExecSession]:
        """Look at what a running container writes from now on, and with `stdin` write to it, until it has ended."""

"""How far a pull is: blobs that are there, and what there is of those that come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from hostpod.images.bounds import leave_room
from hostpod.images.errors import ImagePullError
from hostpod.images.image import Phase, Progress
from hostpod.images.manifest import Descriptor

INTERVAL_S = 0.1
# The files in which skopeo gathers blobs, in the layout's directory.
_PARTIAL = "oci-put-blob*"
# What may come beside layers: an image's configuration, which skopeo takes up to this size.
_CONFIGURATION_BYTES = 4 << 20


class Meter:
    """Tells of a pull, at its steps and, while it runs, ten times a second."""

    def __init__(self, reference: str, tell: Callable[[Progress], None]) -> None:
        self._reference = reference
        self._tell = tell
        self._layout: Path | None = None
        self._phase: Phase = "resolving"
        self._wanted: dict[str, int] = {}
        self._arrived: set[str] = set()
        self._layers_done = self._layers_total = 0

    def expect(self, layers: Iterable[Descriptor], present: Collection[str]) -> None:
        """The image's layers, and those of which nothing need be fetched."""
        self._phase = "fetching"
        distinct = {layer.digest: layer.size_bytes for layer in layers}
        self._layers_total = len(distinct)
        self._layers_done = sum(digest in present for digest in distinct)
        self._wanted = {digest: size for digest, size in distinct.items() if digest not in present}
        self.show()

    def arrived(self, digest: str) -> None:
        """A blob is there."""
        self._arrived.add(digest)

    def built(self, digest: str) -> None:
        """A blob has become a layer."""
        self._layers_done += digest in self._wanted
        self.show()

    def is_waiting(self) -> None:
        """Other pulls come first."""
        self._to("waiting")

    def begins(self) -> None:
        """It is its turn."""
        self._to("resolving")

    def retries(self) -> None:
        """The registry is asked again in a moment."""
        self._to("retrying")

    def done(self) -> None:
        """The image is here."""
        self._to("done")

    def _to(self, phase: Phase) -> None:
        self._phase = phase
        self.show()

    def show(self) -> None:
        """Tell it now."""
        self._show(self._bytes_here())

    def _bytes_here(self) -> int:
        there = sum(size for digest, size in self._wanted.items() if digest in self._arrived)
        partial = self._layout.glob(_PARTIAL) if self._layout and there < self._bytes_wanted() else ()
        return there + sum(_size(path) for path in partial)

    def _bytes_wanted(self) -> int:
        return sum(self._wanted.values())

    def _show(self, here_bytes: int) -> None:
        wanted_bytes = self._bytes_wanted()
        self._tell(
            Progress(
                reference=self._reference,
                phase=self._phase,
                layers_done=self._layers_done,
                layers_total=self._layers_total,
                bytes_done=min(here_bytes, wanted_bytes),
                bytes_total=wanted_bytes,
            )
        )

    async def run(self, layout: Path) -> None:
        """Look at what skopeo has so far of an image that it copies to `layout`, again and again until cancelled.
        ImagePullError where a registry sends more than its manifest says, or than there is room for."""
        self._layout = layout
        while True:
            await asyncio.sleep(INTERVAL_S)
            here_bytes = self._bytes_here()
            leave_room(layout.parent)
            if self._wanted and here_bytes > self._bytes_wanted() + _CONFIGURATION_BYTES:
                raise ImagePullError(f"the registry sends more than the {self._bytes_wanted()} bytes of its manifest")
            self._show(here_bytes)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0  # it has just got its name

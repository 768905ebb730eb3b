"""An OCI layout's directory as the tar archive that the daemon takes: it reads no path that somebody else names."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import IO

from hostpod.cli.failure import Failure


@contextmanager
def layout_stream(layout: Path) -> Iterator[IO[bytes]]:
    """The layout as a stream to read. Raises Failure where it is none."""
    if not (layout / "index.json").is_file():
        raise Failure(f"{layout}: no index.json is in this directory: give an OCI layout, or an archive")
    reading, writing = os.pipe()
    writer = Thread(target=_write, args=(layout, writing), name="layout", daemon=True)
    with os.fdopen(reading, "rb") as stream:
        writer.start()
        yield stream
    writer.join()


def _write(layout: Path, descriptor: int) -> None:
    # Who reads it may stop early; what cannot be read is missing in the archive, and the daemon says what.
    with suppress(OSError), os.fdopen(descriptor, "wb") as sink, tarfile.open(fileobj=sink, mode="w|") as tar:
        for path in (layout / "index.json", *sorted(layout.glob("blobs/*/*"))):
            tar.add(path.resolve(), arcname=str(path.relative_to(layout)), recursive=False)

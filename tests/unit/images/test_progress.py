from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from hostpod.images.image import Progress
from hostpod.images.manifest import Descriptor
from hostpod.images.progress import Meter


def blob(digest: str, size: int) -> Descriptor:
    return Descriptor(digest=digest, size_bytes=size, media_type="")


def test_a_pull_is_told_step_by_step() -> None:
    told: list[Progress] = []
    meter = Meter("web", told.append)
    meter.show()
    meter.expect([blob("a", 10), blob("b", 20), blob("here", 40), blob("a", 10)], {"here", "other"})
    meter.arrived("a")
    meter.show()
    meter.built("a")
    meter.built("here")
    meter.arrived("b")
    meter.built("b")
    meter.done()
    assert [(p.phase, p.layers_done, p.layers_total, p.bytes_done, p.bytes_total) for p in told] == [
        ("resolving", 0, 0, 0, 0),
        ("fetching", 1, 3, 0, 30),
        ("fetching", 1, 3, 10, 30),
        ("fetching", 2, 3, 10, 30),
        ("fetching", 2, 3, 10, 30),
        ("fetching", 3, 3, 30, 30),
        ("done", 3, 3, 30, 30),
    ]
    assert {p.reference for p in told} == {"web"}


def test_what_is_still_coming_counts(tmp_path: Path) -> None:
    told: list[Progress] = []
    meter = Meter("web", told.append)
    meter.expect([blob("a", 10), blob("b", 20)], ())
    (tmp_path / "oci-put-blob1").write_bytes(b"1234")
    (tmp_path / "oci-put-blob2").write_bytes(b"x" * 100)
    (tmp_path / "index.json").write_bytes(b"x" * 100)

    async def watch() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.15):
                await meter.run(tmp_path)

    asyncio.run(watch())
    assert told[-1].bytes_done == 30
    (tmp_path / "oci-put-blob2").unlink()
    meter.show()
    assert told[-1].bytes_done == 4

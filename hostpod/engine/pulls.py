"""A pull that somebody watches: its progress as lines of JSON data, its failure as an answer to a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from hostpod.images import ImageError, ImageStore, Progress
from hostpod.kube.api_status import StatusError


async def pull_lines(images: ImageStore, reference: str) -> AsyncGenerator[Mapping[str, Any], None]:
    """Fetch an image as policy Always does. Raises StatusError with the registry's own words."""
    lines: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    # The store's pull goes on for others that wait for it when this client goes; only the waiting is cancelled.
    pull = loop.create_task(
        images.ensure(reference, policy="Always", progress=lambda p: lines.put_nowait(_line(p))), name=f"pull {reference}"
    )
    pull.add_done_callback(lambda _: lines.put_nowait(None))
    try:
        while (line := await lines.get()) is not None:
            yield line
        await pull
    except ImageError as error:
        raise StatusError("Invalid" if error.reason == "InvalidImageName" else "ServiceUnavailable", str(error)) from error
    finally:
        pull.cancel()


def _line(progress: Progress) -> Mapping[str, Any]:
    return {
        "id": progress.reference,
        "action": progress.phase,
        "current": progress.bytes_done,
        "total": progress.bytes_total,
        "done": False,
    }

"""A pull that somebody watches: its progress as lines of JSON data, its failure as an answer to a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from hostpod.engine.refusals import REFUSALS
from hostpod.images import Image, ImageStore, InvalidImageNameError, Progress
from hostpod.kube.api_status import Reason, StatusError

Line = Mapping[str, Any]


async def pull_lines(
    images: ImageStore, reference: str, tasks: asyncio.TaskGroup
) -> AsyncGenerator[Line | Image, None]:
    """Fetch an image as policy Always does: progress lines, then the image.

    The pull is a task of the node's own group; it is cancelled when the one who watches goes. Raises StatusError with
    the registry's own words.
    """
    told: asyncio.Queue[Line | Image | Exception] = asyncio.Queue()
    pull = tasks.create_task(_pull(images, reference, told), name=f"pull {reference}")
    try:
        while True:
            item = await told.get()
            if isinstance(item, Exception):
                raise StatusError(_refusal(item), str(item)) from item
            yield item
            if isinstance(item, Image):
                return
    finally:
        pull.cancel()


def _refusal(error: Exception) -> Reason:
    return "Invalid" if isinstance(error, InvalidImageNameError) else "ServiceUnavailable"


async def _pull(images: ImageStore, reference: str, told: asyncio.Queue[Line | Image | Exception]) -> None:
    try:
        image = await images.ensure(reference, policy="Always", progress=lambda p: told.put_nowait(_line(p)))
    except REFUSALS as error:
        told.put_nowait(error)
    else:
        told.put_nowait(image)


def _line(progress: Progress) -> Line:
    return {
        "id": progress.reference,
        "action": progress.phase,
        "current": progress.bytes_done,
        "total": progress.bytes_total or None,
        "done": progress.phase == "done",
    }

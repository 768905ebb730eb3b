from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from hostpod.engine.pulls import pull_lines
from hostpod.images import Image, ImageConfig, ImageStore, InvalidImageNameError, Progress
from hostpod.kube.api_status import StatusError

IMAGE = Image(
    id="sha256:1", references=("web:1",), repo_digests=(), layers=(), size_bytes=5, created="", config=ImageConfig()
)


class Store:
    """A store that tells of one step and then has the image, or refuses."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self._refusal = refusal

    async def ensure(self, reference: str, *, policy: str, progress: Callable[[Progress], None]) -> Image:
        assert policy == "Always"
        progress(Progress(reference=reference, phase="resolving"))
        progress(Progress(reference=reference, phase="fetching", bytes_done=1, bytes_total=2))
        await asyncio.sleep(0)
        if self._refusal:
            raise self._refusal
        progress(Progress(reference=reference, phase="done", bytes_done=2, bytes_total=2))
        return IMAGE


def told(store: Store) -> list[Any]:
    async def run() -> list[Any]:
        async with asyncio.TaskGroup() as tasks:
            return [item async for item in pull_lines(cast(ImageStore, store), "web:1", tasks)]

    return asyncio.run(run())


def test_progress_comes_first_and_the_image_last() -> None:
    *lines, image = told(Store())
    assert [(line["action"], line["current"], line["total"], line["done"]) for line in lines] == [
        ("resolving", 0, None, False),
        ("fetching", 1, 2, False),
        ("done", 2, 2, True),
    ]
    assert {line["id"] for line in lines} == {"web:1"}
    assert image is IMAGE


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (InvalidImageNameError("no name"), "Invalid"),
        (OSError(28, "no space left on device"), "ServiceUnavailable"),
    ],
)
def test_what_the_world_refuses_is_an_answer_and_does_not_end_the_daemon(refusal: Exception, reason: str) -> None:
    with pytest.raises(BaseExceptionGroup) as caught:
        told(Store(refusal))
    (error,) = caught.value.exceptions
    assert isinstance(error, StatusError)
    assert error.reason == reason

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import pytest

from hostpod.images.catalogue import Catalogue
from hostpod.images.holdings import Holdings
from hostpod.images.layers import LayerFiles
from hostpod.images.removals import Removals


class Disk:
    """Three layers, of which an image has one: catalogue, layers and what is removed of them."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.refuses = False

    def diff_ids(self) -> set[str]:
        return {"of an image"}

    def put_away(self, diff_ids: Iterable[str]) -> list[Path]:
        if self.refuses:
            raise OSError(30, "Read-only file system")
        self.gone.update(diff_ids)
        return []

    def begin(self, _: object) -> None:
        """In the background."""


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def holdings(disk: Disk) -> Holdings:
    return Holdings(cast("Catalogue", disk), cast("LayerFiles", disk), cast("Removals", disk))


def test_what_a_pull_counts_on_stays_until_its_end(disk: Disk, holdings: Holdings) -> None:
    with holdings.claiming() as claims, holdings.claiming() as others:
        claims.add("claimed")
        others.add("of another")
        holdings.drop(["claimed", "loose", "of an image"])
        assert disk.gone == {"loose"}
    assert disk.gone == {"loose", "claimed"}


def test_a_disk_that_refuses_stops_no_pull(disk: Disk, holdings: Holdings, caplog: pytest.LogCaptureFixture) -> None:
    disk.refuses = True
    with holdings.claiming():
        holdings.drop(["loose"])
    assert "layers that nobody needs stay until the next start: [Errno 30] Read-only file system" in caplog.text

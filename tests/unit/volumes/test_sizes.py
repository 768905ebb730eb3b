from __future__ import annotations

import pytest

from hostpod.volumes.sizes import BLOCK_BYTES, image_bytes, memory_volume_bytes

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("size_limit", "pod_limit", "expected"),
    [(None, None, 900), (100, None, 100), (None, 50, 50), (100, 50, 50), (50, 100, 50), (1000, 2000, 900)],
)
def test_the_least_limit_holds(size_limit: int | None, pod_limit: int | None, expected: int) -> None:
    assert memory_volume_bytes(size_limit=size_limit, pod_limit=pod_limit, host_bytes=900) == expected


@pytest.mark.parametrize("limit", [1, 4096, MIB, 100 * MIB, 100 * 1024 * MIB])
def test_an_image_is_a_little_larger_than_its_limit_in_whole_blocks(limit: int) -> None:
    size = image_bytes(limit)
    assert size % BLOCK_BYTES == 0
    assert limit < size < limit * 1.05 + MIB

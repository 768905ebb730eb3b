"""Which ids of the host a pod with a user namespace of its own gets. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from hostpod.kube.user_ids import IDS


def free_range(first_id: int, count: int, *, taken: Collection[int], others: Iterable[range]) -> int | None:
    """The first id of the lowest of `count` ranges that no pod has `taken` and nobody else has ids of; None: none."""
    given = (*others, *(range(start, start + IDS) for start in taken))
    starts = (first_id + number * IDS for number in range(count))
    return next((start for start in starts if not _overlaps(start, given)), None)


def _overlaps(start: int, given: Iterable[range]) -> bool:
    return any(start < each.stop and each.start < start + IDS for each in given)

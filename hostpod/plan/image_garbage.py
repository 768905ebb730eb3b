"""Which images go, and when: unused ones, the least recently used first, and no more than has to be. Pure.

Thresholds and ages are those of the kubelet's image garbage collection. It counts an image's whole size as freed; here
a layer counts that no image has which stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hostpod.plan.pressure import Reading, Rule, Short, Signal

EVERYTHING = 1 << 63
"""More octets than there are: all that can go goes."""

_DOCKER = ("docker.io/library/", "docker.io/")


@dataclass(frozen=True, kw_only=True, slots=True)
class GarbageRule:
    """Of the file system of images: above `high_percent` in use they go, down to `low_percent`. An age of 0 is none."""

    high_percent: int = 85
    low_percent: int = 80
    minimum_age_s: float = 120.0
    maximum_age_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredImage:
    """An image that is here: octets on disk of its layers, when it came and when it was used last (wall seconds).

    `kept`: a pod uses it, or it is pinned. `tagged`: it has a tag and not only digests.
    """

    id: str
    layers: Mapping[str, int]
    came: float
    used: float
    kept: bool = False
    tagged: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Garbage:
    """The images that go now, in this order, and how many octets that frees of those that should be free.

    `wake_at` is when there may be more to remove without anything happening; None: never.
    """

    going: tuple[str, ...] = ()
    frees: int = 0
    wanted: int = 0
    wake_at: float | None = None


def image_garbage(
    images: Sequence[StoredImage], rule: GarbageRule, disk: Reading | None, now: float, *, more: int = 0
) -> Garbage:
    """What goes: images that are too old, and then as many as make room. `more` are octets that are wanted besides."""
    loose = sorted((each for each in images if not each.kept), key=lambda each: (each.used, each.came, each.id))
    ripe = [each for each in loose if _ripe_at(each, rule) <= now]
    old = [each for each in ripe if _old_at(each, rule) <= now]
    wanted = max(wanted_bytes(rule, disk), more)
    going = _for_room(images, old, [each for each in ripe if each not in old], wanted)
    frees = freed_bytes(images, {each.id for each in going})
    left = [each for each in loose if each not in going]
    waits = [max(_old_at(each, rule), _ripe_at(each, rule)) for each in left if rule.maximum_age_s]
    if frees < wanted:
        waits += [_ripe_at(each, rule) for each in left]
    return Garbage(
        going=tuple(each.id for each in going),
        frees=frees,
        wanted=wanted,
        wake_at=min((at for at in waits if at > now), default=None),
    )


def pruned(images: Iterable[StoredImage], *, everything: bool) -> frozenset[str]:
    """What a `prune` removes: images that nobody uses and that have no tag, or `everything` that nobody uses."""
    return frozenset(image.id for image in images if not image.kept and (everything or not image.tagged))


def _ripe_at(image: StoredImage, rule: GarbageRule) -> float:
    return image.came + rule.minimum_age_s


def _old_at(image: StoredImage, rule: GarbageRule) -> float:
    return image.used + (rule.maximum_age_s or EVERYTHING)


def wanted_bytes(rule: GarbageRule, disk: Reading | None) -> int:
    """How much should be freed of a file system: nothing below the high threshold, and above it all down to the low."""
    if disk is None or not disk.capacity or rule.high_percent == 100:
        return 0
    used_percent = 100 - disk.available * 100 // disk.capacity
    if used_percent < rule.high_percent:
        return 0
    return max(0, disk.capacity * (100 - rule.low_percent) // 100 - disk.available)


def freed_bytes(images: Iterable[StoredImage], going: Collection[str]) -> int:
    """What is freed where these go: the layers that no other has."""
    stays = {layer for image in images if image.id not in going for layer in image.layers}
    goes = {layer: size for image in images if image.id in going for layer, size in image.layers.items()}
    return sum(size for layer, size in goes.items() if layer not in stays)


def _for_room(
    images: Iterable[StoredImage], old: Sequence[StoredImage], ripe: Iterable[StoredImage], wanted: int
) -> list[StoredImage]:
    """The old ones, and of the others, in their order, as many as are needed; not those whose end frees nothing."""
    holders = Counter(layer for image in images for layer in image.layers)
    frees, going = 0, list[StoredImage]()
    for image in (*old, *ripe):
        if len(going) >= len(old) and frees >= wanted:
            break
        going.append(image)
        holders.subtract(image.layers.keys())
        frees += sum(size for layer, size in image.layers.items() if not holders[layer])
    return [image for image in going if image in old or any(not holders[layer] for layer in image.layers)]


def wanted_by_pressure(
    short: Iterable[Short], disk: Reading | None, rule: Rule, *, holds_pods: bool
) -> tuple[frozenset[Signal], int]:
    """What unused images may help against, and how many octets of them: before a pod goes, they do.

    `disk` is the file system of images; `holds_pods` says whether it is that of pods as well. Of inodes nobody knows
    how many an image has: all may go, as with the kubelet.
    """
    helps, wanted = set[Signal](), 0
    for each in short:
        if disk is None or not (each.signal.startswith("imagefs") or (holds_pods and each.signal.startswith("nodefs"))):
            continue
        if each.signal.endswith("inodesFree"):
            helps.add(each.signal)
            wanted = EVERYTHING
            continue
        # Another file system of pods may be what is short: of this one's own amount, not of the reading.
        lacks = rule.thresholds[each.signal].of(disk.capacity) + rule.reclaim.of(disk.capacity) - disk.available
        if lacks > 0:
            helps.add(each.signal)
            wanted = max(wanted, lacks)
    return frozenset(helps), wanted


def is_pinned(names: Iterable[str], patterns: Sequence[str]) -> bool:
    """Whether a pattern means one of these names, with or without its tag, also in docker's short form."""
    spelled = {each for name in names for each in _spellings(name)} if patterns else ()
    return "*" in patterns or any(fnmatchcase(each, pattern) for each in spelled for pattern in patterns)


def _spellings(name: str) -> Iterable[str]:
    path, at, _ = name.partition("@")
    head, slash, last = path.rpartition("/")
    bare = path if at else f"{head}{slash}{last.partition(':')[0]}"
    for form in (name, bare):
        yield form
        yield from (form.removeprefix(prefix) for prefix in _DOCKER if form.startswith(prefix))

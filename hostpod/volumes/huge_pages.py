"""The size of the pages of an emptyDir of huge pages. Pure."""

from __future__ import annotations

from hostpod.kube import Pod
from hostpod.kube.huge_pages import HUGE_PAGES, page_bytes
from hostpod.kube.pod_resources import container_limits, whole
from hostpod.volumes.errors import VolumeError

HUGE_PAGES_MEDIUM = "HugePages"


def huge_page_bytes(pod: Pod, medium: str) -> int:
    """What the medium names, or the one size that the pod asks for. VolumeError where it asks for none of it."""
    limits = {**container_limits(pod.spec), **whole(pod.spec).limits}
    asked = sorted(name for name, amount in limits.items() if name.startswith(HUGE_PAGES) and amount.nano > 0)
    named = medium.removeprefix(HUGE_PAGES_MEDIUM).removeprefix("-")
    sizes = {page_bytes(name) for name in asked}
    if named and page_bytes(named) not in sizes:
        raise VolumeError(f"medium {medium}: no container of the pod has a limit of {HUGE_PAGES}{named}")
    if not named and len(asked) != 1:
        why = (
            f"the pod has {', '.join(asked)}: name one, HugePages-SIZE" if asked else "no container asks for huge pages"
        )
        raise VolumeError(f"medium {medium}: {why}")
    return page_bytes(named) if named else sizes.pop()

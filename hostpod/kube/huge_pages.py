"""Names of huge pages: `hugepages-2Mi` in a manifest is `2MB` to the kernel."""

from __future__ import annotations

from hostpod.kube.quantity import NANO, Quantity

HUGE_PAGES = "hugepages-"

_UNITS = ("KB", "MB", "GB")


def page_bytes(name: str) -> int:
    """The size of the pages of a resource, which must be one of huge pages."""
    return Quantity.parse(name.removeprefix(HUGE_PAGES)).value


def huge_pages_name(size_bytes: int) -> str:
    """The resource of pages of this size."""
    return f"{HUGE_PAGES}{Quantity(nano=size_bytes * NANO, form='binary')}"


def hugetlb_size(size_bytes: int) -> str:
    """The size as control files and the OCI specification write it: 64KB, 2MB, 1GB."""
    size, unit = size_bytes // 1024, 0
    while size >= 1024 and unit + 1 < len(_UNITS):
        size, unit = size // 1024, unit + 1
    return f"{size}{_UNITS[unit]}"

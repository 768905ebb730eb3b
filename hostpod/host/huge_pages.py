"""Huge pages that the host has set aside."""

from __future__ import annotations

from pathlib import Path


def huge_pages(directory: Path = Path("/sys/kernel/mm/hugepages")) -> dict[int, int]:
    """Octets by size of page, for every size that the kernel knows; 0 where no pages are set aside."""
    found: dict[int, int] = {}
    for place in directory.glob("hugepages-*kB"):
        size = int(place.name.removeprefix("hugepages-").removesuffix("kB")) * 1024
        found[size] = size * int((place / "nr_hugepages").read_text())
    return found

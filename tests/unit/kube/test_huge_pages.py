from __future__ import annotations

import pytest

from hostpod.kube.huge_pages import huge_pages_name, hugetlb_size, page_bytes


@pytest.mark.parametrize(
    ("name", "size_bytes", "kernel"),
    [
        ("hugepages-64Ki", 64 << 10, "64KB"),
        ("hugepages-2Mi", 2 << 20, "2MB"),
        ("hugepages-512Mi", 512 << 20, "512MB"),
        ("hugepages-1Gi", 1 << 30, "1GB"),
        ("hugepages-16Gi", 16 << 30, "16GB"),
    ],
)
def test_one_size_by_its_names(name: str, size_bytes: int, kernel: str) -> None:
    assert page_bytes(name) == size_bytes
    assert huge_pages_name(size_bytes) == name
    assert hugetlb_size(size_bytes) == kernel

from __future__ import annotations

from pathlib import Path

from hostpod.host.huge_pages import huge_pages


def test_pages_that_are_set_aside(tmp_path: Path) -> None:
    for name, count in (("hugepages-2048kB", 3), ("hugepages-1048576kB", 0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "nr_hugepages").write_text(f"{count}\n")
    (tmp_path / "other").mkdir()
    assert huge_pages(tmp_path) == {2 << 20: 6 << 20, 1 << 30: 0}
    assert huge_pages(tmp_path / "gone") == {}

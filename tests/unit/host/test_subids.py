from __future__ import annotations

from pathlib import Path

from hostpod.host.subids import subordinate_ids


def test_ranges_of_users(tmp_path: Path) -> None:
    file = tmp_path / "subuid"
    file.write_text("ann:100000:65536\n# nobody\nbob:x:1\n1001:200000:10\n")
    assert subordinate_ids((file, tmp_path / "none")) == (range(100000, 165536), range(200000, 200010))

from __future__ import annotations

from pathlib import Path

from hostpod.images import link_astray


def test_links_in_the_way(tmp_path: Path) -> None:
    assert link_astray(tmp_path) is None
    (tmp_path / "dev").mkdir()
    (tmp_path / "etc").symlink_to("/")
    assert link_astray(tmp_path) is None
    (tmp_path / "sys").symlink_to("/srv")
    assert link_astray(tmp_path) == (
        "the image's /sys is a link to /srv and must be a directory: it would lead out of the container"
    )

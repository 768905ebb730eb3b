from __future__ import annotations

from pathlib import Path

import pytest

from hostpod.sources.files import is_manifest, may_be_temporary, stamp_of


@pytest.mark.parametrize(
    "name",
    [
        "web.yaml",
        "web.yml",
        "web.json",
        "web.YAML",
        "web",
        "a.b.yaml",
        "#web",
        "web#",
        "49131",
        "db.yaml.cred",
        "db.json.CRED",
    ],
)
def test_manifests(name: str) -> None:
    assert is_manifest(name)


@pytest.mark.parametrize(
    "name",
    [
        ".web.yaml",
        ".web.yaml.swp",
        "..data",
        "web.yaml~",
        "web~",
        "web.yaml.swp",
        "#web.yaml#",
        ".#web.yaml",
        "web.yaml.dpkg-new",
        "web.yaml.dpkg-old",
        "web.yaml.rpmsave",
        "web.yaml.bak",
        "web.txt",
        "README.md",
        "4913",
        "db.cred",
        ".db.yaml.cred",
        "db.yaml.cred~",
    ],
)
def test_what_editors_and_packages_leave_behind(name: str) -> None:
    assert not is_manifest(name)


def test_names_that_may_be_temporary() -> None:
    assert may_be_temporary("sedAbCdEf")
    assert not may_be_temporary("web.yaml")


def test_a_stamp_changes_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("a")
    first = stamp_of(file.stat())
    assert stamp_of(file.stat()) == first
    file.write_text("ab")
    assert stamp_of(file.stat()) != first

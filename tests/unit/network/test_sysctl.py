"""What is noted of forwarding and taken back, on a tree of files; tests/integration shows what the kernel does."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostpod.network import sysctl


class Links:
    """The settings of links as the kernel shows them; `forwarding` of `all` is that of every link."""

    def __init__(self, root: Path) -> None:
        self.root = root / "ipv6" / "conf"
        self.note = root / "note"

    def put(self, **accept_ra: str) -> None:
        for link, value in accept_ra.items():
            (self.root / link).mkdir(parents=True, exist_ok=True)
            (self.root / link / "accept_ra").write_text(f"{value}\n")
            self.forward(link, "0")

    def forward(self, link: str, value: str) -> None:
        (self.root / link / "forwarding").write_text(f"{value}\n")

    def accept_ra(self) -> dict[str, str]:
        return {path.parent.name: path.read_text().strip() for path in self.root.glob("*/accept_ra")}

    @property
    def forwards(self) -> str:
        return (self.root / "all" / "forwarding").read_text().strip()


@pytest.fixture
def links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Links:
    monkeypatch.setattr("hostpod.network.sysctl._NETWORK", tmp_path)
    made = Links(tmp_path)
    made.put(all="1", default="1", eth0="1", eth1="0", eth2="1")
    made.forward("eth2", "1")  # it learns nothing already
    return made


def test_links_that_learn_go_on_to_learn_and_all_is_taken_back(links: Links) -> None:
    before = links.accept_ra()
    sysctl.enable_forwarding6(links.note)
    assert links.forwards == "1"
    assert links.accept_ra() == before | {"default": "2", "eth0": "2"}
    sysctl.restore_forwarding6(links.note)
    assert links.forwards == "0"
    assert links.accept_ra() == before
    assert not links.note.exists()


def test_a_later_start_adds_to_the_note_of_the_first(links: Links) -> None:
    sysctl.enable_forwarding6(links.note)
    links.put(all="1", eth3="1")  # somebody switched forwarding off meanwhile
    sysctl.enable_forwarding6(links.note)
    assert links.note.read_text().split() == ["0", "default", "eth0", "eth3"]
    assert links.forwards == "1"


def test_who_forwarded_before_goes_on_with_it(links: Links) -> None:
    before = links.accept_ra()
    links.forward("all", "1")
    sysctl.enable_forwarding6(links.note)
    sysctl.restore_forwarding6(links.note)
    assert (links.forwards, links.accept_ra()) == ("1", before)


def test_what_somebody_else_set_and_links_that_went_are_left(links: Links) -> None:
    sysctl.enable_forwarding6(links.note)
    links.put(eth0="0")
    (links.root / "default" / "accept_ra").unlink()
    sysctl.restore_forwarding6(links.note)
    assert links.accept_ra()["eth0"] == "0"
    assert links.forwards == "0"


def test_without_a_note_or_with_an_empty_one_nothing_is_taken_back(links: Links) -> None:
    links.forward("all", "1")
    sysctl.restore_forwarding6(links.note)
    links.note.touch()
    sysctl.restore_forwarding6(links.note)
    assert links.forwards == "1"
    links.note.touch()
    sysctl.enable_forwarding6(links.note)
    assert links.note.read_text().split() == ["1"]


def test_a_kernel_without_ipv6_is_known(links: Links, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sysctl.has_ipv6()
    monkeypatch.setattr("hostpod.network.sysctl._NETWORK", tmp_path / "none")
    assert not sysctl.has_ipv6()

"""Where a root file system comes from: the archives that this machine has its own packages from."""

from __future__ import annotations

import pytest

from lab.place import UnreachableError
from lab.rootfs import archives

LISTING = """\
https://other.example/apt bookworm main
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm-updates main
http://mirror.example/debian-security/ bookworm-security main
"""


def test_the_archives_are_those_of_apt_s_sources() -> None:
    assert archives(LISTING, "bookworm") == ("http://mirror.example/debian/", "http://mirror.example/debian-security/")


def test_a_mirror_of_another_name_without_security_updates() -> None:
    assert archives("http://mirror.example/d stable main\n", "bookworm") == ("http://mirror.example/d", None)


def test_sources_that_are_not_debian_s_are_said() -> None:
    with pytest.raises(UnreachableError, match="apt's sources here name no bookworm main"):
        archives("http://mirror.example/ubuntu noble main\n", "bookworm")

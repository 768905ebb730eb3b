from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from hostpod.host.apparmor import is_enabled, load_profile, loaded_profiles, profile_text
from hostpod.host.process import CommandError


def test_the_kernel_says_whether_it_has_it(tmp_path: Path) -> None:
    assert not is_enabled(tmp_path)
    assert loaded_profiles(tmp_path) == frozenset()
    for file, text in (
        ("module/apparmor/parameters/enabled", "Y\n"),
        ("kernel/security/apparmor/profiles", "hostpod-default (enforce)\n/usr/bin/a b (complain)\n"),
    ):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text(text)
    assert is_enabled(tmp_path)
    assert loaded_profiles(tmp_path) == {"hostpod-default", "/usr/bin/a b"}
    (tmp_path / "module/apparmor/parameters/enabled").write_text("N\n")
    assert not is_enabled(tmp_path)


def test_the_profile_goes_to_the_parser(tmp_path: Path) -> None:
    parser = tmp_path / "parser"
    parser.write_text(f"#!/bin/sh\necho $* > {tmp_path}/asked; cat > {tmp_path}/given\n")
    parser.chmod(0o755)
    asyncio.run(load_profile("mine", str(parser)))
    assert (tmp_path / "asked").read_text() == "--replace --skip-cache\n"
    assert (tmp_path / "given").read_text() == profile_text("mine")
    with pytest.raises(CommandError, match="no-parser"):
        asyncio.run(load_profile("mine", "/no-parser"))


@pytest.mark.skipif(shutil.which("apparmor_parser") is None, reason="apparmor is not installed")
def test_the_profile_is_one() -> None:
    argv = ["apparmor_parser", "--skip-kernel-load", "--skip-cache", "--quiet"]
    assert subprocess.run(argv, input=profile_text("hostpod-default"), text=True, check=False).returncode == 0

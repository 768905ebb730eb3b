from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from hostpod.kube import NFSVolumeSource
from hostpod.volumes import VolumeError, nfs

PLACE = Path("/run/place")


def command(**source: Any) -> tuple[str, ...]:
    return nfs.mount_command(NFSVolumeSource.model_validate({"server": "files", "path": "/srv", **source}), PLACE)


def test_what_mounts_it() -> None:
    assert command() == ("mount", "-t", "nfs", "--", "files:/srv", "/run/place")
    assert command(readOnly=True) == ("mount", "-t", "nfs", "-o", "ro", "--", "files:/srv", "/run/place")
    assert command(server="2001:db8::1")[-2] == "[2001:db8::1]:/srv"
    assert command(server="[2001:db8::1]")[-2] == "[2001:db8::1]:/srv"
    assert command(server="-o")[-3:-1] == ("--", "-o:/srv"), "a server is no option"


def test_a_host_that_cannot_mount_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nfs, "HELPER", tmp_path / "none")
    source = NFSVolumeSource.model_validate({"server": "files", "path": "/srv"})
    with pytest.raises(VolumeError, match=r"this host cannot mount NFS, it has no .*/none: install nfs-common"):
        asyncio.run(nfs.open_nfs(source, tmp_path / "place"))
    assert not (tmp_path / "place").exists()

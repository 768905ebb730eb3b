from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hostpod.config import BinariesConfig, CgroupConfig, Config, DirectoriesConfig
from hostpod.host.doctor import collect, dropping_chains, find_facts


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Programs that answer as the real ones do, of which one is missing."""
    words = {
        "runc": "runc version 1.1.5+ds1\ncommit: 1",
        "conmon": "conmon version 2.1.6",
        "catatonit": "tini version 0.1.7_catatonit",
        "tar2sqfs": "tar2sqfs (squashfs-tools-ng) 1.2.0",
    }
    for name, answer in words.items():
        (tmp_path / name).write_text(f"#!/bin/sh\necho '{answer}'\n")
        (tmp_path / name).chmod(0o755)
    binaries = BinariesConfig(**{name: str(tmp_path / name) for name in (*words, "skopeo")})
    directories = DirectoriesConfig(state=tmp_path / "not" / "yet", runtime=tmp_path)
    return Config(binaries=binaries, directories=directories, cgroups=CgroupConfig(root="hostpod-test-never"))


def test_this_host_s_facts(config: Config, tmp_path: Path) -> None:
    facts = asyncio.run(find_facts(config))
    versions = {name: program.version for name, program in facts.programs.items()}
    assert versions == {
        "runc": "1.1.5+ds1",
        "conmon": "2.1.6",
        "catatonit": "0.1.7_catatonit",
        "tar2sqfs": "1.2.0",
        "skopeo": "",
    }
    assert facts.programs["skopeo"].path is None
    assert not facts.programs["catatonit"].static, "a script needs its shell"
    assert facts.state.directory == str(tmp_path / "not" / "yet")
    assert facts.state.total_bytes > facts.state.free_bytes > 0
    assert facts.state.kind
    assert facts.kernel
    assert facts.driver.given is None, "no daemon has made this root"
    assert facts.driver.wanted == "auto"
    assert facts.filesystems


def test_they_are_judged(config: Config) -> None:
    found = {check.name: check for check in collect(config)}
    assert found["skopeo"].level == "fail"
    assert found["runc"].level == "ok"


def test_chains_of_others_that_drop_what_is_forwarded() -> None:
    def chain(table: str, name: str, **more: str) -> dict[str, dict[str, str]]:
        return {"chain": {"family": "ip", "table": table, "name": name, **more}}

    listing = {
        "nftables": [
            {"metainfo": {"version": "1.0.6"}},
            chain("filter", "FORWARD", hook="forward", policy="drop"),
            chain("filter", "INPUT", hook="input", policy="drop"),
            chain("hostpod", "forward", hook="forward", policy="drop"),
            chain("other", "forward", hook="forward", policy="accept"),
            chain("other", "helper"),
        ]
    }
    assert dropping_chains(listing, "hostpod") == ("ip filter FORWARD",)
    assert dropping_chains({}, "hostpod") == ()

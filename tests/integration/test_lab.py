"""The registry that stands in for docker.io, asked as hostpod asks it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.place import command
from lab.registry import Registry, write_policy, write_registries_conf

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(("name", "layers"), [("busybox", 2), ("nginx", 5)])
def test_short_names_are_fetched_from_the_registry(registry: Registry, tmp_path: Path, name: str, layers: int) -> None:
    settings = write_registries_conf(tmp_path / "registries.conf", registry)
    policy = write_policy(tmp_path / "policy.json")
    fetch: list[str | Path] = ["skopeo", "--registries-conf", settings, "--policy", policy, "copy", "--quiet"]
    command([*fetch, f"docker://{name}", f"dir:{tmp_path / name}"])
    manifest = json.loads((tmp_path / name / "manifest.json").read_bytes())
    assert len(manifest["layers"]) == layers

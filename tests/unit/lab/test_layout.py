from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from lab.layout import Layer, write_layout


def _tree(root: Path) -> Path:
    (root / "etc").mkdir(parents=True)
    (root / "etc/motd").write_text("hello\n")
    (root / "bin").mkdir()
    (root / "bin/tool").write_text("#!/bin/sh\n")
    (root / "bin/tool").chmod(0o4755)
    (root / "bin/link").symlink_to("/bin/tool")
    return root


def _write(directory: Path) -> Path:
    layers = [Layer(root=_tree(directory / "tree"), comment="files")]
    write_layout(directory / "layout", layers, config={"Cmd": ["sh"]}, architecture="amd64")
    return directory / "layout"


def _blob(layout: Path, descriptor: dict[str, Any]) -> bytes:
    content = (layout / "blobs" / str(descriptor["digest"]).replace(":", "/")).read_bytes()
    assert len(content) == descriptor["size"]
    return content


def test_same_trees_give_the_same_image(tmp_path: Path) -> None:
    one, two = _write(tmp_path / "one"), _write(tmp_path / "two")
    assert (one / "index.json").read_bytes() == (two / "index.json").read_bytes()


def test_layer_holds_the_tree_with_modes_links_and_root_as_owner(tmp_path: Path) -> None:
    layout = _write(tmp_path)
    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(_blob(layout, index["manifests"][0]))
    archive = gzip.decompress(_blob(layout, manifest["layers"][0]))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        members = {member.name: member for member in tar}
    assert list(members) == ["bin", "bin/link", "bin/tool", "etc", "etc/motd"]
    assert members["bin/tool"].mode == 0o4755
    assert members["bin/link"].linkname == "/bin/tool"
    assert {(member.uid, member.gid) for member in members.values()} == {(0, 0)}


def test_config_names_platform_command_and_layers(tmp_path: Path) -> None:
    layout = _write(tmp_path)
    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(_blob(layout, index["manifests"][0]))
    config = json.loads(_blob(layout, manifest["config"]))
    assert (config["os"], config["architecture"], config["config"]) == ("linux", "amd64", {"Cmd": ["sh"]})
    assert len(config["rootfs"]["diff_ids"]) == len(manifest["layers"]) == 1

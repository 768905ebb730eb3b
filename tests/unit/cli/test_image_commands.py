from __future__ import annotations

import json
from typing import Any

import yaml

from hostpod.cli.image_inspect import history_rows
from tests.unit.cli.conftest import Hostpod
from tests.unit.server.fake import Served

ID = "sha256:" + "a" * 64
IMAGE: dict[str, Any] = {
    "id": ID,
    "layers": [{"sizeBytes": 1000}, {"sizeBytes": 2000}],
    "history": [
        {"created": "1970-01-01T00:00:00Z", "created_by": "ADD rootfs.tar /", "comment": "base"},
        {"created": "1970-01-01T00:00:50Z", "created_by": "ENV " + "x" * 60, "empty_layer": True},
        {"created": "1970-01-01T00:01:00Z", "created_by": "COPY site /"},
    ],
}


def test_images_that_go_are_told(served: Served, hostpod: Hostpod) -> None:
    result = hostpod("image", "rm", "web:1", "used", "web:2")
    assert result.stdout.splitlines() == ["Untagged: web:1", f"Deleted: {ID} (20kB freed)", "Untagged: web:2"]
    assert result.stderr == 'error: cannot remove image "used": pod default/web uses it\n'
    assert result.exit_code == 1
    assert hostpod("image", "rm").exit_code == 2


def test_prune_tells_what_went_and_how_much(served: Served, hostpod: Hostpod) -> None:
    served.node.image_items += [
        {"id": ID, "references": ["web:1", "web:2"]},
        {"id": ID, "references": [], "repoDigests": ["web@sha256:1"]},
        {"id": ID, "references": []},
    ]
    assert hostpod("image", "prune", "--all").stdout.splitlines() == [
        "Deleted: web:1, web:2 (aaaaaaaaaaaa)",
        "Deleted: web@sha256:1 (aaaaaaaaaaaa)",
        f"Deleted: {ID}",
        "Freed: 20kB (20000 bytes)",
    ]
    dry = hostpod("image", "prune", "--dry-run").stdout.splitlines()
    assert (dry[0], dry[-1]) == ("Would delete: web:1, web:2 (aaaaaaaaaaaa)", "Would free: 20kB (20000 bytes)")
    assert served.node.pruned == [(True, False), (False, True)]


def test_an_image_is_looked_into(served: Served, hostpod: Hostpod) -> None:
    served.node.inspected = IMAGE
    assert json.loads(hostpod("image", "inspect", "web:1").stdout) == IMAGE
    assert yaml.safe_load(hostpod("image", "inspect", "web:1", "-o", "yaml").stdout) == IMAGE
    assert hostpod("image", "inspect", "gone").stderr == (
        'Error from server (NotFound): image "gone" is not on this host\n'
    )


def test_the_history_has_the_last_step_first() -> None:
    assert list(history_rows(IMAGE, 100.0, whole=False)) == [
        ("aaaaaaaaaaaa", "40s", "COPY site /", "2kB", ""),
        ("<missing>", "50s", "ENV " + "x" * 40 + "…", "0B", ""),
        ("<missing>", "100s", "ADD rootfs.tar /", "1kB", "base"),
    ]
    whole = list(history_rows(IMAGE, 100.0, whole=True))
    assert (whole[0][0], whole[1][2]) == (ID, "ENV " + "x" * 60)


def test_a_history_of_other_layers_than_there_are_gives_none_a_size() -> None:
    lying = {**IMAGE, "history": IMAGE["history"][:2]}
    assert [(row[2][:3], row[3]) for row in history_rows(lying, 100.0, whole=False)] == [
        ("", "2kB"),
        ("", "1kB"),
        ("ENV", "0B"),
    ]


def test_the_history_is_a_table(served: Served, hostpod: Hostpod) -> None:
    served.node.inspected = {**IMAGE, "history": []}
    lines = hostpod("image", "history", "web:1").stdout.splitlines()
    assert lines[0].split() == ["IMAGE", "CREATED", "CREATED", "BY", "SIZE", "COMMENT"]
    assert len(lines) == 3


def test_the_list_has_a_second_name(hostpod: Hostpod) -> None:
    assert hostpod("image", "ls").stderr == "No images found.\n"

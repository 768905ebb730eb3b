from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from hostpod.cli.images import image_rows, size_text
from tests.unit.cli.conftest import Hostpod
from tests.unit.server.fake import Served


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "1kB"),
        (1234567, "1.23MB"),
        (54_200_000, "54.2MB"),
        (187_000_000, "187MB"),
        (1_500_000_000, "1.5GB"),
        (2_000_000_000_000, "2TB"),
    ],
)
def test_sizes(size: int, text: str) -> None:
    assert size_text(size) == text


def test_an_image_has_a_row_for_each_name() -> None:
    image = {
        "id": "sha256:0123456789abcdef",
        "references": ["docker.io/library/web:1", "127.0.0.1:5000/web", "quay.io/x@sha256:0"],
        "created": "1970-01-01T00:00:00Z",
        "sizeBytes": 1000,
    }
    rest = ("0123456789ab", "100s", "1kB")
    assert list(image_rows(image, now=100)) == [
        ("docker.io/library/web", "1", *rest),
        ("127.0.0.1:5000/web", "<none>", *rest),
        ("quay.io/x", "<none>", *rest),
    ]
    assert list(image_rows({**image, "references": []}, now=100)) == [("<none>", "<none>", *rest)]


def test_the_list(served: Served, hostpod: Hostpod) -> None:
    assert hostpod("images").stderr == "No images found.\n"
    served.node.image_items.append({"id": "sha256:" + "a" * 64, "references": ["web:1"], "sizeBytes": 5})
    assert hostpod("images").stdout.splitlines() == [
        "IMAGE   TAG   IMAGE ID       CREATED     SIZE",
        "web     1     aaaaaaaaaaaa   <unknown>   5B",
    ]


def test_a_pull_writes_lines(hostpod: Hostpod) -> None:
    assert hostpod("image", "pull", "web:1").stdout.splitlines() == [
        "0123456789ab: Fetching",
        "0123456789ab: done, 20B fetched",
        "Pulled web:1 (aaaaaaaaaaaa, 20B)",
    ]


def test_a_pull_draws_bars_on_a_terminal(served: Served) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hostpod", "--socket", str(served.path), "image", "pull", "web:1"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, env=environment) as process:
        assert process.wait(20) == 0
    os.close(theirs)
    text = os.read(ours, 100_000)
    os.close(ours)
    assert b"0123456789ab: Fetching" in text
    assert "━".encode() in text
    assert text.endswith(b"Pulled web:1 (aaaaaaaaaaaa, 20B)\r\n")


def test_a_pull_that_fails(hostpod: Hostpod) -> None:
    result = hostpod("image", "pull", "gone")
    assert (result.exit_code, result.stderr) == (
        1,
        "error: cannot pull gone: the registry does not know it\n",
    )


def test_an_archive_is_loaded(served: Served, hostpod: Hostpod, tmp_path: Path) -> None:
    (tmp_path / "web.tar").write_bytes(b"tar" * 1_000_000)
    assert hostpod("image", "load", str(tmp_path / "web.tar")).stdout == (
        "Loaded docker.io/library/web:1 (bbbbbbbbbbbb, 3MB)\n"
    )
    assert served.node.loaded == b"tar" * 1_000_000
    assert hostpod("image", "load", "-", stdin=b"abc").exit_code == 0
    assert served.node.loaded == b"abc"


def test_an_archive_that_is_none(hostpod: Hostpod, tmp_path: Path) -> None:
    file = tmp_path / "web.tar"
    file.write_bytes(b"junk")
    for name, stdin, shown in ((str(file), None, str(file)), ("-", b"junk", "standard input")):
        result = hostpod("image", "load", name, stdin=stdin)
        words = f"error: {shown}: cannot load the archive: it is no tar file\n"
        assert (result.exit_code, result.stderr) == (1, words)
    assert hostpod("image", "load", "/nowhere").exit_code == 2


def test_a_layouts_directory_is_sent_as_an_archive(served: Served, hostpod: Hostpod, tmp_path: Path) -> None:
    blobs = tmp_path / "layout/blobs/sha256"
    blobs.mkdir(parents=True)
    (blobs / ("a" * 64)).write_bytes(b"blob")
    (tmp_path / "layout/notes").write_text("not sent")
    result = hostpod("image", "load", str(tmp_path / "layout"))
    assert (result.exit_code, result.stderr) == (
        1,
        f"error: {tmp_path}/layout: no index.json is in this directory: give an OCI layout, or an archive\n",
    )
    (tmp_path / "layout/index.json").write_text("{}")
    assert hostpod("image", "load", str(tmp_path / "layout")).exit_code == 0
    with tarfile.open(fileobj=io.BytesIO(served.node.loaded)) as tar:
        assert tar.getnames() == ["index.json", f"blobs/sha256/{'a' * 64}"]


def _part(state: str, *images: str, message: str = "") -> dict[str, object]:
    return {"digest": "sha256:" + "a" * 64, "images": list(images), "state": state, "message": message}


def test_verified_images_are_as_bad_as_their_worst_part(served: Served, hostpod: Hostpod) -> None:
    assert hostpod("image", "verify").stderr == "No images found.\n"
    served.node.checked_items = [_part("ok", "a:1", "b:1"), _part("noted", "b:1"), _part("mended", "c:1", message="m")]
    result = hostpod("image", "verify", "a:1", "b:1")
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["IMAGE", "PARTS", "STATE"],
        ["a:1", "1", "ok"],
        ["b:1", "2", "noted"],
        ["c:1", "1", "mended"],
    ]
    assert (result.exit_code, result.stderr) == (0, "m\n")


@pytest.mark.parametrize("state", ["corrupt", "lost"])
def test_what_stays_corrupt_is_exit_code_1(served: Served, hostpod: Hostpod, state: str) -> None:
    served.node.checked_items = [_part(state, "a:1", message="why")]
    result = hostpod("image", "verify", "-o", "json")
    assert (result.exit_code, result.stderr) == (1, "why\n")
    assert json.loads(result.stdout) == {"items": served.node.checked_items}


def test_an_image_that_is_not_here_is_not_verified(hostpod: Hostpod) -> None:
    result = hostpod("image", "verify", "gone")
    assert (result.exit_code, result.stderr) == (
        1,
        'Error from server (NotFound): image "gone" is not on this host\n',
    )

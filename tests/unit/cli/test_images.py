from __future__ import annotations

import os
import pty
import subprocess
import sys
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

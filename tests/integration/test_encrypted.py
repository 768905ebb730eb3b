"""Secrets that systemd-creds encrypts: read from a file, shown to a container, and found nowhere else."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration.crash_kit import until
from tests.integration.harness import FOREVER, Daemon, container, pod

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("systemd-creds") is None, reason="no systemd-creds on this host (systemd 250)"),
]

HOST_KEYS = Path("/var/lib/systemd")
PASSWORD = "correct-horse-battery"


@pytest.fixture(autouse=True)
def host_key() -> Iterator[None]:
    """A key of a host that is no more than this test: the test process has mounts of its own."""
    HOST_KEYS.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", HOST_KEYS], check=True)
    try:
        subprocess.run(["systemd-creds", "setup"], check=True, capture_output=True)
        yield
    finally:
        subprocess.run(["umount", HOST_KEYS], check=True)


def encrypted(text: str, name: str) -> str:
    return subprocess.run(
        ["systemd-creds", "encrypt", "--with-key=host", f"--name={name}", "-", "-"],
        input=text, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip


def secret(password: str) -> str:
    return yaml.safe_dump(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": password}}
    )


def test_it_is_in_the_container_and_on_no_disk(node: Daemon) -> None:
    watch = "while :; do cat /s/password; echo; usleep 100000; done"
    volumes = [{"name": "s", "secret": {"secretName": "db"}}]
    mounts = [{"name": "s", "mountPath": "/s"}]
    node.drop("db.yaml.cred", encrypted(secret(PASSWORD), "db.yaml.cred"))
    node.drop("web.yaml", pod("web", containers=[container("c0", watch, volumeMounts=mounts)], volumes=volumes))
    node.drop("beside.yaml", pod("beside", FOREVER))
    node.wait_running("web-lab", "beside-lab")
    node.wait_said("web-lab", PASSWORD)

    # Another host's file, or one that was renamed, is an edit that cannot be read: what was stays.
    node.drop("db.yaml.cred", encrypted(secret("other"), "old.yaml.cred"))
    until(node.problems, "told")
    (problem,) = node.problems()
    assert problem["file"] == str(node.manifests / "db.yaml.cred")
    assert problem["message"].startswith("cannot be decrypted: it was encrypted under another name")
    assert node.said("web-lab").endswith(f"{PASSWORD}\n")

    node.drop("db.yaml.cred", encrypted(secret("another-one"), "db.yaml.cred"))
    node.wait_said("web-lab", "another-one")
    checked = node.cli("validate", str(node.manifests / "db.yaml.cred"))
    assert checked.returncode == 0

    told = checked.stdout + str(node.events()) + str(node.pods()) + node.journal.read_text()
    on_disk = [path for path in node.directory.rglob("*") if path.is_file() and not path.is_relative_to(node.logs)]
    held = told.encode() + b"".join(path.read_bytes() for path in on_disk)
    assert b"another-one" not in held
    assert PASSWORD.encode() not in held

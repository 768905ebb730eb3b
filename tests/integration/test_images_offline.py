"""A machine that is never online, images that rot on its disk, and what is told of pulls."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab import client, images
from lab.registry import Registry, write_registries_conf
from lab.relay import relay
from tests.integration.derived import docker_archive
from tests.integration.harness import FOREVER, Daemon, pod, waiting
from tests.integration.service_kit import service

pytestmark = pytest.mark.integration
NAME = "127.0.0.1:9/offline:1"


def flip(daemon: Daemon, image: str) -> None:
    """Change a byte of the one layer of an image."""
    (record,) = [
        each
        for each in json.loads((daemon.state / "images/index.json").read_text())["images"]
        if image in each["references"]
    ]
    (layer,) = (daemon.state / "images/layers").glob(record["layers"][0]["diff_id"].removeprefix("sha256:") + "*")
    file = layer if layer.is_file() else layer / "bin/busybox"
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        byte = opened.read(1)
        opened.seek(-1, 1)
        opened.write(bytes([byte[0] ^ 0xFF]))


def told(daemon: Daemon, reason: str) -> list[str]:
    return [event["message"] for event in daemon.events() if event["reason"] == reason]


@pytest.mark.everywhere
def test_a_machine_that_is_never_online(new_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    daemon = new_daemon(backoff={"initial": "1h", "max": "1h"})
    preload = daemon.state / "preload"
    preload.mkdir(parents=True)
    docker_archive(tmp_path / "a.tar", NAME)
    subprocess.run(["zstd", "-q", "-o", preload / "a.tar.zst", tmp_path / "a.tar"], check=True)
    (preload / "broken.tar").write_bytes(b"broken")
    never = pod("never", FOREVER, image=NAME)
    never["spec"]["containers"][0]["imagePullPolicy"] = "Never"
    daemon.drop("never.yaml", never)
    daemon.drop("later.yaml", pod("later", FOREVER, image="127.0.0.1:9/later:1"))
    daemon.start()
    daemon.wait_running("never-lab")
    assert not any("ErrImageNeverPull" in str(event) for event in daemon.events())
    (loaded,) = told(daemon, "Preloaded")
    assert re.fullmatch(rf"Loaded {NAME} from {preload}/a.tar.zst in (\d+\.?\d*s|\d+ms)", loaded)
    (broken,) = told(daemon, "FailedPreload")
    assert broken.startswith(f"{preload}/broken.tar: cannot load the archive: it is no tar archive: ")
    daemon.wait_container("later-lab", lambda status: waiting(status) == "ImagePullBackOff", what="no image")
    docker_archive(preload / ".later.tar", "127.0.0.1:9/later:1").rename(preload / "later.tar")
    daemon.wait_running("later-lab")  # at once, whatever it waited for
    pulled = [event["message"] for event in daemon.events() if event["reason"] == "Pulled"]
    assert pulled == [f'Container image "{name}" already present on machine' for name in (NAME, "127.0.0.1:9/later:1")]

    whole = daemon.cli("image", "verify")
    assert (whole.returncode, whole.stderr) == (0, "")
    assert whole.stdout.splitlines()[1].split() == [NAME, "2", "ok"]
    flip(daemon, NAME)
    mended = daemon.cli("image", "verify", NAME, "-o", "json")
    assert (mended.returncode, [each["state"] for each in json.loads(mended.stdout)["items"]]) == (0, ["ok", "mended"])
    for archive in preload.iterdir():
        archive.unlink()
    assert daemon.cli("image", "verify").returncode == 0
    flip(daemon, NAME)
    lost = daemon.cli("image", "verify")
    assert (lost.returncode, lost.stdout.splitlines()[1].split()) == (1, [NAME, "2", "lost"])
    assert lost.stderr.endswith(
        "it came from an archive that is not here any more; load it again by hostpod image load\n"
    )
    assert len(told(daemon, "CorruptImage")) == 2
    assert daemon.cli("image", "verify", "nothing").stderr == (
        'Error from server (NotFound): image "nothing" is not on this host\n'
    )

    layout = tmp_path / "layout"
    shutil.copytree(images.layout("busybox"), layout)
    back = daemon.cli("image", "load", str(layout))
    assert back.returncode == 0, back.stderr
    assert daemon.cli("image", "verify").returncode == 0


def test_pulls_are_in_the_status_and_events_say_how_long_they_took(
    new_daemon: Callable[..., Daemon], registry: Registry
) -> None:
    daemon = new_daemon(images={"maxParallelPulls": 1})
    with relay(registry.address, rate=300_000) as way:
        port = int(way.address.partition(":")[2])
        write_registries_conf(daemon.directory / "registries.conf", replace(registry, port=port))
        daemon.drop("web.yaml", pod("web", FOREVER))
        with service(daemon) as systemd:
            systemd.hear("STATUS=1 pod starting, pulling 1 image")
            way.rate = None
            systemd.hear("STATUS=1 pod running")
            (message,) = told(daemon, "Pulled")
            took = r"(?:\d+m)?(?:\d+(?:\.\d{1,3})?s|\d+ms)"
            expected = rf'Successfully pulled image "busybox" in {took} \({took} including waiting\)\. '
            (image,) = client.get(daemon.socket, "/images")["items"]
            assert re.fullmatch(rf"{expected}Image size: {image['sizeBytes']} bytes\.", message)
            assert told(daemon, "Pulling") == ['Pulling image "busybox"']
            systemd.signal(signal.SIGTERM)
            systemd.hear("STOPPING=1")
            assert systemd.wait() == 0

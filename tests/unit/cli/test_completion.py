from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.unit.server.fake import Served


def completed(socket: Path, words: str) -> list[str]:
    """What bash would be offered for the last word."""
    environment = {
        **os.environ,
        "HOSTPOD_SOCKET": str(socket),
        "_HOSTPOD_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    script = "from hostpod.cli.main import cli; cli(prog_name='hostpod')"
    command = [sys.executable, "-c", script]
    text = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
    return [line.partition(",")[2] for line in text.splitlines() if line]


def test_commands_pods_and_containers(served: Served) -> None:
    assert completed(served.path, "hostpod des") == ["describe"]
    assert completed(served.path, "hostpod logs ") == ["t1-peer", "classic-peer"]
    assert completed(served.path, "hostpod get pods cl") == ["classic-peer"]
    assert completed(served.path, "hostpod logs classic -c t") == ["truncator"]


def test_without_a_daemon_there_is_nothing_to_offer(tmp_path: Path) -> None:
    assert completed(tmp_path / "no.sock", "hostpod logs ") == []
    assert completed(tmp_path / "no.sock", "hostpod logs web -c ") == []

"""The pod of every kubelet tutorial, unmodified, from its manifest to its end."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from lab.leaks import wait_until_gone
from lab.place import patient
from tests.integration.crash_kit import until
from tests.integration.harness import Daemon, reasons, statuses

pytestmark = pytest.mark.integration

CLASSIC = (Path(__file__).parents[2] / "examples/nginx.yaml").read_text()
POD = "nginx-lab"
EMPTIED = "killall sleep; while [ -s /logdir/access.log ]; do usleep 10000; done"


def _get(url: str, *, within_s: float = 5) -> str:
    """A page, asked for again while nobody listens yet."""
    deadline = time.monotonic() + patient(within_s)
    while True:
        try:
            with urllib.request.urlopen(url, timeout=patient(5)) as response:
                return str(response.read().decode())
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@pytest.mark.everywhere
def test_the_classic_manifest_runs_serves_and_goes(daemon: Daemon) -> None:
    node = f"http://127.0.0.1:{daemon.port}"
    daemon.drop("nginx.yaml", CLASSIC)
    pod = daemon.wait_running(POD)[POD]
    assert "Welcome to nginx!" in _get(f"http://{pod['status']['podIP']}/")
    assert _get(f"{node}/healthz") == "ok"
    assert [each["metadata"]["name"] for each in json.loads(_get(f"{node}/pods"))["items"]] == [POD]
    assert json.loads(_get(f"{node}/spec"))["num_cores"] == os.cpu_count()
    processes = daemon.processes(POD)
    assert set(processes) == {"pause", "nginx", "log-truncator"}
    assert len(processes["pause"]) == 1

    look = ("exec", "nginx", "-c", "log-truncator", "--")

    def is_logged() -> bool:
        """Asked from beside the truncator, which may empty the log just before it is looked at."""
        asked = "wget -q -O /dev/null http://127.0.0.1/ && cat /logdir/access.log"
        return "GET / HTTP/1.1" in daemon.cli(*look, "sh", "-c", asked).stdout

    until(is_logged, "the request is in the log", within_s=60)
    # Without its sleep of 10 s the truncator's loop goes on at once.
    assert daemon.cli(*look, "sh", "-c", EMPTIED).returncode == 0
    assert reasons(daemon.events(), POD).count("Started") == 2

    daemon.remove("nginx.yaml")
    ending = daemon.wait_container(
        POD, lambda status: "terminated" in status["state"], container="nginx", what="ended by its SIGQUIT"
    )
    assert ending["state"]["terminated"]["exitCode"] == 0
    shown = daemon.pods()[POD]
    assert shown["metadata"]["deletionGracePeriodSeconds"] == 30
    assert "running" in statuses(shown)["log-truncator"]["state"], "a shell that is process 1 takes no SIGTERM"
    os.kill(min(daemon.processes(POD)["log-truncator"]), signal.SIGKILL)  # not to wait for 30 s here
    daemon.wait_gone(POD)
    assert json.loads(_get(f"{node}/pods"))["items"] == []
    assert wait_until_gone(daemon.traces, within_s=5) == []
    assert list((daemon.state / "pods").iterdir()) == []
    assert [path for path in daemon.logs.rglob("*") if not path.is_dir() or path.name.startswith("default_")] == []

"""The pod of every kubelet tutorial, from its manifest to its end."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.integration.harness import Daemon

pytestmark = pytest.mark.integration

CLASSIC = (Path(__file__).parents[2] / "examples/nginx.yaml").read_text()


def _get(url: str, *, within_s: float = 5) -> str:
    """A page, asked for again while nobody listens yet."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return str(response.read().decode())
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def test_the_classic_manifest_runs_serves_and_goes(daemon: Daemon) -> None:
    daemon.drop("nginx.yaml", CLASSIC + "  terminationGracePeriodSeconds: 1\n")
    pod = daemon.wait_running("nginx-lab")["nginx-lab"]
    assert "Welcome to nginx!" in _get(f"http://{pod['status']['podIP']}/")
    assert _get(f"http://127.0.0.1:{daemon.port}/healthz") == "ok"
    assert [each["metadata"]["name"] for each in json.loads(_get(f"http://127.0.0.1:{daemon.port}/pods"))["items"]] == [
        "nginx-lab"
    ]
    written = daemon.cli("exec", "nginx", "-c", "log-truncator", "--", "cat", "/logdir/access.log")
    assert "GET / HTTP/1.1" in written.stdout
    daemon.remove("nginx.yaml")
    daemon.wait_gone("nginx-lab")
    assert json.loads(_get(f"http://127.0.0.1:{daemon.port}/pods"))["items"] == []


def test_the_log_truncator_empties_the_log(daemon: Daemon) -> None:
    daemon.drop("nginx.yaml", CLASSIC.replace("sleep 10", "sleep 1") + "  terminationGracePeriodSeconds: 1\n")
    pod = daemon.wait_running("nginx-lab")["nginx-lab"]
    _get(f"http://{pod['status']['podIP']}/")
    emptied = "while [ -s /logdir/access.log ]; do sleep 0.1; done"
    assert daemon.cli("exec", "nginx", "-c", "log-truncator", "--", "sh", "-c", emptied).returncode == 0


def test_what_the_containers_share_and_what_is_their_own(daemon: Daemon) -> None:
    daemon.drop("nginx.yaml", CLASSIC + "  terminationGracePeriodSeconds: 1\n")
    daemon.wait_running("nginx-lab")

    def look(container: str, command: str) -> str:
        return daemon.cli("exec", "nginx", "-c", container, "--", "sh", "-c", command).stdout.strip()

    for kind in ("net", "ipc", "uts"):
        shown = {look(container, f"readlink /proc/self/ns/{kind}") for container in ("nginx", "log-truncator")}
        assert len(shown) == 1, kind
    for kind in ("mnt", "pid", "cgroup"):
        shown = {look(container, f"readlink /proc/self/ns/{kind}") for container in ("nginx", "log-truncator")}
        assert len(shown) == 2, kind
    assert look("nginx", "hostname") == "nginx-lab"
    assert "nginx-lab" in look("log-truncator", "cat /etc/hosts")

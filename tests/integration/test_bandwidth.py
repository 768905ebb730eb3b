"""The bandwidth annotations, at the kernel's queues of a pod's link and at what a pod sends."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest

from hostpod.network.bandwidth import LEAST_BURST_BYTES
from lab.place import patient
from tests.integration.fakehost import run
from tests.integration.harness import FOREVER, Daemon, pod

pytestmark = pytest.mark.integration

SENT_BYTES = 512 * 1024


def limited(**bandwidth: str) -> dict[str, Any]:
    """A pod that gives away a file; it listens when it has said so."""
    manifest = pod("web", f"head -c {SENT_BYTES} /dev/zero > /tmp/file; httpd -p 80 -h /tmp; echo up; {FOREVER}")
    manifest["metadata"]["annotations"] = {f"kubernetes.io/{name}-bandwidth": each for name, each in bandwidth.items()}
    return manifest


def queue(link: str, *enter: str) -> str:
    """The rate of a link's token bucket; empty without one."""
    told = run(*enter, "tc", "qdisc", "show", "dev", link, "root").split()
    return told[told.index("rate") + 1] if "tbf" in told else ""


def took_s(address: str) -> float:
    """How long it takes to have the file."""
    with socket.create_connection((address, 80), timeout=patient(10)) as asking:
        began = time.monotonic()
        asking.sendall(b"GET /file HTTP/1.0\r\n\r\n")
        with asking.makefile("rb") as answer:
            assert len(answer.read()) > SENT_BYTES
        return time.monotonic() - began


def test_a_pod_is_as_fast_as_its_annotations_say_at_once(daemon: Daemon) -> None:
    daemon.drop("web.yaml", limited(ingress="5M", egress="8M"))
    shown = daemon.wait_running("web-lab")["web-lab"]
    (link,) = (name for _, name in socket.if_nameindex() if name.startswith(daemon.names.link_prefix))
    daemon.wait_said("web-lab", "up")
    (pid, *_) = daemon.processes("web-lab")["c0"]
    inside = ("nsenter", f"--net=/proc/{pid}/ns/net")
    assert (queue(link), queue("eth0", *inside)) == ("5Mbit", "8Mbit")
    # 8 Mbit/s are a million bytes; the bucket and what the socket holds at both ends go at once.
    assert took_s(shown["status"]["podIP"]) > (SENT_BYTES - 2 * LEAST_BURST_BYTES) / 1e6
    daemon.drop("web.yaml", limited(ingress="20G"))
    daemon.wait_for(
        lambda pods: "20G" in pods["web-lab"]["metadata"]["annotations"].values(), what="the change is taken over"
    )
    assert (queue(link), queue("eth0", *inside)) == ("20Gbit", "")
    assert daemon.processes("web-lab")["c0"][0] == pid

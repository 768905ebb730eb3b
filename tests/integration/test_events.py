"""Events of the real daemon: kept across its restarts and its end by kill -9, bounded, and never in a pod's way."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import client
from lab.place import patient
from tests.integration.crash_kit import until
from tests.integration.harness import FOREVER, Daemon, pod, reasons

pytestmark = [pytest.mark.integration, pytest.mark.timeout(patient(120))]

BACKOFF = {"initial": "200ms", "max": "500ms"}
OFTEN = ("exit 1",)


def event(daemon: Daemon, name: str, reason: str) -> dict[str, Any]:
    """The newest with this reason; empty where there is none."""
    found = [e for e in daemon.events() if e["involvedObject"]["name"] == name and e["reason"] == reason]
    return found[-1] if found else {}


def on_disk(daemon: Daemon) -> str:
    file = daemon.state / "events.jsonl"
    return file.read_text() if file.exists() else ""


@pytest.mark.parametrize("way", ["kill -9", "SIGTERM"])
@pytest.mark.everywhere
def test_the_next_daemon_knows_what_happened_and_goes_on_counting(node: Daemon, way: str) -> None:
    node.drop("crash.yaml", pod("crash", *OFTEN))
    node.drop("quiet.yaml", pod("quiet"))
    until(lambda: event(node, "crash-lab", "BackOff").get("count", 0) >= 3, "backing off")
    until(lambda: '"Started"' in on_disk(node) and '"BackOff"' in on_disk(node), "on disk")
    quiet = node.cli("describe", "pod", "quiet").stdout
    if way == "kill -9":
        node.kill()
    else:
        assert node.stop() == 0
    node.start()
    before = event(node, "crash-lab", "BackOff")
    assert before["count"] >= 1
    until(lambda: event(node, "crash-lab", "BackOff")["count"] >= before["count"] + 2, "counted on")
    after = event(node, "crash-lab", "BackOff")
    assert (after["metadata"], after["firstTimestamp"]) == (before["metadata"], before["firstTimestamp"])
    assert reasons(node.events(), "crash-lab").count("BackOff") == 1
    assert " (x" in node.cli("describe", "pod", "crash").stdout.partition("Events:")[2]
    assert "Started container c0" in quiet.partition("Events:")[2]
    assert "Started container c0" in node.cli("describe", "pod", "quiet").stdout.partition("Events:")[2]


def test_half_a_line_of_a_daemon_that_was_killed(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(backoff=BACKOFF)
    daemon.start()
    daemon.drop("web.yaml", pod("web"))
    daemon.wait_running("web-lab")
    until(lambda: '"Started"' in on_disk(daemon), "on disk")
    daemon.kill()
    file = daemon.state / "events.jsonl"
    file.write_bytes(file.read_bytes() + b"\0\0\xff\n" + file.read_bytes()[:77])
    daemon.start()
    told = reasons(daemon.events(), "web-lab")
    assert [told.count(each) for each in ("Created", "Started")] == [1, 1]
    daemon.drop("next.yaml", pod("next"))
    daemon.wait_running("next-lab")
    until(lambda: on_disk(daemon).count('"Started"') == 2, "on disk")
    assert all(json.loads(line)["reason"] for line in on_disk(daemon).splitlines())


def test_the_bound_holds(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(events={"maxBytes": 65536})
    daemon.start()
    broken = pod("web")
    broken["spec"] |= {f"wrong{number}": "x" for number in range(8)}
    with client.watch(daemon.socket, "/events?watch=1", timeout_s=patient(60)) as changes:
        for number in range(60):
            daemon.drop(f"web{number}.yaml", yaml.safe_dump(broken))
        heard = [next(changes) for _ in range(480)]
    assert len({each["object"]["metadata"]["name"] for each in heard}) == 480  # none fell into a gap
    shown = daemon.events()
    assert 20 < len(shown) < 480
    assert shown == [each["object"] for each in heard][-len(shown) :]
    daemon.restart()
    for name in ("events.jsonl", ".events.jsonl.tmp"):
        file = daemon.state / name
        assert not file.exists() or file.stat().st_size <= 65536 * 2 // 3
    until(lambda: len(daemon.events()) <= len(shown), "bounded in the next daemon too")


def test_a_disk_that_is_read_only_is_in_no_pods_way(new_daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    daemon = new_daemon(backoff=BACKOFF)
    daemon.start()
    daemon.drop("crash.yaml", pod("crash", *OFTEN))
    until(lambda: '"BackOff"' in on_disk(daemon), "on disk")
    daemon.stop()
    file = daemon.state / "events.jsonl"
    kept = file.read_bytes()
    # What is bound over a file cannot be replaced, and this one cannot be written either.
    (tmp_path / "events").write_bytes(kept)
    subprocess.run(["mount", "--bind", tmp_path / "events", file], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", file], check=True)
    try:
        daemon.start()
        before = event(daemon, "crash-lab", "BackOff")["count"]
        daemon.drop("web.yaml", pod("web", FOREVER))
        daemon.wait_running("web-lab")
        until(lambda: event(daemon, "crash-lab", "BackOff")["count"] > before + 2, "in memory")
        assert "Started" in reasons(daemon.events(), "web-lab")
        until(lambda: "events are kept in memory meanwhile" in daemon.journal.read_text(), "told")
        assert daemon.journal.read_text().count("events are kept in memory meanwhile") == 1
        assert not (daemon.state / ".events.jsonl.tmp").exists()
    finally:
        subprocess.run(["umount", file], check=True)
    until(lambda: "web-lab" in on_disk(daemon), "on disk again", within_s=60)
    until(lambda: "events are on disk again" in daemon.journal.read_text(), "told that it is over")


def test_the_command_shows_what_is_asked_for(node: Daemon) -> None:
    node.drop("web.yaml", pod("web"))
    node.drop("crash.yaml", pod("crash", *OFTEN))
    node.wait_running("web-lab")
    until(lambda: event(node, "crash-lab", "BackOff"), "backing off")
    warnings = node.cli("events", "--types", "warning", "--no-headers").stdout.splitlines()
    assert {line.split()[-1] for line in warnings if "BackOff" in line}
    assert all(" Warning " in line for line in warnings)
    listed = json.loads(node.cli("events", "--for", "pod/web", "-o", "json").stdout)
    assert (listed["kind"], {each["kind"] for each in listed["items"]}) == ("List", {"Event"})
    assert {each["involvedObject"]["name"] for each in listed["items"]} == {"web-lab"}
    assert yaml.safe_load(node.cli("events", "--for", "web", "-o", "yaml").stdout) == listed

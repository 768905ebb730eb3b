"""Settings are honoured: two instances side by side, and each section through what it changes."""

from __future__ import annotations

import json
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from hostpod.cli.serve import EXIT_CONFIG
from lab import client
from lab.place import patient
from tests.integration.fakehost import UPLINK_MTU, run
from tests.integration.harness import FOREVER, Daemon, pod, statuses

pytestmark = pytest.mark.integration


def change(daemon: Daemon, **sections: Any) -> None:
    """Change the settings of an instance; a section's keys are changed one by one."""
    settings = yaml.safe_load(daemon.config.read_text())
    for name, value in sections.items():
        settings[name] = {**settings.get(name, {}), **value} if isinstance(value, dict) else value
    daemon.config.write_text(yaml.safe_dump(settings))


def refusal(daemon: Daemon, code: int = 1) -> str:
    """What `hostpod serve` says when it does not start, and ends with this code."""
    argv = [sys.executable, "-m", "hostpod", "serve", "--config", str(daemon.config)]
    ended = subprocess.run(argv, capture_output=True, text=True, timeout=patient(20), check=False)
    assert ended.returncode == code, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_two_instances_side_by_side(new_daemon: Callable[..., Daemon]) -> None:
    one, two = new_daemon(nodeName="one"), new_daemon(nodeName="two", podNameSuffix=False)
    for daemon in (one, two):
        daemon.start()
        daemon.drop("web.yaml", pod("web", FOREVER))
    web = one.wait_running("web-one")["web-one"], two.wait_running("web")["web"]
    assert [each["spec"]["nodeName"] for each in web] == ["one", "two"]
    for daemon, shown in zip((one, two), web, strict=True):
        assert shown["status"]["podIP"].rpartition(".")[0].rpartition(".")[0] == daemon.names.subnet[:6]
        assert list(daemon.pods()) == [shown["metadata"]["name"]]
        assert daemon.names.table in run("nft", "list", "tables")
        assert any(link.startswith(daemon.names.link_prefix) for link in daemon.traces.links())
        assert len(daemon.processes(shown["metadata"]["name"])["pause"]) == 1
    one.remove("web.yaml")
    one.wait_gone("web-one")
    one.stop()
    assert one.traces.of_instance() == []
    assert two.cli("exec", "web", "--", "hostname").stdout == "web\n"
    assert two.pods()["web"] == web[1]


def test_one_instance_a_directory(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    daemon.start()
    assert f"another hostpod runs on {daemon.runtime}" in refusal(daemon)


def test_a_port_that_is_taken_keeps_the_daemon_from_starting(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    daemon.drop("web.yaml", pod("web", FOREVER))
    with socket.create_server(("127.0.0.1", daemon.port)):
        words = refusal(daemon)
    assert words.startswith(f"hostpod: cannot listen on 127.0.0.1:{daemon.port}: address already in use; ")
    assert daemon.traces.of_instance() == []


@pytest.mark.parametrize(
    ("sections", "words", "code"),
    [
        ({"nodename": "x"}, 'nodename: unknown setting, did you mean "nodeName"?', EXIT_CONFIG),
        ({"backoff": {"initial": "10x"}}, '"10x" is not a duration', EXIT_CONFIG),
        ({"maxPods": 0}, "maxPods: ", EXIT_CONFIG),
        ({"binaries": {"conmon": "/none/conmon"}}, "/none/conmon: no such program", 1),
        ({"binaries": {"catatonit": "/none/catatonit"}}, "/none/catatonit", 1),
    ],
)
def test_settings_that_cannot_be_are_refused(
    new_daemon: Callable[..., Daemon], sections: dict[str, Any], words: str, code: int
) -> None:
    daemon = new_daemon()
    change(daemon, **sections)
    assert words in refusal(daemon, code)
    assert daemon.traces.of_instance() == []


def test_no_port_when_it_is_turned_off_and_a_socket_elsewhere(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(http={"readOnlyPort": 0})
    elsewhere = daemon.directory / "here" / "control.sock"
    change(daemon, socket={"path": str(elsewhere), "group": "adm"})
    daemon.socket = elsewhere
    daemon.start()
    assert client.get(elsewhere, "/pods")["items"] == []
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o660
    assert elsewhere.group() == "adm"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", daemon.port), timeout=1)
    assert daemon.stop() == 0
    assert not elsewhere.exists()


@pytest.mark.controllers
@pytest.mark.everywhere
def test_limits_are_kept(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(
        maxPods=2,
        manifests={"maxBytes": 2048},
        network={"mtu": 1280},
        cgroups={"pidsLimit": 20},
        images={"layers": "directory"},
    )
    daemon.start()
    daemon.drop("b.yaml", pod("b", f"cat /sys/class/net/eth0/mtu; {FOREVER}"))
    daemon.drop("c.yaml", pod("c", "for n in $(seq 40); do sleep 9 & done 2>&1; wait", restartPolicy="Never"))
    assert daemon.wait_said("b-lab", "\n") == "1280\n"
    assert "can't fork" in daemon.wait_said("c-lab", "fork")
    assert daemon.traces.loop_files() == []

    daemon.wait_phase("c-lab", "Failed")
    daemon.drop("d.yaml", pod("d", FOREVER))  # c has ended for good, and takes no room
    daemon.wait_running("b-lab", "d-lab")
    daemon.drop("a.yaml", pod("a", FOREVER))
    with client.watch(daemon.socket, "/events?watch=1", timeout_s=10) as changes:
        refused = next(change["object"] for change in changes if change["object"]["reason"] == "OutOfpods")
    assert refused["involvedObject"]["name"] == "a-lab"
    assert daemon.pods()["a-lab"]["status"]["phase"] == "Failed"
    assert "OutOfpods" in daemon.cli("get", "pods", "a").stdout
    assert "pods, requested: 1, used: 2, capacity: 2" in daemon.cli("describe", "pod", "a").stdout

    daemon.drop("large.yaml", json.dumps(pod("large", FOREVER)) + " " * 2048)
    daemon.remove("d.yaml")
    daemon.wait_running("a-lab", "b-lab")
    (problem,) = daemon.problems()
    assert Path(problem["file"]).name == "large.yaml"


def test_programs_by_their_paths(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon()
    places = {}
    for name in ("runc", "conmon", "skopeo", "tar2sqfs"):
        found = shutil.which(name)
        assert found
        places[name] = str(daemon.directory / f"my-{name}")
        Path(places[name]).write_text(f'#!/bin/sh\necho "$0" >> {daemon.directory}/called\nexec {found} "$@"\n')
        Path(places[name]).chmod(0o755)
    change(daemon, binaries=places)
    daemon.start()
    daemon.drop("web.yaml", pod("web", FOREVER))
    daemon.wait_running("web-lab")
    called = {Path(line).name for line in (daemon.directory / "called").read_text().splitlines()}
    assert {"my-conmon", "my-skopeo", "my-tar2sqfs"} <= called


def test_links_of_pods_are_as_wide_as_the_uplink(node: Daemon) -> None:
    node.drop("net.yaml", pod("net", "cat /sys/class/net/eth0/mtu", restartPolicy="Never"))
    node.wait_phase("net-lab", "Succeeded")
    assert node.said("net-lab") == f"{UPLINK_MTU}\n"


def test_what_is_written_to_the_journal(node: Daemon, new_daemon: Callable[..., Daemon]) -> None:
    quiet = new_daemon(logLevel="warning")
    quiet.start()
    for daemon in (quiet, node):
        daemon.drop("bad.yaml", "kind: Pood\n")
        daemon.drop("web.yaml", pod("web", FOREVER))
        daemon.wait_running("web-lab")
    assert "Started container c0" in node.journal.read_text()
    assert "Started container c0" not in quiet.journal.read_text()
    assert "bad.yaml" in quiet.journal.read_text()


def test_logs_lie_where_the_settings_say(node: Daemon) -> None:
    node.drop("web.yaml", pod("web", f"echo hello; {FOREVER}"))
    node.wait_said("web-lab", "hello")
    web = node.pods()["web-lab"]
    directory = node.logs / "pods" / f"default_web-lab_{web['metadata']['uid']}"
    assert (directory / "c0" / "0.log").read_text().endswith(" stdout F hello\n")
    (link,) = (node.logs / "containers").iterdir()
    cid = statuses(web)["c0"]["containerID"].removeprefix("hostpod://")
    assert link.name == f"web-lab_default_c0-{cid}.log"
    assert link.resolve() == directory / "c0" / "0.log"
    assert [path.name for path in (node.state / "pods").iterdir()] == [web["metadata"]["uid"]]

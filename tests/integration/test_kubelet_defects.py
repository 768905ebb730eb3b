"""Defects of static pods that the kubelet's users reported, each tried with the real daemon.

A docstring says what was reported, and where: the number is that of an issue of kubernetes/kubernetes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.instance import all_run
from lab.registry import free_port
from tests.integration.crash_kit import container_id, identity, monitors, until
from tests.integration.harness import FOREVER, Daemon, pod, reasons, statuses, waiting
from tests.integration.website import Website, website

pytestmark = pytest.mark.integration

DEAF = "trap '' TERM; echo up; while :; do sleep 0.1; done"


def serving(name: str, port: int, word: str) -> dict[str, Any]:
    """A pod that holds a port of the host: one that comes before another with the same port is gone fails and tells."""
    return pod(name, f"echo {word}; exec httpd -f -p {port} -h /tmp", hostNetwork=True)


def runs_anew(pods: Mapping[str, Any], name: str, before: Mapping[str, Any]) -> bool:
    """Whether a pod runs, is not about to end, and none of its containers is the one of before."""
    shown = pods.get(name)
    if shown is None or "deletionTimestamp" in shown["metadata"] or not all_run(shown):
        return False
    return not {container_id(shown, each) for each in statuses(shown)} & {
        container_id(before, each) for each in statuses(before)
    }


def wait_anew(node: Daemon, name: str, before: Mapping[str, Any]) -> dict[str, Any]:
    return node.wait_for(lambda pods: runs_anew(pods, name, before), what=f"another {name}")[name]


def wait_ending(node: Daemon, *names: str) -> None:
    def ends(pods: Mapping[str, Any], name: str) -> bool:
        return name not in pods or "deletionTimestamp" in pods[name]["metadata"]

    node.wait_for(lambda pods: all(ends(pods, name) for name in names), what=f"{', '.join(names)} ending")


def assert_never_two(node: Daemon, name: str, word: str) -> None:
    """The port was free from the first moment on, and the newest manifest is the one that runs."""
    (status,) = node.pods()[name]["status"]["containerStatuses"]
    assert (status["restartCount"], status["lastState"]) == (0, {})
    assert node.wait_said(name, "\n") == f"{word}\n"


@pytest.mark.everywhere
def test_a_manifest_removed_and_recreated_at_once(node: Daemon) -> None:
    """The pod stayed in an error state and never started again (104648, 107483)."""
    manifest = pod("web", DEAF)
    node.drop("web.yaml", manifest)
    node.wait_said("web-lab", "up")
    before = node.pods()["web-lab"]
    node.remove("web.yaml")
    wait_ending(node, "web-lab")
    node.drop("web.yaml", manifest)
    after = wait_anew(node, "web-lab", before)
    assert statuses(after)["c0"]["restartCount"] == 0

    for _ in range(5):
        node.remove("web.yaml")
        node.drop("web.yaml", manifest)
    node.drop("last.yaml", pod("last"))
    node.wait_running("last-lab")
    pods = node.wait_for(
        lambda pods: (
            "web-lab" in pods and "deletionTimestamp" not in pods["web-lab"]["metadata"] and all_run(pods["web-lab"])
        ),
        what="the pod that the directory says",
    )
    assert sorted(pods) == ["last-lab", "web-lab"]
    assert statuses(pods["web-lab"])["c0"]["restartCount"] == 0
    until(lambda: len(monitors(node)) == 2, "one container a pod", within_s=30)


UNABLE = {"image": "ImagePullBackOff", "volume": "ContainerCreating", "command": "CrashLoopBackOff"}


def unable(name: str, kind: str, missing: Path) -> dict[str, Any]:
    """A pod that cannot start, and why."""
    match kind:
        case "image":
            return pod(name, image="127.0.0.1:9/none:1")
        case "volume":
            return pod(name, volumes=[{"name": "v", "hostPath": {"path": str(missing), "type": "Directory"}}])
        case _:
            return pod(name, "exit 1")


def waits_for(reason: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda status: waiting(status) == reason


def run_as(pods: Mapping[str, Any], names: Iterable[str], word: str) -> bool:
    """Whether all of these run, by a manifest with this word in its command."""
    found = [pods.get(f"{name}-lab") for name in names]
    return all(
        each is not None and all_run(each) and word in each["spec"]["containers"][0]["command"][2] for each in found
    )


def test_many_pods_of_which_some_never_start(node: Daemon, tmp_path: Path) -> None:
    """Pods that were changed before they had begun never started, and some kept others from it (107733, 116880)."""
    fine = [f"fine{number}" for number in range(12)]
    bad = {f"{kind}{number}": kind for kind in UNABLE for number in range(3)}
    for name in (*fine, *bad):
        node.drop(f"{name}.yaml", pod(name, f"echo first; {FOREVER}"))
    for name in fine:
        node.drop(f"{name}.yaml", pod(name, f"echo second; {FOREVER}"))
    for name, kind in bad.items():
        node.drop(f"{name}.yaml", unable(name, kind, tmp_path / "missing"))
    node.wait_for(lambda pods: run_as(pods, fine, "second"), what="those that can", within_s=60)
    for name, kind in bad.items():
        node.wait_container(f"{name}-lab", waits_for(UNABLE[kind]), what=UNABLE[kind])
    for name in bad:
        node.drop(f"{name}.yaml", pod(name, f"echo third; {FOREVER}"))
    node.wait_for(lambda pods: run_as(pods, bad, "third"), what="the repaired", within_s=60)
    assert run_as(node.pods(), fine, "second")
    until(lambda: len(monitors(node)) == len(fine) + len(bad), "one container a pod", within_s=30)


def test_nothing_starts_after_a_restart(node: Daemon) -> None:
    """Manifests were changed and the kubelet was restarted: old containers ended, new ones never began (109596)."""
    names = [f"p{number}" for number in range(4)]
    for name in names:
        node.drop(f"{name}.yaml", pod(name, DEAF, grace_s=2))
        node.wait_said(f"{name}-lab", "up")
    before = node.pods()
    for name in names:
        node.drop(f"{name}.yaml", pod(name, f"echo new; {FOREVER}"))
    wait_ending(node, *(f"{name}-lab" for name in names))
    node.kill()
    node.drop("late.yaml", pod("late"))
    node.start()
    node.restart()
    node.wait_running("late-lab")
    for name in names:
        after = wait_anew(node, f"{name}-lab", before[f"{name}-lab"])
        assert statuses(after)["c0"]["restartCount"] == 0
        assert node.wait_said(f"{name}-lab", "\n") == "new\n"
    until(lambda: len(monitors(node)) == len(names) + 1, "one container a pod", within_s=30)


@pytest.fixture
def site() -> Iterator[Website]:
    """Outlives the daemon, so that it can say in the end that there is no pod."""
    with website() as made:
        yield made


@pytest.fixture
def asking(site: Website, new_daemon: Callable[..., Daemon]) -> Iterator[Daemon]:
    """A daemon with a directory and this site, which is asked every second."""
    yield new_daemon(manifests={"url": site.url, "urlInterval": "1s"})
    if site._server is None:
        site.up()
    site.say()


def test_duplicate_containers_when_a_manifest_changes_before_sources_sync(site: Website, asking: Daemon) -> None:
    """A manifest changed after a restart and before every source had been heard: the new container came beside the
    old one, and could not have its port (112814)."""
    site.say(pod("remote"))
    port = free_port()
    asking.start()
    asking.drop("web.yaml", serving("web", port, "first"))
    before = asking.wait_running("web-lab", "remote-lab")
    asking.kill()
    site.down()
    asking.drop("web.yaml", serving("web", port, "second"))
    asking.start()
    second = wait_anew(asking, "web-lab", before["web-lab"])
    assert_never_two(asking, "web-lab", "second")
    asking.drop("web.yaml", serving("web", port, "third"))
    wait_anew(asking, "web-lab", second)
    assert_never_two(asking, "web-lab", "third")
    assert identity(asking.pods()["remote-lab"]) == identity(before["remote-lab"])
    site.up()
    site.until_asked(more=2)
    assert sorted(asking.pods()) == ["remote-lab", "web-lab"]
    until(lambda: len(monitors(asking)) == 2, "one container a pod", within_s=30)
    assert_never_two(asking, "web-lab", "third")


@pytest.mark.parametrize("way", ["kill -9", "SIGTERM"])
def test_the_old_pod_survives_a_restart_plus_change(node: Daemon, way: str) -> None:
    """The kubelet was restarted while manifests changed: the old container went on, and kept its port (23186)."""
    port = free_port()
    node.drop("web.yaml", serving("web", port, "old"))
    before = node.wait_running("web-lab")["web-lab"]
    (old,) = node.processes("web-lab")["c0"]
    if way == "kill -9":
        node.kill()
    else:
        assert node.stop() == 0
    node.drop("web.yaml", serving("web", port, "new"))
    assert Path(f"/proc/{old}").exists()
    node.start()
    wait_anew(node, "web-lab", before)
    assert not Path(f"/proc/{old}").exists()
    assert_never_two(node, "web-lab", "new")
    until(lambda: len(monitors(node)) == 1, "one container", within_s=30)


@pytest.mark.parametrize("way", ["kill -9", "SIGTERM"])
def test_not_stopped_on_removal_while_the_daemon_was_down(node: Daemon, way: str) -> None:
    """What was taken out of the directory around a restart of the kubelet went on running (88402, 43292)."""
    node.drop("gone.yaml", pod("gone", FOREVER, FOREVER))
    node.drop("deaf.yaml", pod("deaf", DEAF))
    node.drop("stays.yaml", pod("stays"))
    node.wait_said("deaf-lab", "up")
    before = node.wait_running("gone-lab", "deaf-lab", "stays-lab")
    processes = [pid for name in ("gone-lab", "deaf-lab") for pids in node.processes(name).values() for pid in pids]
    if way == "kill -9":
        node.kill()
    else:
        assert node.stop() == 0
    for name in ("gone", "deaf"):
        node.remove(f"{name}.yaml")
    node.start()
    node.wait_gone("gone-lab", "deaf-lab")
    assert not [pid for pid in processes if Path(f"/proc/{pid}/exe").exists()]
    assert identity(node.pods()["stays-lab"]) == identity(before["stays-lab"])
    assert "Killing" in reasons(node.events(), "gone-lab")


def test_stuck_on_a_missing_volume(node: Daemon, tmp_path: Path) -> None:
    """A pod whose volume was not there yet, or not any more, could not be changed or taken away (134908, 78898)."""
    names = ("comes", "changes", "goes")

    def wanting(name: str) -> dict[str, Any]:
        volume = {"name": "v", "hostPath": {"path": str(tmp_path / name), "type": "Directory"}}
        return pod(name, f"echo with; {FOREVER}", volumes=[volume])

    def wait_stuck(name: str) -> None:
        until(lambda: "FailedMount" in reasons(node.events(), f"{name}-lab"), f"{name} misses its volume")
        node.wait_container(f"{name}-lab", lambda each: waiting(each) == "ContainerCreating", what="waiting")

    for name in names:
        node.drop(f"{name}.yaml", wanting(name))
        wait_stuck(name)
    node.restart()
    node.drop("changes.yaml", pod("changes", f"echo without; {FOREVER}"))
    node.wait_running("changes-lab")
    assert node.wait_said("changes-lab", "\n") == "without\n"
    node.remove("goes.yaml")
    node.wait_gone("goes-lab")
    (tmp_path / "comes").mkdir()
    comes = node.wait_running("comes-lab")["comes-lab"]

    (tmp_path / "comes").rmdir()
    node.drop("comes.yaml", pod("comes", f"echo without; {FOREVER}"))
    wait_anew(node, "comes-lab", comes)
    assert node.wait_said("comes-lab", "\n") == "without\n"


def test_restart_count_after_a_restart(node: Daemon, tmp_path: Path) -> None:
    """The count was lost, or went back, with the kubelet, and stayed where the pod was made anew (54476, 12485)."""
    (tmp_path / "ends").touch()
    command = "while [ ! -e /host/ends ]; do sleep 0.05; done; [ $(cat /host/n | wc -l) -ge 3 ] && rm /host/ends"
    manifest = pod("web", f"echo x >> /host/n; {command}; exit 1")
    manifest["spec"]["volumes"] = [{"name": "host", "hostPath": {"path": str(tmp_path)}}]
    manifest["spec"]["containers"][0]["volumeMounts"] = [{"name": "host", "mountPath": "/host"}]
    node.drop("web.yaml", manifest)
    node.wait_container("web-lab", lambda each: each["restartCount"] == 3 and "running" in each["state"], what="3")
    before = node.pods()["web-lab"]
    assert node.stop() == 0
    node.start()
    assert identity(node.pods()["web-lab"]) == identity(before)
    node.kill()
    (tmp_path / "ends").touch()
    until(lambda: not monitors(node), "it ended while nobody looked")
    node.start()
    node.wait_container("web-lab", lambda each: each["restartCount"] == 4 and "running" in each["state"], what="4")
    until(lambda: (tmp_path / "n").read_text() == "x\n" * 5, "the fifth attempt said so, and no other did")

    node.remove("web.yaml")
    node.wait_gone("web-lab")
    node.drop("web.yaml", pod("web"))
    assert statuses(node.wait_running("web-lab")["web-lab"])["c0"]["restartCount"] == 0

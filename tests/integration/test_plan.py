"""hostpod plan: what it says of a change, and that the change does just that and the plan itself nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.crash_kit import identity
from tests.integration.harness import FOREVER, Daemon, container, pod, statuses

pytestmark = pytest.mark.integration


class Planner:
    """The command, for the module's instance, and a directory for manifests that are not the daemon's."""

    def __init__(self, node: Daemon, drafts: Path) -> None:
        self.node, self.drafts = node, drafts

    def draft(self, name: str, manifest: Mapping[str, Any] | str) -> Path:
        file = self.drafts / name
        file.write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
        return file

    def run(self, *arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Nothing of the node is another than before."""
        before = self._state()
        command = [sys.executable, "-m", "hostpod", "--socket", str(self.node.socket), "plan", *map(str, arguments)]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert self._state() == before
        return done

    def pods(self, *arguments: str | Path, stdin: str = "") -> dict[str, dict[str, Any]]:
        """What becomes of pods, by their names without the node's."""
        done = self.run("-o", "json", *arguments, stdin=stdin)
        assert (done.returncode, done.stderr) == (0, "")
        return {each["name"].removesuffix("-lab"): each for each in json.loads(done.stdout)["pods"]}

    def _state(self) -> Any:
        files = {each.name: each.read_bytes() for each in self.node.manifests.iterdir()}
        pods = {name: identity(shown) for name, shown in self.node.pods().items()}
        return files, pods, self.node.problems(), self.node.events()


@pytest.fixture
def planner(node: Daemon, tmp_path: Path) -> Planner:
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    return Planner(node, drafts)


def told(pod: Mapping[str, Any]) -> tuple[str, list[str], list[str]]:
    return pod["outcome"], pod["reasons"], pod["steps"]


@pytest.mark.everywhere
def test_another_image_changes_in_place(planner: Planner) -> None:
    node, manifest = planner.node, pod("imaged", FOREVER, FOREVER)
    node.drop("imaged.yaml", manifest)
    before = node.wait_running("imaged-lab")["imaged-lab"]
    assert planner.pods(node.manifests / "imaged.yaml")["imaged"]["outcome"] == "none"
    manifest["spec"]["containers"][0]["image"] = "docker.io/library/busybox:latest"
    edited = planner.draft("imaged.yaml", manifest)
    found = planner.pods(edited)["imaged"]
    restarts = ["Container c0 definition changed, will be restarted"]
    assert told(found) == ("change", ["spec.containers[0].image"], restarts)
    assert [field["path"] for field in found["fields"]] == ["spec.containers[0].image"]
    shown = planner.run(edited).stdout.splitlines()
    assert shown[:2] == ["pod default/imaged-lab would change in place: spec.containers[0].image", f"  {restarts[0]}"]
    assert [line.strip() for line in shown if line.startswith(("- ", "+ "))] == [
        "-    image: busybox",
        "+    image: docker.io/library/busybox:latest",
    ]
    node.drop("imaged.yaml", manifest)
    node.wait_for(lambda pods: statuses(pods["imaged-lab"])["c0"]["restartCount"] == 1, what="c0 restarted in place")
    after = node.wait_running("imaged-lab")["imaged-lab"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert statuses(after)["c1"]["restartCount"] == 0


def test_another_command_makes_another_pod(planner: Planner) -> None:
    node = planner.node
    node.drop("edited.yaml", pod("edited"))
    before = node.wait_running("edited-lab")["edited-lab"]
    manifest = pod("edited", FOREVER + " # another")
    edited = planner.draft("edited.yaml", manifest)
    assert told(planner.pods(edited)["edited"]) == ("replace", ["spec.containers[0].command[2]"], [])
    assert planner.run("--exit-code", edited).returncode == 2
    node.drop("edited.yaml", manifest)
    node.wait_for(
        lambda pods: "edited-lab" in pods and pods["edited-lab"]["metadata"]["uid"] != before["metadata"]["uid"],
        what="another pod",
    )
    node.wait_running("edited-lab")
    assert planner.run("--exit-code", edited).returncode == 0


def test_a_new_version_that_comes_beside_the_old_one(planner: Planner) -> None:
    planner.node.drop("gated.yaml", pod("gated"))
    planner.node.wait_running("gated-lab")
    manifest = pod("gated", FOREVER + " # another")
    manifest["metadata"]["annotations"] = {"hostpod.io/replace": "when-ready"}
    outcome, reasons, steps = told(planner.pods(planner.draft("gated.yaml", manifest))["gated"])
    assert (outcome, reasons) == ("replace", ["spec.containers[0].command[2]"])
    assert steps == ["the new version starts beside the old one, and takes its place when it is ready"]


def test_secrets_are_not_shown(planner: Planner) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"key": "hunter2"}}
    both = planner.draft("both.yaml", "\n---\n".join(json.dumps(each) for each in (pod("both"), secret)))
    assert planner.pods(both)["both"]["outcome"] == "start"
    broken = planner.draft("key.yaml", json.dumps(secret | {"data": {"key": "hunter2!"}}))
    for done in (planner.run(both), planner.run("-o", "json", both), planner.run(broken)):
        assert "hunter2" not in done.stdout + done.stderr
    assert planner.run(broken).returncode == 1


def test_a_directory_is_all_there_is(planner: Planner) -> None:
    node = planner.node
    for name in ("stays", "goes"):
        node.drop(f"{name}.yaml", pod(name))
    node.wait_running("stays-lab", "goes-lab")
    planner.draft("stays.yaml", pod("stays"))
    planner.draft("new.yaml", pod("new"))
    found = planner.pods(planner.drafts)
    assert {name: told(each) for name, each in found.items()} == {
        "goes": ("end", ["its manifest is gone"], []),
        "new": ("start", ["it is not here yet"], []),
        "stays": ("none", [], []),
    }
    shown = planner.run(planner.drafts).stdout.splitlines()
    assert shown[-1] == "Pods: 1 would start, 1 would end, 1 unchanged"
    assert [line for line in shown if line.startswith("pod ")] == [
        "pod default/goes-lab would end: its manifest is gone",
        "pod default/new-lab would start: it is not here yet",
    ]
    node.remove("goes.yaml")
    node.drop("new.yaml", pod("new"))
    node.wait_for(lambda pods: "goes-lab" not in pods, what="goes-lab gone")
    node.wait_running("stays-lab", "new-lab")


def test_what_another_program_writes(planner: Planner) -> None:
    assert planner.pods("-", stdin=json.dumps(pod("piped")))["piped"]["file"] == f"{planner.node.manifests}/piped.yaml"


def test_a_broken_file_keeps_its_pod(planner: Planner) -> None:
    node = planner.node
    node.drop("broken.yaml", pod("broken"))
    node.wait_running("broken-lab")
    broken = planner.draft(
        "broken.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: broken}\nspec: {containerz: []}\n"
    )
    done = planner.run(broken)
    assert (done.returncode, done.stdout) == (1, "pod default/broken-lab is as it should be\nPods: 1 unchanged\n")
    assert f'{broken}:4: spec.containerz: unknown field, did you mean "containers"?' in done.stderr
    assert "(pod broken-lab goes on as it was)" in done.stderr


def test_a_name_that_another_file_has_and_a_port_that_another_pod_has(planner: Planner) -> None:
    node = planner.node
    holder, second = (
        pod(name, hostNetwork=True, containers=[container("c0", FOREVER, ports=[{"containerPort": 18080}])])
        for name in ("holder", "second")
    )
    node.drop("holder.yaml", holder)
    node.wait_running("holder-lab")
    done = planner.run(planner.draft("a.yaml", holder))
    assert done.returncode == 1
    assert f'{node.manifests}/holder.yaml:1: metadata.name: the pod "default/holder-lab" is in ' in done.stderr
    outcome, (reason,), steps = told(planner.pods(planner.draft("second.yaml", second))["second"])
    assert (outcome, steps) == ("refuse", [])
    assert reason.startswith("NodePorts: Predicate NodePorts failed: ")
    (planner.drafts / "a.yaml").unlink()
    outcome, _, (step,) = told(planner.pods(planner.drafts)["second"])
    assert (outcome, step.startswith("others have to end first: ")) == ("start", True)
    node.drop("second.yaml", second)
    node.wait_phase("second-lab", "Failed")
    done = planner.run()
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Pods: 1 refused, 1 unchanged")


def test_an_order_that_is_a_circle_or_has_to_be_waited_for(planner: Planner) -> None:
    def after(name: str, first: str) -> dict[str, Any]:
        manifest = pod(name)
        manifest["metadata"]["annotations"] = {"hostpod.io/after": first}
        return manifest

    planner.draft("web.yaml", after("web", "db"))
    planner.draft("db.yaml", pod("db"))
    waits = "waits for pods that are not ready: default/db-lab"
    assert told(planner.pods(planner.drafts)["web"]) == ("wait", [waits], [])
    planner.draft("db.yaml", after("db", "web"))
    done = planner.run(planner.drafts)
    assert done.returncode == 1
    assert done.stderr.count("pods start after one another in a circle") == 2
    assert "Pods: 2 would wait" in done.stdout


def test_nothing_is_left_to_do(planner: Planner) -> None:
    planner.node.drop("done.yaml", pod("done"))
    planner.node.wait_running("done-lab")
    done = planner.run("--exit-code")
    assert (done.returncode, done.stdout, done.stderr) == (0, "Pods: 1 unchanged\n", "")
    planner.node.drop("bad.yaml", "kind: [")
    planner.node.wait_for(lambda _: planner.node.problems(), what="the problem is told")
    done = planner.run()
    assert (done.returncode, done.stdout) == (1, "Pods: 1 unchanged\n")
    assert f"{planner.node.manifests}/bad.yaml:" in done.stderr
    assert planner.run(planner.draft("done.yaml", pod("done"))).returncode == 0


def test_without_a_daemon(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hostpod", "--socket", str(tmp_path / "none"), "plan"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: hostpod does not run: nothing answers at ")

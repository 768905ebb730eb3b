from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click
import pytest

from hostpod.cli.plan_view import plan_lines
from hostpod.cli.proposed_files import MOST_BYTES
from hostpod.sources.proposal import Proposal, ProposedFile
from tests.unit.cli import golden
from tests.unit.cli.conftest import Hostpod
from tests.unit.server.fake import Served

WEB = "/etc/hostpod/manifests/web.yaml"


def manifest(**container: Any) -> dict[str, Any]:
    metadata = {"name": "web-peer", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {"containers": [{"name": "c", "image": "img:1", **container}]}}  # fmt: skip


def told(name: str, outcome: str, *reasons: str, **more: Any) -> dict[str, Any]:
    base = {"namespace": "default", "name": name, "file": f"/m/{name}.yaml", "outcome": outcome}
    return {**base, "reasons": list(reasons), "steps": [], "fields": [], "before": None, "after": None, **more}


PODS = [
    told("db-peer", "none", file=WEB),
    told("gone-peer", "end", "its manifest is gone", before=manifest()),
    told("new-peer", "start", "it is not here yet", after=manifest(image="new\x1b[31m")),
    told("other-peer", "none"),
    told("web-peer", "replace", "spec.containers[0].command", steps=["waits for \x1b[0m"], before=manifest(),
         after=manifest(command=["sh", "-c", "echo a\necho b\n"])),
]  # fmt: skip
PROBLEM = {"file": WEB, "line": 3, "path": "spec.x", "message": "unknown field", "keptPod": "web-peer"}


def answer(served: Served, *pods: dict[str, Any], files: tuple[str, ...] = (), problems: Any = ()) -> None:
    changes = any(pod["outcome"] != "none" for pod in pods)
    served.node.planned = {"changes": changes, "files": files, "pods": pods, "problems": list(problems)}


@pytest.fixture
def web(tmp_path: Path) -> Path:
    file = tmp_path / "web.yaml"
    file.write_bytes(b"kind: Pod\n\xff")
    return file


def test_golden_plan(served: Served, hostpod: Hostpod, web: Path) -> None:
    answer(served, *PODS, files=(WEB,))
    result = hostpod("plan", str(web))
    assert (result.exit_code, result.stderr) == (0, "")
    golden.check("plan.txt", result.stdout)
    assert served.node.proposals == [Proposal(files=(ProposedFile(name="web.yaml", content=web.read_bytes()),))]


def test_golden_plan_in_colours() -> None:
    golden.check("plan_colours.txt", "\n".join(plan_lines(PODS, proposed=True, also=())) + "\n")


def test_only_those_that_are_affected_by_a_directory(served: Served, hostpod: Hostpod, web: Path) -> None:
    (web.parent / "b.yml").touch()
    (web.parent / "web.yaml~").write_text("old")
    (web.parent / "below.yaml").mkdir()
    answer(served, PODS[0], files=("/m/b.yml", WEB))
    assert hostpod("plan", str(web.parent)).stdout == "Pods: 1 unchanged\n"
    (sent,) = served.node.proposals
    assert (sent.whole, [each.name for each in sent.files]) == (True, ["b.yml", "web.yaml"])
    assert [bool(each.refused) for each in sent.files] == [True, False]


def test_what_is_still_to_be_done(served: Served, hostpod: Hostpod) -> None:
    answer(served, told("web-peer", "wait", "waits for pods that are not ready: default/db"), PODS[3])
    head = "pod default/web-peer is waiting: waits for pods that are not ready: default/db"
    assert hostpod("plan").stdout == f"{head}\n\nPods: 1 waiting, 1 unchanged\n"
    answer(served)
    assert hostpod("plan").stdout == "Pods: none\n"
    assert served.node.proposals == [Proposal(), Proposal()]


def test_problems_are_told_where_they_were_given(served: Served, hostpod: Hostpod, web: Path) -> None:
    elsewhere = {**PROBLEM, "file": "/m/a.yaml", "path": "", "keptPod": None}
    answer(served, files=(WEB,), problems=[PROBLEM, elsewhere])
    result = hostpod("plan", "--exit-code", str(web))
    assert result.exit_code == 1
    assert result.stderr == (
        f"{web}:3: spec.x: unknown field (pod web-peer goes on as it was)\n/m/a.yaml:3: unknown field\n"
    )


def test_what_another_program_writes(served: Served, hostpod: Hostpod, web: Path) -> None:
    answer(served, files=(WEB,), problems=[PROBLEM])
    assert hostpod("plan", "-", stdin=b"kind: Pod\n").stderr.startswith("<stdin>:3: spec.x: ")
    assert served.node.proposals == [Proposal(files=(ProposedFile(name=None, content=b"kind: Pod\n"),))]


def test_a_pipe_of_the_shell(served: Served, hostpod: Hostpod) -> None:
    answer(served, files=(WEB,))
    read, write = os.pipe()
    os.write(write, b"kind: Pod\n")
    os.close(write)
    try:
        assert hostpod("plan", f"/dev/fd/{read}").exit_code == 0
    finally:
        os.close(read)
    assert served.node.proposals == [Proposal(files=(ProposedFile(name=None, content=b"kind: Pod\n"),))]


@pytest.mark.parametrize(("pods", "code"), [((PODS[0],), 0), ((PODS[0], PODS[1]), 2)])
def test_the_exit_code_tells_of_changes_where_it_is_asked_for(
    served: Served, hostpod: Hostpod, pods: tuple[dict[str, Any], ...], code: int
) -> None:
    answer(served, *pods)
    assert hostpod("plan", "--exit-code").exit_code == code
    assert hostpod("plan").exit_code == 0


def test_json_for_programs(served: Served, hostpod: Hostpod, web: Path) -> None:
    answer(served, *PODS, files=(WEB,), problems=[PROBLEM])
    result = hostpod("plan", "-o", "json", str(web))
    assert (result.exit_code, result.stderr) == (1, "")
    files = [{"path": str(web), "as": WEB}]
    assert json.loads(result.stdout) == {"changes": True, "files": files, "pods": PODS, "problems": [PROBLEM]}


def test_another_directory_of_manifests(served: Served, hostpod: Hostpod, web: Path) -> None:
    result = hostpod("plan", "--into", "/srv/x", str(web))
    assert (result.exit_code, result.stderr) == (1, "error: /srv/x is no directory of manifests; there are: /m\n")


def test_what_cannot_be_planned(served: Served, hostpod: Hostpod, web: Path, tmp_path: Path) -> None:
    odd, one, two = tmp_path / "web.yaml.new", tmp_path / "one", tmp_path / "two"
    odd.write_text("kind: Pod\n")
    for each in (one, two):
        each.mkdir()

    def refusal(*paths: Path) -> str:
        result = hostpod("plan", *map(str, paths))
        assert result.exit_code == 1
        return click.unstyle(result.stderr)

    no_name = f"error: web.yaml.new is no name that is read among manifests (NAME.yaml): try hostpod plan - <{odd}\n"
    assert refusal(odd) == no_name
    assert refusal(tmp_path / "x.yaml") == f"error: cannot read {tmp_path}/x.yaml: No such file or directory\n"
    assert refusal(one, two) == "error: only one directory can be in place of the manifests: name one\n"
    web.write_bytes(b"x" * (MOST_BYTES + 1))
    many = f"error: these are {MOST_BYTES + 1} bytes, and a plan is made of at most {MOST_BYTES}: name fewer files\n"
    assert refusal(web) == many
    assert served.node.proposals == []


def test_no_daemon(tmp_path: Path) -> None:
    result = Hostpod(tmp_path / "none")("plan")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: hostpod does not run: nothing answers at ")


def test_what_is_only_warned_of_is_no_problem(served: Served, hostpod: Hostpod, web: Path) -> None:
    answer(served, files=(WEB,), problems=[{**PROBLEM, "warning": True}])
    result = hostpod("plan", str(web))
    assert result.exit_code == 0
    assert f"{web}:{PROBLEM['line']}: warning: {PROBLEM['path']}: {PROBLEM['message']}" in result.stderr

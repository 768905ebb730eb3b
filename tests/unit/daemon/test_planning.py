"""The answer of a plan, from real files and an engine that has no pods yet."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from hostpod.config import Config, ManifestConfig
from hostpod.daemon.planning import PlanningNode
from hostpod.daemon.problems import problems_of
from hostpod.engine.engine import Engine
from hostpod.kube.api_status import StatusError
from hostpod.sources.proposal import Proposal, ProposedFile
from hostpod.sources.sources import open_sources
from tests.unit.engine.machine import Machine
from tests.unit.sources.watching import manifest


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with Machine(tmp_path) as made:
        yield made


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    directory = tmp_path / "manifests"
    directory.mkdir()
    (directory / "bad.yaml").write_text("kind: [")
    (directory / "web.yaml").write_text(manifest("web"))
    return directory


def planned(machine: Machine, manifests: Path, proposal: Proposal) -> Mapping[str, Any]:
    async def run() -> Mapping[str, Any]:
        edges = machine.edges()
        config = Config(node_name="peer", manifests=ManifestConfig(directory=manifests))
        async with aclosing(open_sources(config, state=manifests.parent, known={})) as sources:
            node = PlanningNode(Engine(edges, changed=lambda: None), edges, lambda: sources)
            node.show_problems(problems_of(await sources.first()))
            return await node.plan(proposal)

    return asyncio.run(run())


def put(name: str, text: str, **more: Any) -> Proposal:
    return Proposal(files=(ProposedFile(name=name, content=text.encode()),), **more)


def broken(answer: Mapping[str, Any]) -> list[str]:
    return [Path(problem["file"]).name for problem in answer["problems"]]


def test_as_the_manifests_are_all_problems_are_told(machine: Machine, manifests: Path) -> None:
    answer = planned(machine, manifests, Proposal())
    (web,) = answer["pods"]
    assert (web["namespace"], web["name"], web["outcome"]) == ("default", "web-peer", "start")
    assert (web["file"], web["before"], web["fields"]) == (f"{manifests}/web.yaml", None, [])
    assert web["after"]["metadata"] == {"name": "web-peer", "namespace": "default"}
    assert (answer["changes"], answer["files"], broken(answer)) == (True, [], ["bad.yaml"])


def test_of_a_file_only_its_own_problems_and_new_ones(machine: Machine, manifests: Path) -> None:
    assert broken(planned(machine, manifests, put("web.yaml", manifest("web")))) == []
    assert broken(planned(machine, manifests, put("bad.yaml", "kind: ["))) == ["bad.yaml"]
    conflict = planned(machine, manifests, put("a.yaml", manifest("web")))
    assert (conflict["files"], broken(conflict)) == ([f"{manifests}/a.yaml"], ["web.yaml"])


def test_nothing_at_all(machine: Machine, manifests: Path) -> None:
    empty = {"changes": False, "files": [], "pods": [], "problems": []}
    assert planned(machine, manifests, Proposal(whole=True)) == empty


def test_a_directory_that_is_none_of_the_daemons(machine: Machine, manifests: Path) -> None:
    with pytest.raises(StatusError, match="/x is no directory of manifests; there are: "):
        planned(machine, manifests, put("a.yaml", "", into=Path("/x")))

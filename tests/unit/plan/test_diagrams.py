from __future__ import annotations

import io
import re
import runpy
from pathlib import Path
from typing import get_args

import pytest

from hostpod.plan import diagrams
from hostpod.plan.diagrams import diagram
from hostpod.plan.stages import PodStage, Stage

PAGE = Path(__file__).resolve().parents[3] / "docs" / "lifecycle.md"


def test_the_diagrams_of_the_page_are_current(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = PAGE.read_text()
    monkeypatch.setattr("sys.stdin", io.StringIO(re.sub("(?s)```mermaid.*?```\n", "", page)))
    runpy.run_path(diagrams.__file__, run_name="__main__")
    assert capsys.readouterr().out == page
    assert page.count("```mermaid") == 2


def test_the_page_tells_of_every_stage() -> None:
    page = PAGE.read_text()
    told = {stage for row in re.findall(r"(?m)^\| ([a-z, -]+) \| ", page) for stage in row.split(", ")}
    assert set(get_args(Stage)) <= told
    listed = {stage for item in re.findall(r"(?m)^- (\*\*.*?\*\*):", page) for stage in re.findall(r"\w+", item)}
    assert set(get_args(PodStage)) <= listed


def test_an_edge_tells_all_that_leads_along_it_and_when() -> None:
    table = {("a", "rain"): ("waiting", "over"), ("a", "snow"): ("over",), ("over", "sun"): ("post-start",)}
    assert diagram(table.items()).splitlines() == [
        "```mermaid",
        "stateDiagram-v2",
        '    state "post-start" as post_start',
        "    [*] --> a",
        "    a --> waiting : rain (another attempt follows)",
        "    a --> over : rain (none follows), or snow",
        "    over --> post_start : sun",
        "```",
    ]

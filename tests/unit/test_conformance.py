"""Every line of Kubernetes' list of node conformance has a test that shows it, or is not about a pod's life."""

from __future__ import annotations

import ast
import os
import re
from functools import cache
from pathlib import Path

import pytest

from tests.conformance import AREAS, KINDS, LIFE

ROOT = Path(__file__).parents[2]
REFERENCE = Path(os.environ.get("HOSTPOD_REFERENCE", ROOT.parent / "shared" / "reference")) / "node-conformance.txt"

needs_reference = pytest.mark.skipif(
    not REFERENCE.exists(), reason=f"the list of node conformance is absent: {REFERENCE}"
)


def _titles() -> dict[str, str]:
    """The area of each line by its title."""
    found = {}
    for line in REFERENCE.read_text().splitlines():
        area = line.split("]", 1)[0].removeprefix("[")
        title = " ".join(re.sub(r"\[[^]]*\]", "", line).replace("''", "'").split())
        found[title if area not in AREAS else f"{area} {title}"] = area
    assert len(found) == len(REFERENCE.read_text().splitlines()), "titles are unique"
    return found


@needs_reference
def test_every_line_has_a_case_or_is_of_one_other_kind() -> None:
    for title, area in _titles().items():
        kinds = [AREAS[area]] if area in AREAS else [kind for start, kind in KINDS.items() if title.startswith(start)]
        assert (title in LIFE) + len(kinds) == 1, title


@needs_reference
def test_nothing_in_the_table_is_stale() -> None:
    titles = _titles()
    assert set(LIFE) <= set(titles)
    assert [start for start in KINDS if not any(title.startswith(start) for title in titles)] == []
    assert set(AREAS) <= set(titles.values())


@pytest.mark.parametrize("case", sorted({case for cases in LIFE.values() for case in cases}))
def test_every_case_is_a_test(case: str) -> None:
    file, _, name = case.partition("::")
    assert name in _tests(file)


@cache
def _tests(file: str) -> frozenset[str]:
    """The names of the tests of a file of integration tests, those in a class with its name."""
    found = set()
    for node in ast.parse((ROOT / "tests/integration" / file).read_text()).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return frozenset(name for name in found if name.rpartition("::")[2].startswith("test_"))

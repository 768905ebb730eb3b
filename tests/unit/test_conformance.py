"""Every line of Kubernetes' list of node conformance has a test that shows it, or is about what hostpod has none of."""

from __future__ import annotations

import ast
import os
import re
from functools import cache
from pathlib import Path

import pytest

from tests.conformance import INSIDE, KINDS, LIFE

CASES = {**LIFE, **INSIDE}
ROOT = Path(__file__).parents[2]
REFERENCE = Path(os.environ.get("HOSTPOD_REFERENCE", ROOT.parent / "shared" / "reference")) / "node-conformance.txt"

needs_reference = pytest.mark.skipif(
    not REFERENCE.exists(), reason=f"the list of node conformance is absent: {REFERENCE}"
)


def _titles() -> frozenset[str]:
    lines = REFERENCE.read_text().splitlines()
    found = frozenset(map(_title, lines))
    assert len(found) == len(lines), "titles are unique"
    return found


def _title(line: str) -> str:
    area = line.split("]", 1)[0].removeprefix("[")
    title = " ".join(re.sub(r"\[[^]]*\]", "", line).replace("''", "'").split())
    return title if area == "sig-node" else f"{area} {title}"


@needs_reference
def test_every_line_has_a_case_or_is_of_one_other_kind() -> None:
    for title in _titles():
        kinds = [kind for start, kind in KINDS.items() if title.startswith(start)]
        assert (title in CASES) + len(kinds) == 1, title


@needs_reference
def test_nothing_in_the_table_is_stale() -> None:
    titles = _titles()
    assert set(CASES) <= titles
    assert [start for start in KINDS if not any(title.startswith(start) for title in titles)] == []


@pytest.mark.parametrize("case", sorted({case for cases in CASES.values() for case in cases}))
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

"""Every field that works has a test that shows it, named in tests/fields_shown.py; every field has a level."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from hostpod import kube
from hostpod.kube import KubeModel
from hostpod.manifest.shapes import Shape, attributes_of, fields_of
from hostpod.manifest.support import SUPPORT
from tests.fields_shown import SHOWN

TESTS = Path(__file__).parents[2]
WHAT_TO_DO = (
    "add its test to SHOWN in tests/fields_shown.py: one that looks from inside the container, or at the kernel"
)


def below(shape: Shape) -> type[KubeModel] | None:
    """The object that a field or each of its items is."""
    return shape.item.model if shape.item else shape.model


def working() -> Iterator[str]:
    """The fields that need a test: those that hold values, and those that hold objects which others hold as well."""
    holders = Counter(below(shape) for model in SUPPORT for shape in fields_of(model).values())
    for model, levels in SUPPORT.items():
        for name, support in levels.items():
            if support.level != "works":
                continue
            inner = below(fields_of(model)[name])
            if inner is None or holders[inner] > 1:
                yield f"{model.__name__}.{name}"


def test_every_field_that_works_is_shown() -> None:
    assert sorted(set(working()) - set(SHOWN)) == [], WHAT_TO_DO


def test_nothing_is_shown_that_does_not_work() -> None:
    assert sorted(set(SHOWN) - set(working())) == [], "remove it from SHOWN in tests/fields_shown.py"


@pytest.mark.parametrize("field", sorted(SHOWN))
def test_what_shows_a_field_is_a_test_and_has_the_field(field: str) -> None:
    model, name = field.split(".")
    attribute = attributes_of(getattr(kube, model))[name]
    for case in SHOWN[field]:
        file, _, test = case.partition("::")
        assert test in names_in(file), f"{case} is no test"
        assert re.search(rf"\b({name}|{attribute})\b", text_of(file)), f"{file} has no {name}"


def text_of(file: str) -> str:
    """A file of tests, with what its pods are written by."""
    return (TESTS / file).read_text() + (TESTS / "integration" / "harness.py").read_text()


@cache
def names_in(file: str) -> frozenset[str]:
    """The names of the tests of a file, those in a class with its name."""
    found = set()
    for node in ast.parse((TESTS / file).read_text()).body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return frozenset(name for name in found if name.rpartition("::")[2].startswith("test_"))

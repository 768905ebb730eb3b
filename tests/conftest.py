"""What holds for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

HERE = Path(__file__).parent

# How long a case takes is the machine's affair: speed is measured in bench/.
settings.register_profile("hostpod", deadline=None)
settings.load_profile("hostpod")

APART = ("vm", "integration")
"""Tests that stand on the whole machine: those of each directory run one after another, beside those of others."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Say what must stay together where the tests are spread over processes (--dist loadgroup)."""
    group = item.path.relative_to(HERE).parts[0]
    if group in APART:
        item.add_marker(pytest.mark.xdist_group(group))

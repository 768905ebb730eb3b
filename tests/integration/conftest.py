"""Fixtures of the integration tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.fakehost import FakeHost, fake_host


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """A fake host that the test lives in."""
    with fake_host(tmp_path) as inside:
        yield inside

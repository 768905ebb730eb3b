from __future__ import annotations

from pathlib import Path

from hostpod.cli.reference import page

ROOT = Path(__file__).parents[3]


def test_the_committed_page_is_current() -> None:
    assert (ROOT / "docs/cli.md").read_text() == page(), "run: python -m hostpod.cli.reference > docs/cli.md"

"""Whole outputs, kept beside the tests. HOSTPOD_WRITE_GOLDEN=1 (make golden) writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

DIRECTORY = Path(__file__).parent / "golden"


def check(name: str, text: str) -> None:
    path = DIRECTORY / name
    if os.environ.get("HOSTPOD_WRITE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()

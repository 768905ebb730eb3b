"""`python -m hostpod.config`: writes docs/settings.md and examples/hostpod.yaml of the source tree it is run in."""

from __future__ import annotations

from pathlib import Path

from hostpod.config.reference import write

if __name__ == "__main__":
    write(Path.cwd())

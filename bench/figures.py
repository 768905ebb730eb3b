"""Figures with their samples: what is drawn as a table and kept as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab.place import command

RESULTS = Path(__file__).with_name("results") / "latest.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A measured thing. `at_most` is the target of the median, where there is one."""

    name: str
    text: str
    unit: str
    samples: tuple[float, ...]
    at_most: float | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def met(self) -> bool | None:
        return None if self.at_most is None else self.median <= self.at_most


def draw(figures: Sequence[Figure]) -> None:
    table = Table(title="hostpod against the bare floor of the same run")
    for heading in ("what", "median", "least - most", "samples", "target", ""):
        table.add_column(heading, justify="left" if heading in ("what", "") else "right")
    for figure in figures:
        target = "" if figure.at_most is None else f"≤ {figure.at_most:g} {figure.unit}"
        verdict = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[figure.met]
        spread = f"{min(figure.samples):.3g} - {max(figure.samples):.3g}"
        median = f"{figure.median:.3g} {figure.unit}"
        table.add_row(figure.text, median, spread, str(len(figure.samples)), target, verdict)
    Console(width=120).print(table)


def write(figures: Sequence[Figure], *, busy_percent: float) -> None:
    """results/latest.json: {name: {"median", "samples", "unit"}} and what it was measured on."""
    content: dict[str, object] = {
        figure.name: {
            "median": round(figure.median, 4),
            "samples": [round(sample, 4) for sample in figure.samples],
            "unit": figure.unit,
        }
        for figure in figures
    }
    content["machine"] = {
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "runc": command(["runc", "--version"]).splitlines()[0],
        "busy_before_percent": round(busy_percent, 1),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")

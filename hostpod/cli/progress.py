"""Progress bars of a pull, on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from hostpod.cli.table import printable

JsonObject = Mapping[str, Any]


def draw(lines: Iterable[JsonObject]) -> JsonObject | None:
    """A bar for each part; the image that came last."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    bars: dict[str, TaskID] = {}
    with Progress(*columns) as progress:
        for line in lines:
            if "image" in line:
                found: JsonObject = line["image"]
                for bar in bars.values():
                    progress.update(bar, completed=found["sizeBytes"], total=found["sizeBytes"])
                return found
            words = printable(f"{line['id']}: {line['action']}")
            if line["id"] not in bars:
                bars[line["id"]] = progress.add_task(words, total=line["total"])
            _advance(progress, bars[line["id"]], words, line)
    return None


def _advance(progress: Progress, bar: TaskID, words: str, line: JsonObject) -> None:
    current, total = line["current"], line["total"]
    progress.update(bar, description=words, completed=current, total=current if line["done"] else total)

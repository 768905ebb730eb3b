"""Whatever happens in the directory: in the end the source tells what a fresh look at it tells."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from hostpod.sources.directory import Snapshot
from tests.unit.sources.watching import manifest, watching

NAMES = ("a.yaml", "b.yaml", "c.json", "d", "e.yml")


class Chaos:
    """Everything that people, editors and tools do with files."""

    def __init__(self, directory: Path, dice: random.Random) -> None:
        self._directory = directory
        self._dice = dice

    def act(self) -> None:
        actions: tuple[Callable[[Path], None], ...] = (
            self._write_in_place,
            self._write_in_parts,
            self._rename_into_place,
            self._rename_among_manifests,
            self._link_hard,
            self._link,
            self._write_with_backup,
            self._remove,
        )
        self._dice.choice(actions)(self._directory / self._dice.choice(NAMES))

    def _text(self) -> str:
        pods = self._dice.sample(("one", "two", "three"), k=self._dice.randint(0, 2))
        return manifest(*pods, image=f"i{self._dice.randint(1, 9)}") or "# no pod\n"

    def _beside(self) -> Path:
        beside = self._directory.parent / "beside"
        beside.unlink(missing_ok=True)
        beside.write_text(self._text())
        return beside

    def _write_in_place(self, file: Path) -> None:
        file.unlink(missing_ok=True) if file.is_symlink() else None
        file.write_text(self._text())

    def _write_in_parts(self, file: Path) -> None:
        with file.open("w") as writer:
            text = self._text()
            writer.write(text[:20])
            writer.flush()
            writer.write(text[20:])

    def _rename_into_place(self, file: Path) -> None:
        self._beside().rename(file)

    def _rename_among_manifests(self, file: Path) -> None:
        if file.exists():
            file.rename(self._directory / self._dice.choice(NAMES))

    def _link_hard(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        file.hardlink_to(self._beside())

    def _link(self, file: Path) -> None:
        target = self._directory.parent / f"target{self._dice.randint(1, 3)}"
        target.write_text(self._text())
        file.unlink(missing_ok=True)
        file.symlink_to(target)

    def _write_with_backup(self, file: Path) -> None:
        if file.exists():
            file.rename(self._directory / f"{file.name}~")
        file.write_text(self._text())

    def _remove(self, file: Path) -> None:
        file.unlink(missing_ok=True)


def told(snapshot: Snapshot) -> list[tuple[str, str, str | None]]:
    """What counts of a snapshot: which pod from which file with which image, and the problems."""
    pods = [(sourced.file, sourced.pod.name, sourced.pod.spec.containers[0].image) for sourced in snapshot.pods]
    return sorted(pods) + sorted((found.problem.file, "", found.problem.message) for found in snapshot.problems)


@pytest.mark.parametrize("seed", range(6))
def test_the_end_is_what_a_fresh_look_tells(tmp_path: Path, seed: int) -> None:
    directory = tmp_path / "manifests"
    directory.mkdir()
    dice = random.Random(seed)
    chaos = Chaos(directory, dice)

    async def story() -> None:
        # The targets of links are outside: their changes are found by the rescan.
        async with watching(directory, settle_s=0.05, rescan_interval_s=0.3) as watched:
            reading = asyncio.ensure_future(watched.until(lambda _: False))
            for _ in range(80):
                chaos.act()
                if dice.random() < 0.4:
                    await asyncio.sleep(dice.choice((0, 0, 0.001, 0.03)))
            async with watching(directory) as fresh:
                expected = told(fresh.snapshot)
            async with asyncio.timeout(4):
                while told(watched.snapshot) != expected:  # noqa: ASYNC110 - the other task gets the snapshots
                    await asyncio.sleep(0.005)
            reading.cancel()
            await asyncio.wait([reading])

    asyncio.run(story())

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hostpod.images import uses as module
from hostpod.images.uses import Use, Uses


def at_work(path: Path, act: Callable[[Uses], object], *, at: float, images: tuple[str, ...] = ()) -> dict[str, Use]:
    """What is known of the images after this, of a store that is opened at a time and closed again."""

    async def run() -> dict[str, Use]:
        uses = Uses(path, now=lambda: at)
        uses.open(images)
        act(uses)
        uses.close()
        return {image: uses.of(image) for image in images}

    return asyncio.run(run())


def nothing(_: Uses) -> None:
    pass


def test_times_survive_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "uses.json"
    at_work(path, lambda uses: uses.note("a"), at=100.0)
    assert at_work(path, lambda uses: uses.note("a"), at=200.0, images=("a", "b")) == {
        "a": Use(came=100.0, used=200.0),
        "b": Use(came=200.0, used=200.0),
    }
    assert at_work(path, lambda uses: uses.forget("a"), at=300.0, images=("a",)) == {"a": Use(came=300.0, used=300.0)}
    assert json.loads(path.read_text()) == {"images": {}}


def test_where_nothing_happened_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "uses.json"
    at_work(path, lambda uses: uses.forget("unknown"), at=100.0)
    assert not path.exists()
    at_work(path, nothing, at=100.0, images=("a",))
    before = path.stat().st_ino
    at_work(path, nothing, at=200.0, images=("a",))
    assert path.stat().st_ino == before


def test_a_clock_that_was_set_back_makes_no_image_young_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "uses.json"
    at_work(path, lambda uses: uses.note("a"), at=1000.0)
    assert at_work(path, nothing, at=10.0, images=("a",)) == {"a": Use(came=10.0, used=10.0)}


@pytest.mark.parametrize("content", ["{", '{"images": {"a": {"came": "x", "used": 1}}}', "[]"])
def test_a_file_that_cannot_be_read_is_begun_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    path = tmp_path / "uses.json"
    path.write_text(content)
    assert at_work(path, nothing, at=10.0, images=("a",)) == {"a": Use(came=10.0, used=10.0)}
    assert "when images were used is forgotten: cannot read" in caplog.text
    assert at_work(path, nothing, at=20.0, images=("a",)) == {"a": Use(came=10.0, used=10.0)}


def test_where_it_cannot_be_written_the_store_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    at_work(tmp_path / "no" / "uses.json", lambda uses: uses.note("a"), at=1.0)
    assert "when images were used is not written down: cannot write" in caplog.text


def test_it_is_written_a_while_after_a_change_and_not_at_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAVED_WITHIN_S", 0.01)
    path = tmp_path / "uses.json"

    async def run() -> None:
        uses = Uses(path, now=lambda: 5.0)
        for image in ("a", "b"):
            uses.note(image)
        assert not path.exists()
        async with asyncio.timeout(10):
            while not path.exists():  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(0.01)
        uses.close()

    asyncio.run(run())
    assert set(json.loads(path.read_text())["images"]) == {"a", "b"}

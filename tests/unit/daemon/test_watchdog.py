from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping
from contextlib import suppress

import pytest

from hostpod.daemon import watchdog
from hostpod.daemon.watchdog import Ping, keep_alive

Answers = list[Callable[[], None]]


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What systemd's watchdog was told, and what the journal was."""
    told: list[str] = []
    monkeypatch.setattr("hostpod.daemon.watchdog.notify.alive", lambda: told.append("alive"))
    monkeypatch.setattr(watchdog.log, "error", lambda text, *values, **_: told.append(text % values))
    return told


def after(seconds: float, pings: Callable[[], Mapping[str, Ping]], watchdog_s: float | None = 0.02) -> None:
    """Let it run for a while."""

    async def run() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await keep_alive(watchdog_s, pings)

    asyncio.run(run())


class TimeLapse(asyncio.SelectorEventLoop):
    """A loop that does not wait: its clock goes on to the next timer."""

    def __init__(self) -> None:
        self._now_s = 0.0
        super().__init__(_Impatient(self))

    def time(self) -> float:
        return self._now_s

    def skip(self, seconds: float) -> None:
        self._now_s += seconds


class _Impatient(selectors.SelectSelector):
    def __init__(self, loop: TimeLapse) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.skip(timeout or 0.0)
        return super().select(0)


def at_once(answer: Callable[[], None]) -> None:
    answer()


def later(answer: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon(answer)


def never(answer: Callable[[], None]) -> None:
    pass


def test_it_is_fed_as_long_as_all_answer(fed: list[str]) -> None:
    after(0.2, lambda: {"pod a": at_once, "manifests": later})
    assert len(fed) >= 5
    assert set(fed) == {"alive"}


def test_one_that_does_not_answer_stops_the_feed_and_is_named(fed: list[str]) -> None:
    after(0.2, lambda: {"pod a": later, "pod b": never, "manifests": at_once})
    assert fed == ["alive", "no sign of life from pod b for 0.005 s: the watchdog is not fed"]


def test_it_is_named_before_the_patience_of_systemd_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = TimeLapse()
    monkeypatch.setattr("hostpod.daemon.watchdog.notify.alive", lambda: told.append(("alive", loop.time())))
    monkeypatch.setattr(watchdog.log, "error", lambda *_, **__: told.append(("stalled", loop.time())))
    told: list[tuple[str, float]] = []
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(asyncio.wait({loop.create_task(keep_alive(30, lambda: {"pod a": never}))}, timeout=100))
    assert told == [("alive", 0.0), ("stalled", 22.5)]


def test_a_late_answer_feeds_it_again(fed: list[str]) -> None:
    held: Answers = []

    def pings() -> Mapping[str, Ping]:
        return {"pod a": held.append if not held else at_once}

    async def run() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(1), asyncio.TaskGroup() as tasks:
                keeping = tasks.create_task(keep_alive(0.02, pings))
                while len(fed) < 2:  # noqa: ASYNC110 - what is told is a plain list
                    await asyncio.sleep(0.001)
                held[0]()
                while len(fed) < 5:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
                keeping.cancel()

    asyncio.run(run())
    assert fed[1].startswith("no sign of life")
    assert set(fed[2:]) == {"alive"}


def test_nobody_is_asked_where_no_watchdog_waits(fed: list[str]) -> None:
    after(0.05, lambda: pytest.fail("asked"), watchdog_s=None)
    assert fed == []

from __future__ import annotations

import asyncio

from hostpod.engine.watchers import QUEUE_LIMIT, Watchers


def test_a_watcher_sees_what_is_there_and_then_each_change() -> None:
    async def run() -> list[object]:
        watchers = Watchers()
        changes = watchers.watch(lambda: [{"n": 0}])
        seen = [await anext(changes)]
        watchers.tell({"n": 1})
        watchers.tell({"n": 2})
        seen += [await anext(changes), await anext(changes)]
        assert watchers
        await changes.aclose()
        assert not watchers
        return [change["n"] for change in seen]

    assert asyncio.run(run()) == [0, 1, 2]


def test_a_watcher_that_lags_too_far_behind_is_let_go() -> None:
    async def run() -> int:
        watchers = Watchers()
        changes = watchers.watch(lambda: [{"n": -1}])
        await anext(changes)
        for n in range(QUEUE_LIMIT + 1):
            watchers.tell({"n": n})
        return len([change async for change in changes])

    assert asyncio.run(run()) == 0


def test_what_is_there_is_asked_for_when_changes_begin_to_be_told() -> None:
    async def run() -> list[object]:
        watchers = Watchers()
        there = {"n": 0}
        changes = watchers.watch(lambda: [dict(there)])
        there["n"] = 1  # nobody is told of this: the watcher has not begun
        assert not watchers
        return [(await anext(changes))["n"]]

    assert asyncio.run(run()) == [1]

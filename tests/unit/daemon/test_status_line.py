from __future__ import annotations

import asyncio

import pytest

from hostpod.daemon import status_line


def test_the_status_line_is_told_once_for_many_changes_and_not_again(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("hostpod.daemon.status_line.notify.status", told.append)
    monkeypatch.setattr(status_line, "STATUS_DELAY_S", 0.0)

    async def run() -> None:
        texts = ["no pods"]
        line = status_line.StatusLine(asyncio.get_running_loop())
        line.changed()  # nothing to tell of yet
        line.show(lambda: texts[-1])
        texts.append("2 pods starting")
        texts.append("2 pods running")
        for _ in range(5):
            line.changed()
        await asyncio.sleep(0.01)
        line.changed()  # and the text is the same
        await asyncio.sleep(0.01)

    asyncio.run(run())
    assert told == ["no pods", "2 pods running"]

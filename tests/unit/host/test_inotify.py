from __future__ import annotations

import asyncio
import resource
import struct
from pathlib import Path

import pytest

from hostpod.host.inotify import Event, Inotify, InotifyError, Mask, _resolve, decode


def test_events_are_decoded_with_and_without_names() -> None:
    data = struct.pack("iIII", 1, 0x100, 0, 16) + b"web.yaml".ljust(16, b"\0") + struct.pack("iIII", -1, 0x4000, 0, 0)
    assert decode(data) == (
        Event(watch=1, mask=Mask.CREATE, cookie=0, name="web.yaml"),
        Event(watch=-1, mask=Mask.Q_OVERFLOW, cookie=0, name=""),
    )


def test_a_name_need_not_be_text() -> None:
    data = struct.pack("iIII", 1, 0x100, 0, 4) + b"\xff\0\0\0"
    assert decode(data)[0].name == "\udcff"


def test_changes_are_told_while_somebody_waits(tmp_path: Path) -> None:
    async def story() -> None:
        with Inotify() as inotify:
            watch = inotify.add(tmp_path, Mask.CREATE | Mask.CLOSE_WRITE)
            assert inotify.add(tmp_path, Mask.CREATE | Mask.CLOSE_WRITE) == watch
            asyncio.get_running_loop().call_soon((tmp_path / "a").write_text, "x")
            events = await inotify.read()
            assert [(event.watch, event.mask, event.name) for event in events] == [
                (watch, Mask.CREATE, "a"),
                (watch, Mask.CLOSE_WRITE, "a"),
            ]

    asyncio.run(story())


def test_changes_before_are_told_at_once_and_none_when_the_time_is_over(tmp_path: Path) -> None:
    async def story() -> None:
        with Inotify() as inotify:
            inotify.add(tmp_path, Mask.CREATE)
            (tmp_path / "a").touch()
            assert [event.name for event in await inotify.read(0)] == ["a"]
            assert await inotify.read(0) == ()
            assert await inotify.read(0.001) == ()

    asyncio.run(story())


def test_both_names_of_a_rename_have_one_cookie(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "a").touch()
        with Inotify() as inotify:
            inotify.add(tmp_path, Mask.MOVED_FROM | Mask.MOVED_TO)
            (tmp_path / "a").rename(tmp_path / "b")
            left, came = await inotify.read()
            assert (left.name, came.name) == ("a", "b")
            assert left.cookie == came.cookie != 0

    asyncio.run(story())


def test_a_removed_watch_tells_that_it_ended_and_nothing_more(tmp_path: Path) -> None:
    async def story() -> None:
        with Inotify() as inotify:
            watch = inotify.add(tmp_path, Mask.CREATE)
            inotify.remove(watch)
            inotify.remove(watch)
            (tmp_path / "a").touch()
            assert [event.mask for event in await inotify.read()] == [Mask.IGNORED]

    asyncio.run(story())


def test_a_lost_waiter_leaves_the_next_one_its_events(tmp_path: Path) -> None:
    async def story() -> None:
        with Inotify() as inotify:
            inotify.add(tmp_path, Mask.CREATE)
            waiting = asyncio.ensure_future(inotify.read())
            await asyncio.sleep(0)
            waiting.cancel()
            (tmp_path / "a").touch()
            assert [event.name for event in await inotify.read()] == ["a"]

    asyncio.run(story())


def test_what_cannot_be_watched_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Inotify() as inotify:
        with pytest.raises(InotifyError, match=r"cannot watch .*/gone: no such file or directory"):
            inotify.add(tmp_path / "gone", Mask.CREATE)
        with pytest.raises(InotifyError, match=r"cannot watch .*/file: not a directory"):
            inotify.add(tmp_path / "file", Mask.CREATE | Mask.ONLYDIR)


def test_closing_twice_is_fine() -> None:
    inotify = Inotify()
    inotify.close()
    inotify.close()


def test_no_more_queues_than_the_limits_allow() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(InotifyError, match=r"cannot watch files: too many open files \(raise the sysctl"):
            Inotify()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_event_just_after_the_time_is_over_wakes_nobody() -> None:
    async def story() -> None:
        waiting = asyncio.get_running_loop().create_future()
        waiting.cancel()
        _resolve(waiting)
        assert waiting.cancelled()

    asyncio.run(story())

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from hostpod.host.logs import LogError, LogOptions, open_below, read_log

T = "2026-11-21T03:51:05.373972377Z"


def entry(text: str, stream: str = "stdout", tag: str = "F") -> str:
    return f"{T} {stream} {tag} {text}\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "pod/web/0.log"
    path.parent.mkdir(parents=True)
    path.write_text("".join(entry(f"line {number}") for number in range(5)))
    return path


def read(log: Path, options: LogOptions, *, below: Path | None = None) -> bytes:
    async def main() -> bytes:
        chunks = read_log(log, options=options, below=below or log.parents[2], ended=lambda: False)
        return b"".join([chunk async for chunk in chunks])

    return asyncio.run(main())


def test_a_log_is_read_whole(log: Path) -> None:
    assert read(log, LogOptions()) == b"line 0\nline 1\nline 2\nline 3\nline 4\n"


def test_its_end(log: Path) -> None:
    assert read(log, LogOptions(tail_lines=2)) == b"line 3\nline 4\n"
    assert read(log, LogOptions(tail_lines=0)) == b""
    assert read(log, LogOptions(tail_lines=2, limit_bytes=8)) == b"line 3\nl"
    assert read(log, LogOptions(tail_lines=1, timestamps=True)) == f"{T} line 4\n".encode()


def test_a_log_bigger_than_any_buffer(log: Path) -> None:
    lines = [f"{number} " + "x" * 100 for number in range(10_000)]
    log.write_text("".join(map(entry, lines)))
    assert read(log, LogOptions()).decode().splitlines() == lines


def test_torn_lines_are_left_out(log: Path) -> None:
    log.write_bytes(entry("a").encode() + b"\0\0\0garbage\n" + entry("b").encode() + b"2026-11-2")
    assert read(log, LogOptions()) == b"a\nb\n"


def test_a_log_that_is_not_there_is_empty(log: Path) -> None:
    assert read(log.with_name("1.log"), LogOptions()) == b""
    assert read(log.parents[1] / "gone/0.log", LogOptions(follow=True), below=log.parents[2]) == b""


class Follower:
    """Follows a log while a test writes it."""

    def __init__(self, log: Path, tail_lines: int | None) -> None:
        self.got = b""
        self.ended = False
        self._log, self._options = log, LogOptions(follow=True, tail_lines=tail_lines)
        self._more = asyncio.Event()

    async def run(self) -> None:
        chunks = read_log(self._log, options=self._options, below=self._log.parents[2], ended=lambda: self.ended)
        async with aclosing(chunks):
            async for chunk in chunks:
                self.got += chunk
                self._more.set()

    async def sees(self, end: bytes) -> None:
        async with asyncio.timeout(1):
            while not self.got.endswith(end):
                self._more.clear()
                await self._more.wait()


def followed(log: Path, script: Callable[[Follower], Awaitable[None]], tail_lines: int | None = None) -> Follower:
    async def main() -> Follower:
        follower = Follower(log, tail_lines)
        async with asyncio.TaskGroup() as group, asyncio.timeout(5):
            group.create_task(follower.run())
            await script(follower)
        return follower

    return asyncio.run(main())


def append(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def rotate(log: Path) -> None:
    log.rename(log.with_name("0.log.20261121"))


def test_a_followed_log_shows_what_is_written_and_ends_with_the_container(log: Path) -> None:
    async def script(follower: Follower) -> None:
        with log.open("a") as writer:
            await follower.sees(b"line 4\n")
            writer.write(entry("Password: ", tag="P"))
            writer.flush()
            await follower.sees(b"Password: ")
            writer.write(entry("ok"))
            writer.flush()
            await follower.sees(b"Password: ok\n")
            writer.write(entry("last"))
        follower.ended = True

    assert followed(log, script, tail_lines=1).got == b"line 4\nPassword: ok\nlast\n"


def test_it_goes_on_after_a_rotation(log: Path) -> None:
    async def script(follower: Follower) -> None:
        await follower.sees(b"line 4\n")
        append(log, entry("before"))
        rotate(log)
        append(log, entry("after"))
        await follower.sees(b"before\nafter\n")
        append(log, entry("more"))
        follower.ended = True

    assert followed(log, script, tail_lines=1).got == b"line 4\nbefore\nafter\nmore\n"


def test_it_goes_on_after_somebody_emptied_it(log: Path) -> None:
    async def script(follower: Follower) -> None:
        await follower.sees(b"line 4\n")
        os.truncate(log, 0)
        append(log, entry("new"))
        await follower.sees(b"new\n")
        follower.ended = True

    followed(log, script)


def test_a_log_that_comes_to_be_is_shown(log: Path) -> None:
    new = log.with_name("1.log")

    async def script(follower: Follower) -> None:
        await asyncio.sleep(0.02)
        new.write_text(entry("hello"))
        await follower.sees(b"hello\n")
        follower.ended = True
        append(new, "")

    followed(new, script)


def test_an_ended_container_is_read_to_its_end_at_once(log: Path) -> None:
    async def script(follower: Follower) -> None:
        follower.ended = True

    assert followed(log, script).got.endswith(b"line 4\n")


def test_no_link_is_followed(log: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(entry("secret"))
    link = log.with_name("1.log")
    link.symlink_to(secret)
    with pytest.raises(LogError, match="Too many levels of symbolic links"):
        read(link, LogOptions())
    (tmp_path / "other").symlink_to(log.parents[1])
    with pytest.raises(LogError, match="Not a directory"):
        read(tmp_path / "other/web/0.log", LogOptions(), below=tmp_path)


def test_only_files_below_the_directory_are_read(log: Path, tmp_path: Path) -> None:
    for path in (tmp_path.parent / "x.log", log.parent / "../../../x.log"):
        with pytest.raises(LogError, match="is not below"):
            open_below(path, tmp_path)
    os.mkfifo(log.with_name("fifo"))
    with pytest.raises(LogError, match="it is not a file"):
        open_below(log.with_name("fifo"), tmp_path)


def test_nothing_is_left_open(log: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    test_it_goes_on_after_a_rotation(log)
    assert len(list(Path("/proc/self/fd").iterdir())) == before

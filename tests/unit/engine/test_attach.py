from __future__ import annotations

import asyncio
import socket
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from hostpod.engine.attach import attach_session
from hostpod.engine.records import ContainerRecord
from hostpod.kube import Container
from hostpod.kube.api_status import StatusError

LINE = "2026-11-22T01:53:01.008316083+00:00 stdout F "


def record(log: Path) -> ContainerRecord:
    return ContainerRecord(
        name="a",
        id="c1",
        attempt=0,
        backoff_s=0,
        image="x",
        image_id="y",
        stop_signal="TERM",
        log=str(log),
        cgroup="",
        created_at=0,
    )


def session(tmp_path: Path, *, wants_stdin: bool = False, **fields: Any) -> Any:
    container = Container.model_validate({"name": "a", **fields})
    made = record(tmp_path / "a.log")
    return attach_session(container, made, bundle=tmp_path, logs=tmp_path, stdin=wants_stdin, ended=lambda: True)


@pytest.mark.parametrize(
    ("stdin", "words"),
    [
        (True, 'container "a" has no stdin: set stdin: true in its manifest, or leave -i away'),
        (False, 'cannot attach to container "a": its monitor (conmon) does not answer: no such file or directory'),
    ],
)
def test_what_cannot_be_attached_to(tmp_path: Path, words: str, *, stdin: bool) -> None:
    async def attach() -> None:
        async with session(tmp_path, wants_stdin=stdin):
            pass

    with pytest.raises(StatusError) as caught:
        asyncio.run(attach())
    assert str(caught.value) == words


def test_who_only_looks_does_not_touch_a_stdin_that_ends_with_its_first_client(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text(f"{LINE}old\n")

    async def look() -> list[Any]:
        async with session(tmp_path, stdin=True, stdinOnce=True) as looking:
            await looking.write_stdin(b"x")
            await looking.close_stdin()
            await looking.resize(columns=1, rows=1)
            with (tmp_path / "a.log").open("a") as log:
                log.write(f"{LINE}new\n")
            return [each async for each in looking.output()] + [await looking.exit_code()]

    assert asyncio.run(look())[-1] == 0


def test_who_is_too_slow_is_told_so(tmp_path: Path) -> None:
    async def attach() -> None:
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) as listening:
            listening.bind(str(tmp_path / "attach"))
            listening.listen()
            async with session(tmp_path) as attached:
                with listening.accept()[0] as monitor:
                    output = attached.output()
                    await asyncio.to_thread(monitor.send, b"\x02first")
                    assert await anext(output) == ("stdout", b"first")
                    with suppress(BrokenPipeError):
                        await asyncio.to_thread(lambda: [monitor.send(b"\x02" + b"x" * 8192) for _ in range(1000)])
                assert [each async for each in output]
                await attached.exit_code()

    with pytest.raises(StatusError, match="writes faster than this takes it"):
        asyncio.run(attach())


@pytest.mark.parametrize("stdin", [True, False])
def test_stdin_is_theirs_who_asked_for_it(tmp_path: Path, *, stdin: bool) -> None:
    async def attach() -> list[Any]:
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)) as listening:
            listening.bind(str(tmp_path / "attach"))
            listening.listen()
            async with session(tmp_path, wants_stdin=stdin, stdin=True) as attached:
                with listening.accept()[0] as monitor:
                    monitor.settimeout(0.01)
                    await attached.write_stdin(b"hello")
                    await attached.close_stdin()
                    await attached.resize(columns=1, rows=1)
                    try:
                        received = [monitor.recv(100), monitor.recv(100)]
                    except TimeoutError:
                        received = []
                    monitor.send(b"\x02bye")
                return [*received, *[each async for each in attached.output()], await attached.exit_code()]

    assert asyncio.run(attach()) == [*([b"hello", b""] if stdin else []), ("stdout", b"bye"), 0]

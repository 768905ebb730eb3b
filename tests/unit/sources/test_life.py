"""The source answers as long as changes are seen and taken; its settings may change while it watches."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hostpod.config import ManifestConfig
from hostpod.manifest import PodSecurity, parse_manifest
from hostpod.sources import directory
from tests.unit.sources.watching import Watched, manifest, messages_of, watching


async def answer(watched: Watched, *, follow: bool) -> bool:
    """Whether the source answers, with or without somebody who takes what it tells."""
    answered = asyncio.Event()
    watched.source.ping(answered.set)
    assert not answered.is_set()
    following = asyncio.ensure_future(watched.next()) if follow else None
    try:
        async with asyncio.timeout(0.2):
            await answered.wait()
    except TimeoutError:
        return False
    finally:
        if following:
            following.cancel()
            await asyncio.wait([following])
    return True


@pytest.mark.parametrize("follow", [True, False])
def test_it_answers_while_somebody_follows(tmp_path: Path, follow: bool) -> None:
    async def run() -> bool:
        async with watching(tmp_path) as watched:
            return await answer(watched, follow=follow)

    assert asyncio.run(run()) == follow


def slow_parsing() -> tuple[asyncio.Event, asyncio.Event, Callable[..., Awaitable[object]]]:
    """What tells that a file is being parsed, what lets it end, and what to have in place of a thread."""
    parsing, may_end = asyncio.Event(), asyncio.Event()

    async def in_a_thread(_work: object, data: bytes, *, file: str, security: PodSecurity) -> object:
        parsing.set()
        await may_end.wait()
        return parse_manifest(data, file=file, security=security)

    return parsing, may_end, in_a_thread


def test_a_large_file_that_is_being_parsed_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "LARGE_BYTES", 0)
    parsing, parsed, in_a_thread = slow_parsing()

    async def run() -> None:
        async with watching(tmp_path) as watched:
            monkeypatch.setattr("hostpod.sources.directory.asyncio.to_thread", in_a_thread)
            (tmp_path / "web.yaml").write_text(manifest("web"))
            async with asyncio.TaskGroup() as tasks:
                following = tasks.create_task(watched.until_pods("web"))
                await parsing.wait()
                answered = asyncio.Event()
                watched.source.ping(answered.set)
                assert answered.is_set()
                parsed.set()
                await following

    asyncio.run(run())


def test_other_rules_hold_for_a_file_that_is_being_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "LARGE_BYTES", 0)
    parsing, may_end, in_a_thread = slow_parsing()

    async def run() -> None:
        async with watching(tmp_path) as watched:
            monkeypatch.setattr("hostpod.sources.directory.asyncio.to_thread", in_a_thread)
            (tmp_path / "web.yaml").write_text(manifest("web"))
            async with asyncio.TaskGroup() as tasks:
                following = tasks.create_task(watched.until(lambda snapshot: bool(snapshot.problems)))
                await parsing.wait()
                config = ManifestConfig(directory=tmp_path, rescan_interval_s=3600.0)
                watched.source.reconfigure(config, PodSecurity(enforce="restricted"))
                may_end.set()
                await following
            assert 'PodSecurity "restricted' in watched.snapshot.problems[0].problem.message

    asyncio.run(run())


def test_another_size_is_a_new_look_at_every_file(tmp_path: Path) -> None:
    (tmp_path / "web.yaml").write_text(manifest("web"))

    async def run() -> None:
        async with watching(tmp_path, max_bytes=10) as watched:
            (message,) = messages_of(watched.snapshot)
            assert "at most 10 are read" in message
            config = ManifestConfig(directory=tmp_path, settle_s=10.0, rescan_interval_s=3600.0)
            watched.source.reconfigure(config, PodSecurity())
            await watched.until_pods("web")
            watched.source.reconfigure(config, PodSecurity())  # nothing else, nothing new

    asyncio.run(run())

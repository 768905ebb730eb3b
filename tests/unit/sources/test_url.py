# ruff: noqa: ASYNC240  # the loop may wait for these files: it has nothing else to do
from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hostpod.config import ManifestConfig
from hostpod.kube import Pod
from hostpod.manifest import PodSecurity, parse_manifest
from hostpod.sources import url as source
from hostpod.sources.url import UrlSource
from tests.unit.sources.a_server import AServer, serving
from tests.unit.sources.test_fetching import asynchronous
from tests.unit.sources.watching import Watched, images, manifest, pod_names

SECRET = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: keys}\nstringData: {pin: hunter2}\n"


def settings(url: str, **more: Any) -> ManifestConfig:
    """Nothing comes by itself: questions are an hour apart, and last as long as they like."""
    values = {"url": url, "max_bytes": 10_000, "url_interval_s": 3600.0, "url_timeout_s": 3600.0, **more}
    return ManifestConfig.model_construct(**values)


class Asked(Watched):
    """A source that asks when it is told to."""

    def __init__(self, source: UrlSource, config: ManifestConfig, snapshots: AsyncGenerator[Any, None]) -> None:
        super().__init__(source, snapshots)
        self._config = config

    def ask(self, **more: Any) -> None:
        """Ask now, as after a reload."""
        self._config = self._config.model_copy(update=more)
        self.source.reconfigure(self._config, PodSecurity())


@asynccontextmanager
async def asking(
    url: str, saved: Path, *, known: Mapping[str, Sequence[Pod]] | None = None, **more: Any
) -> AsyncGenerator[Asked, None]:
    config = settings(url, **more)
    made = UrlSource(config, node_name="node", suffix=True, saved=saved, known=known)
    async with aclosing(made.watch()) as snapshots:
        asked = Asked(made, config, snapshots)
        await asked.next()
        yield asked


def told(asked: Asked) -> list[str]:
    """The messages of all problems."""
    return [found.problem.message for found in asked.snapshot.problems]


def refused(reason: str) -> list[str]:
    return [f"cannot be fetched: {reason}; what it said before holds"]


async def saying(asked: Asked, server: AServer, text: str) -> None:
    """Let the server say something else, and wait until it is told."""
    server.body = text.encode()
    asked.ask()
    await asked.next()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return tmp_path / "saved.json"


@asynchronous
async def test_what_a_url_says_is_told_at_once(saved: Path) -> None:
    async with serving() as server:
        server.body = (manifest("web") + SECRET).encode()
        async with asking(server.url.replace("//", "//user:pw@") + "?token=1", saved) as asked:
            (sourced,) = asked.snapshot.pods
            assert (sourced.file, sourced.line, sourced.pod.name) == (server.url, 2, "web-node")
            assert sourced.pod.metadata.annotations["kubernetes.io/config.source"] == "http"
            assert [each.config.metadata.name for each in asked.snapshot.configs] == ["keys"]
            assert "hunter2" not in repr(asked.snapshot)


@asynchronous
async def test_it_is_asked_again_and_again(saved: Path) -> None:
    async with serving() as server, asking(server.url, saved, url_interval_s=0.01) as asked:
        server.body = manifest("web").encode()
        await asked.until_pods("web")
        server.body = manifest("web", image="httpd").encode()
        await asked.until(lambda snapshot: images(snapshot) == ["httpd"])


@asynchronous
async def test_the_etag_is_sent_and_what_did_not_change_is_not_told(saved: Path) -> None:
    async with serving() as server:
        server.body = manifest("web").encode()
        async with asking(server.url, saved) as asked:
            seen = asked.snapshot.pods
            asked.ask()
            await saying(asked, server, manifest("web", "other"))
            assert seen[0] in asked.snapshot.pods
            assert all("If-None-Match" in request.headers for request in server.asked[1:])


@asynchronous
async def test_without_etags_the_content_is_compared(saved: Path) -> None:
    async with serving() as server:
        server.etags, server.body = False, manifest("web").encode()
        async with asking(server.url, saved) as asked:
            written = saved.stat()
            asked.ask()
            reading = asyncio.ensure_future(asked.next())
            await server.until_asked(2)
            server.body = b""
            asked.ask()
            await reading
            assert asked.snapshot.pods == ()
            assert saved.stat().st_ino != written.st_ino


@asynchronous
async def test_other_rules_hold_for_an_answer_that_is_being_read(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading, may_end, in_a_thread = asyncio.Event(), asyncio.Event(), asyncio.to_thread

    async def slowly(work: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        if work is parse_manifest:
            reading.set()
            await may_end.wait()
        return await in_a_thread(work, *arguments, **named)

    async with serving() as server, asking(server.url, saved) as asked:
        monkeypatch.setattr("hostpod.sources.url.asyncio.to_thread", slowly)
        server.body = manifest("web").encode()
        asked.ask()
        following = asyncio.ensure_future(asked.until(lambda snapshot: snapshot.problems))
        await reading.wait()
        asked.source.reconfigure(settings(server.url), PodSecurity(enforce="restricted"))
        may_end.set()
        await following
        assert told(asked)[0].startswith('violates PodSecurity "restricted:')


@asynchronous
async def test_what_was_said_holds_while_it_cannot_be_asked(saved: Path) -> None:
    async with serving() as server:
        server.body = manifest("web").encode()
        async with asking(server.url, saved) as asked:
            pods = asked.snapshot.pods
            server.status = 500
            asked.ask()
            await asked.next()
            assert asked.snapshot.pods == pods
            assert told(asked) == refused("the server answers 500 Internal Server Error")
            assert asked.snapshot.problems[0].kept_pods == ("web-node",)
            assert asked.snapshot.problems[0].problem.file == server.url
            server.status = 200
            asked.ask()
            await asked.next()
            assert (asked.snapshot.pods, told(asked)) == (pods, [])


@asynchronous
async def test_garbage_ends_no_pod_and_is_a_problem_at_its_line(saved: Path) -> None:
    async with serving() as server:
        server.body = manifest("web").encode()
        async with asking(server.url, saved) as asked:
            pods = asked.snapshot.pods
            await saying(asked, server, "a: [")
            assert asked.snapshot.pods == pods
            assert (asked.snapshot.problems[0].problem.line, asked.snapshot.problems[0].kept_pods) == (1, ("web-node",))
            server.status = 500
            asked.ask()
            await asked.next()
            assert len(told(asked)) == 2
            server.status = 200
            asked.ask()
            await asked.next()
            assert len(told(asked)) == 1, "not modified: its problem is still there"


@asynchronous
async def test_what_is_right_is_taken_and_what_is_wrong_stays_as_it_was(saved: Path) -> None:
    async with serving() as server:
        server.body = (manifest("a", "b", image="old") + SECRET).encode()
        async with asking(server.url, saved) as asked:
            text = manifest("a", image="new") + SECRET.replace("pin", "p/in")
            await saying(asked, server, text)
            assert dict(zip(pod_names(asked.snapshot), images(asked.snapshot), strict=True)) == {"a": "new", "b": "old"}
            assert [dict(each.config.data) for each in asked.snapshot.configs] == [{"pin": "aHVudGVyMg=="}]
        async with asking(server.url, saved) as asked:
            assert dict(zip(pod_names(asked.snapshot), images(asked.snapshot), strict=True)) == {"a": "new", "b": "old"}
            assert [dict(each.config.data) for each in asked.snapshot.configs] == [{"pin": "aHVudGVyMg=="}]
            assert len(told(asked)) == 1
            assert "If-None-Match" in server.asked[-1].headers


@asynchronous
async def test_an_empty_answer_ends_all_pods(saved: Path) -> None:
    async with serving() as server:
        server.body = manifest("web").encode()
        async with asking(server.url, saved) as asked:
            await saying(asked, server, "")
            assert (asked.snapshot.pods, told(asked)) == ((), [])
        assert json.loads(saved.read_text())["body"] == ""


# After a restart


@asynchronous
async def test_what_was_said_holds_over_a_restart_while_nobody_answers(saved: Path) -> None:
    async with serving() as server:
        server.body = (manifest("web") + SECRET).encode()
        async with asking(server.url, saved) as asked:
            before = asked.snapshot
    assert saved.stat().st_mode & 0o777 == 0o600
    async with asking(server.url, saved, known={server.url: [before.pods[0].pod]}) as asked:
        assert (asked.snapshot.pods, asked.snapshot.configs) == (before.pods, before.configs)
        await asked.next()
        assert asked.snapshot.problems[0].kept_pods == ("web-node",)
    async with asking(server.url, saved) as asked:  # after a reboot nothing runs
        assert [sourced.pod.uid for sourced in asked.snapshot.pods] == [before.pods[0].pod.uid]


@asynchronous
async def test_pods_that_run_go_on_where_nothing_was_written_down(saved: Path) -> None:
    async with serving() as server:
        server.body = manifest("web").encode()
        async with asking(server.url, saved) as asked:
            (running,) = asked.snapshot.pods
        saved.unlink()
        server.status = 500
        known = {server.url: [running.pod], "/elsewhere.yaml": [running.pod]}
        async with asking(server.url, saved, known=known) as asked:
            assert [sourced.pod for sourced in asked.snapshot.pods] == [running.pod]
            server.status = 200
            await saying(asked, server, "")
            assert asked.snapshot.pods == ()


@asynchronous
async def test_the_etag_is_of_the_address_with_its_query(saved: Path) -> None:
    async with serving() as server:
        server.body = manifest("web").encode()
        for query in ("?a", "?a", "?b"):
            async with asking(server.url + query, saved) as asked:
                assert pod_names(asked.snapshot) == ["web"]
        assert ["If-None-Match" in request.headers for request in server.asked] == [False, True, False]
        server.status = 500
        async with asking(server.url + "/other", saved) as asked:
            assert asked.snapshot.pods == ()


@pytest.mark.parametrize("content", ["[", "[]", "{}", '{"name": "x", "pods": [{"pod": "hunter2"}], "configs": []}'])
@asynchronous
async def test_a_damaged_file_is_told_and_asked_anew(
    saved: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    saved.write_text(content)
    async with serving() as server:
        server.body = manifest("web").encode()
        async with asking(server.url, saved) as asked:
            assert pod_names(asked.snapshot) == ["web"]
    assert "what it said before is lost" in caplog.text
    assert "hunter2" not in caplog.text


@asynchronous
async def test_what_cannot_be_written_down_is_told_until_it_can(tmp_path: Path) -> None:
    saved = tmp_path / "away" / "saved.json"
    async with serving() as server:
        server.body = manifest("web").encode()
        async with asking(server.url, saved) as asked:
            assert pod_names(asked.snapshot) == ["web"]
            assert told(asked) == [f"cannot be kept for a restart: cannot write {saved}: no such file or directory"]
            saved.parent.mkdir()
            asked.ask()
            await asked.next()
            assert told(asked) == []
            assert saved.exists()


# Time and size


@asynchronous
async def test_a_server_that_does_not_answer_holds_up_the_start_for_a_moment_only(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "FIRST_S", 0.05)
    async with serving() as server:
        server.body = manifest("web").encode()
        server.hold.clear()
        async with asking(server.url, saved) as asked:
            assert (asked.snapshot.pods, told(asked)) == ((), [])
            server.hold.set()
            await asked.until_pods("web")


@asynchronous
async def test_an_answer_takes_as_long_as_it_may(saved: Path) -> None:
    async with serving() as server:
        server.body = manifest("web").encode()
        async with asking(server.url, saved) as asked:
            server.hold.clear()
            asked.ask(url_timeout_s=0.05)
            await asked.next()
            assert pod_names(asked.snapshot) == ["web"]
            assert told(asked) == refused("there is no whole answer within 0.05 s")


@asynchronous
async def test_another_size_counts_at_once(saved: Path) -> None:
    async with serving() as server:
        server.body = manifest("web").encode()
        async with asking(server.url, saved) as asked:
            asked.ask(max_bytes=10)
            await asked.next()
            assert told(asked) == refused("the answer is more than 10 bytes (setting manifests.maxBytes)")
            asked.ask(max_bytes=10_000)
            await asked.next()
            assert (pod_names(asked.snapshot), told(asked)) == (["web"], [])


@asynchronous
async def test_a_ping_is_answered_while_it_waits_and_while_it_asks(saved: Path) -> None:
    async with serving() as server, asking(server.url, saved) as asked:
        reading = asyncio.ensure_future(asked.next())
        for held in (False, True):
            if held:
                server.hold.clear()
                asked.ask()
                await server.until_asked(2)
            answered = asyncio.Event()
            asked.source.ping(answered.set)
            await asyncio.wait_for(answered.wait(), 10)
        assert not reading.done()
        server.body = manifest("web").encode()
        server.hold.set()
        await reading


@asynchronous
async def test_a_snapshot_that_nobody_takes_is_no_answer(saved: Path) -> None:
    async with serving() as server, asking(server.url, saved) as asked:
        answered = asyncio.Event()
        asked.source.ping(answered.set)
        assert not answered.is_set()
        await saying(asked, server, manifest("web"))
        assert answered.is_set()

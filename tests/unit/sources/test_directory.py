# ruff: noqa: ASYNC240  # the loop may wait for these files: it has nothing else to do
from __future__ import annotations

import asyncio
import errno
import os
import shutil
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import pytest

from hostpod.host.inotify import Event, Inotify, InotifyError, Mask
from hostpod.sources import directory as source
from hostpod.sources.directory import Snapshot
from hostpod.sources.reading import Reading, read_manifest
from tests.unit.sources.watching import images, manifest, messages_of, pod_names, watching

P = ParamSpec("P")


def asynchronous(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(_await(test, *args, **kwargs))

    return run


async def _await(test: Callable[P, Awaitable[None]], *args: P.args, **kwargs: P.kwargs) -> None:
    await test(*args, **kwargs)


@pytest.fixture
def manifests(tmp_path: Path) -> Path:
    (tmp_path / "manifests").mkdir()
    return tmp_path / "manifests"


def put(path: Path, text: str) -> None:
    """Write beside, then rename into place."""
    beside = path.parent.parent / "beside"
    beside.write_text(text)
    beside.rename(path)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@asynchronous
async def test_what_is_there_at_the_start_is_told_at_once_and_whole(manifests: Path) -> None:
    (manifests / "b.yaml").write_text(manifest("b", "c"))
    (manifests / "a").write_text(manifest("a"))
    async with watching(manifests) as watched:
        assert pod_names(watched.snapshot) == ["a", "b", "c"]
        assert [sourced.file for sourced in watched.snapshot.pods] == [
            str(manifests / name) for name in ("a", "b.yaml", "b.yaml")
        ]


@asynchronous
async def test_a_renamed_file_is_read_without_waiting(manifests: Path) -> None:
    (manifests / "first.yaml").write_text(manifest("first"))
    async with watching(manifests) as watched:  # whose waits are hours
        for name in ("a", "b", "c"):
            put(manifests / f"{name}.yaml", manifest(name))
            await watched.next()
        assert pod_names(watched.snapshot) == ["a", "b", "c", "first"]


@asynchronous
async def test_files_come_change_and_go(manifests: Path) -> None:
    async with watching(manifests) as watched:
        (manifests / "web.yaml").write_text(manifest("web"))
        await watched.until_pods("web")
        (manifests / "web.yaml").write_text(manifest("web", image="httpd"))
        await watched.until(lambda snapshot: images(snapshot) == ["httpd"])
        (manifests / "web.yaml").unlink()
        await watched.until_pods()


@asynchronous
async def test_a_file_moved_out_is_gone_and_moved_in_is_there(manifests: Path, tmp_path: Path) -> None:
    (manifests / "web.yaml").write_text(manifest("web"))
    async with watching(manifests) as watched:
        (manifests / "web.yaml").rename(tmp_path / "away.yaml")
        await watched.until_pods()
        (tmp_path / "away.yaml").rename(manifests / "back.yaml")
        await watched.until_pods("web")


@asynchronous
async def test_a_renamed_manifest_is_never_there_twice(manifests: Path) -> None:
    (manifests / "b.yaml").write_text(manifest("web"))
    async with watching(manifests) as watched:
        (manifests / "b.yaml").rename(manifests / "a.yaml")
        snapshot = await watched.next()
        assert [sourced.file for sourced in snapshot.pods] == [str(manifests / "a.yaml")]
        assert not snapshot.problems


@asynchronous
async def test_a_file_that_is_being_written_waits_for_its_end(manifests: Path) -> None:
    async with watching(manifests) as watched:
        with (manifests / "web.yaml").open("w") as writer:
            for line in manifest("web").splitlines(keepends=True):
                writer.write(line)
                writer.flush()
                put(manifests / "other.yaml", manifest("other") + f"# {line}")
                await watched.until(lambda snapshot: "other" in pod_names(snapshot))
                assert pod_names(watched.snapshot) == ["other"]
                assert not watched.snapshot.problems
        await watched.until_pods("other", "web")


@asynchronous
async def test_a_file_that_is_rewritten_keeps_its_pods_until_the_new_ones_are_whole(manifests: Path) -> None:
    (manifests / "web.yaml").write_text(manifest("web"))
    async with watching(manifests) as watched:
        with (manifests / "web.yaml").open("w") as writer:  # it is empty now
            put(manifests / "other.yaml", manifest("other"))
            await watched.until_pods("other", "web")
            writer.write(manifest("web", image="httpd"))
        snapshot = await watched.next()
        assert images(snapshot) == ["nginx", "httpd"]


@asynchronous
async def test_a_file_that_is_held_open_is_read_when_it_rests(manifests: Path) -> None:
    async with watching(manifests, settle_s=0.01) as watched:
        with (manifests / "web.yaml").open("w") as writer:
            writer.write(manifest("web"))
            writer.flush()
            await watched.until_pods("web")


@asynchronous
async def test_an_emptied_file_is_a_problem_and_ends_nothing(manifests: Path) -> None:
    (manifests / "web.yaml").write_text(manifest("web"))
    async with watching(manifests) as watched:
        (manifests / "web.yaml").write_text("")
        await watched.until_problem("web.yaml: is empty: write a pod, or delete the file to remove its pods")
        assert pod_names(watched.snapshot) == ["web"]


@asynchronous
async def test_a_broken_edit_keeps_the_last_good_pods(manifests: Path) -> None:
    (manifests / "web.yaml").write_text(manifest("web"))
    async with watching(manifests) as watched:
        put(manifests / "web.yaml", "kind: Pod\nspec: [")
        snapshot = await watched.next()
        assert pod_names(snapshot) == ["web"]
        assert snapshot.problems[0].kept_pods == ("web-node",)
        put(manifests / "web.yaml", manifest("web", image="httpd"))
        snapshot = await watched.next()
        assert images(snapshot) == ["httpd"]
        assert not snapshot.problems


@asynchronous
async def test_pods_that_ran_from_a_file_that_is_broken_now_go_on(manifests: Path) -> None:
    file = manifests / "web.yaml"
    file.write_text(manifest("web"))
    async with watching(manifests) as watched:
        (before,) = watched.snapshot.pods
    file.write_text("kind: [")
    known = {str(file): [before.pod], str(manifests / "gone.yaml"): [before.pod]}
    async with watching(manifests, known=known) as watched:
        assert [sourced.pod for sourced in watched.snapshot.pods] == [before.pod]
        assert len(watched.snapshot.problems) == 1
    file.write_text(manifest("web"))
    async with watching(manifests, known=known) as watched:
        assert watched.snapshot == Snapshot(pods=(before,))


@asynchronous
async def test_editors_that_move_the_old_file_away_end_nothing(manifests: Path) -> None:
    file = manifests / "web.yaml"
    file.write_text(manifest("web"))
    async with watching(manifests) as watched:
        for image in ("a", "b", "c"):  # as vim writes with a backup
            (manifests / "4913").touch()
            (manifests / "4913").unlink()
            file.rename(manifests / "web.yaml~")
            await asyncio.sleep(0)
            file.write_text(manifest("web", image=image))
            (manifests / "web.yaml~").unlink()
            snapshot = await watched.next()
            assert images(snapshot) == [image]


@asynchronous
async def test_a_tool_may_write_a_temporary_file_without_extension(manifests: Path) -> None:
    (manifests / "web.yaml").write_text(manifest("web"))
    async with watching(manifests) as watched:
        temporary = manifests / "sedAbCdEf"  # as sed -i does
        temporary.write_text(manifest("web", image="httpd"))
        put(manifests / "zoo.yaml", manifest("zoo"))
        assert (await watched.next()).problems == ()
        temporary.rename(manifests / "web.yaml")
        snapshot = await watched.next()
        assert images(snapshot) == ["httpd", "nginx"]
        assert not snapshot.problems


@asynchronous
async def test_a_file_without_extension_is_a_manifest_all_the_same(manifests: Path) -> None:
    async with watching(manifests) as watched:
        (manifests / "web").write_text(manifest("web"))
        await watched.until_pods("web")
        (manifests / "web").write_text(manifest("web", image="httpd"))
        assert images(await watched.next()) == ["httpd"]
        put(manifests / "db", manifest("db"))
        await watched.until_pods("db", "web")


@asynchronous
async def test_nothing_but_manifests_is_read(manifests: Path, tmp_path: Path) -> None:
    (manifests / "directory.yaml").mkdir()
    (manifests / "directory.yaml" / "inner.yaml").write_text(manifest("inner"))
    (manifests / ".hidden.yaml").write_text(manifest("hidden"))
    (manifests / "web.yaml~").write_text(manifest("backup"))
    (manifests / "web.yaml.swp").write_text("b0VIM")
    async with watching(manifests) as watched:
        assert watched.snapshot == Snapshot()
        (manifests / ".another.yaml").write_text(manifest("hidden"))
        put(manifests / "web.yaml", manifest("web"))
        assert pod_names(await watched.next()) == ["web"]
        assert not watched.snapshot.problems


@asynchronous
async def test_what_is_no_file_is_a_problem_until_it_goes(manifests: Path) -> None:
    os.mkfifo(manifests / "fifo.yaml")
    words = "which is not read: put a file in its place, or remove it"
    async with watching(manifests) as watched:
        assert messages_of(watched.snapshot) == [f"fifo.yaml: is a FIFO, {words}"]
        (manifests / "null.yaml").symlink_to("/dev/null")
        await watched.until_problem(f"fifo.yaml: is a FIFO, {words}", f"null.yaml: is a device, {words}")
        (manifests / "null.yaml").unlink()
        put(manifests / "fifo.yaml", manifest("web"))
        await watched.until_pods("web")
        os.mkfifo(manifests / ".fifo")
        (manifests / ".fifo").rename(manifests / "fifo.yaml")
        await watched.until_problem(f"fifo.yaml: is a FIFO, {words}")
        assert pod_names(watched.snapshot) == ["web"]


@asynchronous
@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES])
async def test_a_file_that_cannot_be_looked_at_is_a_problem(
    manifests: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (manifests / "a.yaml").write_text(manifest("a"))
    (manifests / "b.yaml").write_text(manifest("b"))
    original = os.stat

    def failing(path: Path, **options: Any) -> os.stat_result:
        if Path(path).name == "a.yaml":
            raise OSError(number, os.strerror(number))
        return original(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", failing)
        async with watching(manifests) as watched:
            assert messages_of(watched.snapshot) == [f"a.yaml: cannot be read: {os.strerror(number).lower()}"]
            assert pod_names(watched.snapshot) == ["b"]
            patch.undo()
            (manifests / "a.yaml").chmod(0o600)
            await watched.until_pods("a", "b")


@asynchronous
async def test_a_manifest_that_becomes_a_directory_is_gone(manifests: Path) -> None:
    (manifests / "web.yaml").write_text(manifest("web"))
    async with watching(manifests) as watched:
        (manifests / "web.yaml").unlink()
        (manifests / "web.yaml").mkdir()
        await watched.until_pods()


@asynchronous
async def test_links_are_followed_where_they_lead(manifests: Path, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(manifest("one"))
    (tmp_path / "two.yaml").write_text(manifest("two"))
    async with watching(manifests) as watched:
        (manifests / "web.yaml").symlink_to(tmp_path / "one.yaml")
        await watched.until_pods("one")
        (tmp_path / "link").symlink_to(tmp_path / "two.yaml")
        (tmp_path / "link").rename(manifests / "web.yaml")
        await watched.until_pods("two")
        (tmp_path / "link").symlink_to(tmp_path / "gone.yaml")
        (tmp_path / "link").rename(manifests / "web.yaml")
        await watched.until_problem("web.yaml: is a link to a file that does not exist")
        assert pod_names(watched.snapshot) == ["two"]
        (manifests / "web.yaml").unlink()
        await watched.until_pods()


@asynchronous
async def test_a_directory_of_links_is_exchanged_in_one_step(manifests: Path) -> None:
    for version in ("1", "2"):  # as a mounted ConfigMap does
        (manifests / f"..{version}").mkdir()
        (manifests / f"..{version}" / "web.yaml").write_text(manifest("web", image=f"nginx:{version}"))
    (manifests / "..data").symlink_to("..1")
    (manifests / "web.yaml").symlink_to("..data/web.yaml")
    async with watching(manifests) as watched:
        assert images(watched.snapshot) == ["nginx:1"]
        (manifests / "..other").symlink_to("..2")
        put(manifests / "zoo.yaml", manifest("zoo"))
        assert images(await watched.next()) == ["nginx:1", "nginx"]
        (manifests / "..new").symlink_to("..2")
        (manifests / "..new").rename(manifests / "..data")
        assert images(await watched.next()) == ["nginx:2", "nginx"]


@asynchronous
async def test_a_change_that_nobody_tells_of_is_found_by_the_rescan(manifests: Path, tmp_path: Path) -> None:
    (tmp_path / "target.yaml").write_text(manifest("one"))
    (manifests / "web.yaml").symlink_to(tmp_path / "target.yaml")
    async with watching(manifests, rescan_interval_s=0.01) as watched:
        (tmp_path / "target.yaml").write_text(manifest("two"))
        await watched.until_pods("two")
        (tmp_path / "target.yaml").unlink()
        await watched.until_problem("web.yaml: is a link to a file that does not exist")
        (tmp_path / "target.yaml").write_text(manifest("three"))
        await watched.until_pods("three")


@asynchronous
async def test_the_rescan_reads_only_what_changed(manifests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(path: Path, **options: Any) -> Reading:
        read.append(path.name)
        return read_manifest(path, **options)

    monkeypatch.setattr(source, "read_manifest", noted)
    for name in ("a", "b"):
        (manifests / f"{name}.yaml").write_text(manifest(name))
    (manifests / "link.yaml").symlink_to("gone")
    async with watching(manifests, rescan_interval_s=0.005) as watched:
        read.clear()
        (manifests / "gone").write_text(manifest("linked"))
        await watched.until(lambda snapshot: "linked" in pod_names(snapshot))
        assert "link.yaml" in read
        assert not {"a.yaml", "b.yaml"} & {*read}


@asynchronous
async def test_many_files_are_told_in_parts_and_none_is_lost(manifests: Path, tmp_path: Path) -> None:
    names = [f"pod{number:03}" for number in range(100)]
    async with watching(manifests) as watched:
        for name in names:
            put(manifests / f"{name}.yaml", manifest(name))
        first = await watched.next()
        assert 0 < len(first.pods) < 100
        await watched.until_pods(*names)


@asynchronous
async def test_a_large_file_does_not_hold_up_the_others(manifests: Path) -> None:
    async with watching(manifests, max_bytes=1 << 20) as watched:
        put(manifests / "large.yaml", manifest("large") + "# x\n" * source.LARGE_BYTES)
        await watched.until_pods("large")


@asynchronous
async def test_a_file_that_is_too_large_is_a_problem(manifests: Path) -> None:
    (manifests / "web.yaml").write_text(manifest("web"))
    async with watching(manifests) as watched:
        put(manifests / "web.yaml", "x" * 10_001)
        await watched.until_problem("web.yaml: is 10001 bytes, at most 10000 are read (setting manifests.maxBytes)")
        assert pod_names(watched.snapshot) == ["web"]


@asynchronous
async def test_a_missing_directory_changes_nothing_until_it_is_back(
    manifests: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "RETURNED_GONE_AFTER_S", 0.05)
    (manifests / "a.yaml").write_text(manifest("a"))
    (manifests / "b.yaml").write_text(manifest("b"))
    async with watching(manifests) as watched:
        shutil.rmtree(manifests)
        mend = "make it, or set manifests.directory"
        missing = f"manifests: cannot be read: no such file or directory: {mend}; the pods go on as they are"
        await watched.until_problem(missing)
        assert pod_names(watched.snapshot) == ["a", "b"]
        manifests.mkdir()
        (manifests / "a.yaml").write_text(manifest("a"))
        await watched.until_pods("a", "b")
        await watched.until_pods("a")


@asynchronous
async def test_a_directory_that_is_missing_at_the_start_is_waited_for(manifests: Path, tmp_path: Path) -> None:
    (manifests / "web.yaml").write_text(manifest("web"))
    async with watching(manifests) as watched:
        (running,) = watched.snapshot.pods
    shutil.rmtree(manifests)
    deep = manifests / "in" / "the" / "deep"
    async with watching(deep, known={str(deep / "web.yaml"): [running.pod]}) as watched:
        assert pod_names(watched.snapshot) == ["web"]
        assert len(watched.snapshot.problems) == 1
        deep.mkdir(parents=True)
        await watched.until_pods("web")
        (deep / "db.yaml").write_text(manifest("db"))
        await watched.until(lambda snapshot: pod_names(snapshot) == ["db", "web"])


@asynchronous
async def test_a_directory_that_is_exchanged_is_read_anew(manifests: Path, tmp_path: Path) -> None:
    (manifests / "old.yaml").write_text(manifest("old"))
    (manifests / "web.yaml").write_text(manifest("web"))
    (tmp_path / "next").mkdir()
    (tmp_path / "next" / "web.yaml").write_text(manifest("web", image="httpd"))
    async with watching(manifests) as watched:
        manifests.rename(tmp_path / "before")
        (tmp_path / "next").rename(manifests)
        await watched.until(lambda snapshot: images(snapshot) == ["httpd"] and not snapshot.problems)
        (tmp_path / "before" / "old.yaml").write_text(manifest("older"))
        (manifests / "new.yaml").write_text(manifest("new"))
        await watched.until_pods("new", "web")


@asynchronous
async def test_a_file_in_the_directorys_place_is_a_problem(manifests: Path) -> None:
    manifests.rmdir()
    manifests.touch()
    async with watching(manifests) as watched:
        assert messages_of(watched.snapshot) == [
            "manifests: cannot be read: not a directory; the pods go on as they are"
        ]
        manifests.unlink()
        manifests.mkdir()
        await watched.until(lambda snapshot: snapshot == Snapshot())


@asynchronous
async def test_lost_events_lead_to_a_rescan(manifests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = [(Event(watch=-1, mask=Mask.Q_OVERFLOW, cookie=0, name=""),)]
    original = Inotify.read

    async def read(inotify: Inotify, timeout_s: float | None = None) -> tuple[Event, ...]:
        await original(inotify, 0.01)
        return lost.pop() if lost else await original(inotify, timeout_s)

    monkeypatch.setattr(Inotify, "read", read)
    async with watching(manifests) as watched:
        (manifests / "web.yaml").write_text(manifest("web"))
        await watched.until_pods("web")


@asynchronous
async def test_without_a_watch_the_rescan_does_the_work(manifests: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(inotify: Inotify, path: Path, mask: Mask) -> int:
        raise InotifyError(28, "cannot watch: the limit is reached")

    monkeypatch.setattr(Inotify, "add", refuse)
    async with watching(manifests, rescan_interval_s=0.01) as watched:
        trouble = "manifests: cannot watch: the limit is reached; it is looked at every 0.01 s"
        assert messages_of(watched.snapshot) == [trouble]
        (manifests / "web.yaml").write_text(manifest("web"))
        await watched.until(lambda snapshot: pod_names(snapshot) == ["web"])
        assert messages_of(watched.snapshot) == [trouble]
        monkeypatch.undo()
        await watched.until_pods("web")


@asynchronous
async def test_nothing_stays_open_when_the_watch_ends(manifests: Path) -> None:
    before = open_files()
    async with watching(manifests):
        pass
    assert open_files() == before

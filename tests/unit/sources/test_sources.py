from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hostpod.config import Config, ManifestConfig, PodSecurityConfig
from hostpod.sources.proposal import Preview, Proposal, ProposalError, ProposedFile
from hostpod.sources.snapshot import Snapshot
from hostpod.sources.sources import SAVED, Sources, open_sources
from tests.unit.sources.a_server import serving
from tests.unit.sources.test_fetching import asynchronous
from tests.unit.sources.watching import PATIENCE_S, images, manifest, messages_of, pod_names


class Followed:
    """The newest snapshot of all sources."""

    def __init__(self, sources: Sources, snapshot: Snapshot) -> None:
        self.sources = sources
        self.snapshot = snapshot
        self._news = asyncio.Event()

    def take(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._news.set()

    async def until(self, holds: Callable[[Snapshot], object]) -> None:
        """Wait until a snapshot is as wanted."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds(self.snapshot):
                self._news.clear()
                await self._news.wait()


def settings(root: Path, **manifests: Any) -> Config:
    first, *more = sorted(root.glob("manifests*"))
    values = {"directory": first, "directories": tuple(more), **manifests}
    return Config(node_name="node", manifests=ManifestConfig.model_validate(values))


@asynccontextmanager
async def following(config: Config, root: Path, **known: Any) -> AsyncGenerator[Followed, None]:
    async with aclosing(open_sources(config, state=root, known=known)) as sources:
        followed = Followed(sources, await sources.first())
        task = asyncio.ensure_future(sources.follow(followed.take))
        try:
            yield followed
        finally:
            task.cancel()
            await asyncio.wait([task])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("manifests1", "manifests2"):
        (tmp_path / name).mkdir()
    return tmp_path


@asynchronous
async def test_all_speak_at_the_start_and_the_first_has_its_way(root: Path) -> None:
    (root / "manifests1" / "z.yaml").write_text(manifest("a", image="first"))
    (root / "manifests2" / "a.yaml").write_text(manifest("a", "b", image="second"))
    async with serving() as server:
        server.body = manifest("a", "b", "c", image="third").encode()
        async with following(settings(root, url=server.url), root) as followed:
            assert pod_names(followed.snapshot) == ["a", "b", "c"]
            assert images(followed.snapshot) == ["first", "second", "third"]
            assert [text.partition(" already")[0] for text in messages_of(followed.snapshot)] == [
                f'a.yaml:2: metadata.name: the pod "default/a-node" is in {root}/manifests1/z.yaml',
                f'pods:2: metadata.name: the pod "default/a-node" is in {root}/manifests1/z.yaml',
                f'pods:11: metadata.name: the pod "default/b-node" is in {root}/manifests2/a.yaml',
            ]
            (root / "manifests1" / "z.yaml").unlink()
            await followed.until(lambda snapshot: images(snapshot) == ["second", "second", "third"])
            (root / "manifests2" / "a.yaml").write_text("# no pod\n")
            await followed.until(lambda snapshot: images(snapshot) == ["third"] * 3 and not snapshot.problems)


@asynchronous
async def test_a_missing_directory_changes_nothing_of_its_own_and_of_others(root: Path) -> None:
    for number in (1, 2):
        (root / f"manifests{number}" / "web.yaml").write_text(manifest(f"web{number}"))
    async with following(settings(root), root) as followed:
        (root / "manifests2").rename(root / "away")
        await followed.until(lambda snapshot: snapshot.problems)
        assert pod_names(followed.snapshot) == ["web1", "web2"]
        assert messages_of(followed.snapshot) == [
            (
                "manifests2: cannot be read: no such file or directory: "
                "make it, or remove it from manifests.directories; the pods go on as they are"
            )
        ]
        (root / "manifests1" / "web.yaml").unlink()
        await followed.until(lambda snapshot: pod_names(snapshot) == ["web2"])


@asynchronous
async def test_pods_that_run_are_known_to_the_source_that_they_came_from(root: Path) -> None:
    async with serving() as server:
        server.body = manifest("c").encode()
        for number in (1, 2):
            (root / f"manifests{number}" / f"{number}.yaml").write_text(manifest(f"web{number}"))
        config = settings(root, url=server.url)
        async with following(config, root) as followed:
            known = {sourced.file: [sourced.pod] for sourced in followed.snapshot.pods}
        for number in (1, 2):
            (root / f"manifests{number}" / f"{number}.yaml").write_text("[")
        (root / SAVED).unlink()
        server.status = 500
        async with following(config, root, **known) as followed:
            assert pod_names(followed.snapshot) == ["web1", "web2", "c"]


@asynchronous
async def test_each_answers_pings_and_is_told_of_other_settings(root: Path) -> None:
    async with serving() as server:
        config = settings(root, url=server.url)
        async with following(config, root) as followed:
            pings = followed.sources.pings()
            assert list(pings) == [
                f"manifests {name}" for name in (root / "manifests1", root / "manifests2", server.url)
            ]
            for ping in pings.values():
                answered = asyncio.Event()
                ping(answered.set)
                await asyncio.wait_for(answered.wait(), PATIENCE_S)
            server.body = b"#" * 2000
            (root / "manifests2" / "large.yaml").write_text("#" * 2000)
            manifests = config.manifests.model_copy(update={"max_bytes": 1024})
            followed.sources.reconfigure(config.model_copy(update={"manifests": manifests}))
            await followed.until(lambda snapshot: len(snapshot.problems) == 2)


def held_to(config: Config, **pod_security: Any) -> Config:
    return config.model_copy(update={"pod_security": PodSecurityConfig.model_validate(pod_security)})


@asynchronous
async def test_each_source_has_its_own_standards_and_a_reload_brings_others(root: Path) -> None:
    for number in (1, 2):
        (root / f"manifests{number}" / "web.yaml").write_text(manifest(f"web{number}"))
    async with serving() as server:
        server.body = manifest("web3").encode()
        config = settings(root, url=server.url)
        sources = {str(root / "manifests2"): {"enforce": "restricted"}, "url": {"warn": "restricted"}}
        async with following(held_to(config, sources=sources), root) as followed:
            assert pod_names(followed.snapshot) == ["web1", "web3"]
            assert {(each.problem.file, each.warning) for each in followed.snapshot.problems} == {
                (str(root / "manifests2" / "web.yaml"), False),
                (server.url, True),
            }
            followed.sources.reconfigure(held_to(config, enforce="restricted", sources={"url": {"warn": "baseline"}}))
            kept = {(), ("web1-node",), ("web3-node",)}
            await followed.until(lambda snapshot: {each.kept_pods for each in snapshot.problems} == kept)
            assert pod_names(followed.snapshot) == ["web1", "web3"], "what ran goes on"
            followed.sources.reconfigure(config)
            await followed.until(lambda snapshot: not snapshot.problems)
            assert pod_names(followed.snapshot) == ["web1", "web2", "web3"]


@asynchronous
async def test_what_is_proposed_is_held_to_the_standard_of_its_directory(root: Path) -> None:
    config = held_to(settings(root), sources={str(root / "manifests2"): {"enforce": "restricted"}})
    async with following(config, root) as followed:
        for directory, refused in ((root / "manifests1", False), (root / "manifests2", True)):
            files = (ProposedFile(name="web.yaml", content=manifest("web").encode()),)
            preview = await followed.sources.preview(Proposal(files=files, into=directory))
            assert bool(preview.snapshot.problems) is refused
            assert pod_names(preview.snapshot) == ([] if refused else ["web"])


@asynchronous
async def test_without_a_url_nothing_of_one_is_left_and_its_client_is_not_there(root: Path) -> None:
    (root / SAVED).write_text("{}")
    loaded = sys.modules.pop("hostpod.sources.url", None)
    try:
        async with following(settings(root), root):
            assert not (root / SAVED).exists()
            assert "hostpod.sources.url" not in sys.modules
    finally:
        if loaded is not None:
            sys.modules["hostpod.sources.url"] = loaded


def proposed(*files: tuple[str | None, str], **more: Any) -> Proposal:
    return Proposal(files=tuple(ProposedFile(name=name, content=text.encode()) for name, text in files), **more)


@pytest.fixture
def two(root: Path) -> Path:
    for number in (1, 2):
        (root / f"manifests{number}" / "web.yaml").write_text(manifest(f"web{number}"))
    return root


async def previewed(root: Path, proposal: Proposal, **manifests: Any) -> Preview:
    """What would be; what is stays as it was."""
    async with following(settings(root, **manifests), root) as followed:
        before = followed.snapshot
        try:
            return await followed.sources.preview(proposal)
        finally:
            assert (await followed.sources.preview(Proposal())).snapshot == before


@asynchronous
async def test_files_are_supposed_in_the_first_directory_or_in_a_named_one(two: Path) -> None:
    file = ("web.yaml", manifest("new"))
    preview = await previewed(two, proposed(file))
    assert (pod_names(preview.snapshot), preview.files) == (["new", "web2"], (f"{two}/manifests1/web.yaml",))
    preview = await previewed(two, proposed(file, into=two / "manifests2"))
    assert (pod_names(preview.snapshot), preview.files) == (["web1", "new"], (f"{two}/manifests2/web.yaml",))
    assert pod_names((await previewed(two, Proposal(whole=True))).snapshot) == ["web2"]
    with pytest.raises(ProposalError, match=r"/x is no directory of manifests; there are: .*manifests1, .*manifests2"):
        await previewed(two, proposed(file, into=Path("/x")))


@asynchronous
async def test_a_file_without_a_name_gets_that_of_its_first_object(two: Path) -> None:
    config = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: settings}\n"
    texts = {"a.yaml": manifest("a", "b"), "settings.yaml": config, "stdin.yaml": "kind: ["}
    preview = await previewed(two, proposed(*((None, text) for text in texts.values())))
    assert preview.files == tuple(f"{two}/manifests1/{name}" for name in texts)
    assert pod_names(preview.snapshot) == ["a", "b", "web1", "web2"]
    assert [found.problem.file for found in preview.snapshot.problems] == [f"{two}/manifests1/stdin.yaml"]
    with pytest.raises(ProposalError, match=r"two of the files would be .*/manifests1/a.yaml: name one of them"):
        await previewed(two, proposed(("a.yaml", "x"), (None, manifest("a"))))


@asynchronous
async def test_what_would_not_be_read_is_told_in_the_same_words(two: Path) -> None:
    files = (
        *proposed(("a.yaml", ""), ("b.yaml", "x" * 2000)).files,
        ProposedFile(name="web.yaml", refused="is a FIFO"),
    )
    preview = await previewed(two, Proposal(files=files), max_bytes=1024)
    assert [text.partition(": ")[2] for text in messages_of(preview.snapshot)] == [
        "is empty: write a pod, or delete the file to remove its pods",
        "is 2000 bytes, at most 1024 are read (setting manifests.maxBytes)",
        "is a FIFO",
    ]
    assert pod_names(preview.snapshot) == ["web1", "web2"]

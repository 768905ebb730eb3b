from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hostpod.config import ImagesConfig
from hostpod.host.process import EXPENDABLE_OOM_SCORE_ADJ
from hostpod.images.commands import command
from hostpod.images.errors import ImagePullError
from hostpod.images.skopeo import Skopeo

OWN = int(Path("/proc/self/oom_score_adj").read_text())
# It is set from outside, so perhaps a moment after the beginning.
WAITS = f"""#!/bin/sh
until [ "$(cat /proc/$$/oom_score_adj)" = {max(OWN, EXPENDABLE_OOM_SCORE_ADJ)} ]; do sleep 0.01; done
echo expendable
"""


@pytest.mark.parametrize("dies_with_us", [True, False])
def test_what_unpacks_an_image_may_be_killed_when_memory_is_short(tmp_path: Path, *, dies_with_us: bool) -> None:
    async def unpack() -> None:
        with (tmp_path / "out").open("wb") as out:
            argv = ["sh", "-c", WAITS]
            async with command(argv, stdout=out.fileno(), dies_with_us=dies_with_us) as running, asyncio.timeout(30):
                await running.finish()

    asyncio.run(unpack())
    assert (tmp_path / "out").read_text() == "expendable\n"


def test_the_line_that_tells_why_is_shown_and_not_tar_s_last(tmp_path: Path) -> None:
    async def unpack() -> None:
        async with command(["tar", "--create", "--file", "/dev/full", str(tmp_path), "/nowhere"]) as running:
            await running.finish()

    with pytest.raises(ImagePullError, match=r"^tar: .*(No space left on device|nowhere)"):
        asyncio.run(unpack())


def test_a_disk_that_took_a_part_of_it_is_full(tmp_path: Path) -> None:
    tar = tmp_path / "tar"
    tar.write_text("#!/bin/sh\necho 'tar: big: Wrote only 8704 of 10240 bytes' >&2; exit 2\n")
    tar.chmod(0o755)

    async def unpack() -> None:
        async with command([str(tar)]) as running:
            await running.finish()

    with pytest.raises(ImagePullError, match=r"^tar: tar: big: No space left on device$"):
        asyncio.run(unpack())


def test_what_fetches_an_image_may_be_killed_when_memory_is_short(tmp_path: Path) -> None:
    binary = tmp_path / "skopeo"
    binary.write_text(WAITS)
    binary.chmod(0o755)
    skopeo = Skopeo(str(binary), ImagesConfig(pull_deadline_s=30))
    assert asyncio.run(skopeo.manifest("docker://x")) == b"expendable\n"

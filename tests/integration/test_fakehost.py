"""The fake host itself: what a test does in it is not seen outside, and all of it goes away."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.integration.fakehost import OUTSIDE_ADDRESS, UPLINK, fake_host, run

pytestmark = pytest.mark.integration

NETWORK = Path("/proc/self/ns/net")


@pytest.mark.everywhere
def test_nothing_made_inside_is_seen_or_left_outside(tmp_path: Path) -> None:
    before = run("ip", "-o", "link"), run("ip", "route"), Path("/proc/self/mountinfo").read_text(), Path.cwd()
    with fake_host(tmp_path) as host:
        assert host.links() == {"lo", UPLINK}
        run("nft", "add", "table", "inet", "fakehost")
        run("mount", "-t", "tmpfs", "x", str(host.directory("run")))
        child = subprocess.Popen(["sleep", "60"])
    assert child.wait(5) < 0
    assert (run("ip", "-o", "link"), run("ip", "route"), Path("/proc/self/mountinfo").read_text(), Path.cwd()) == before
    assert list((tmp_path / "fakehost").iterdir()) == []


def test_the_way_out_leads_to_the_outside_host(tmp_path: Path) -> None:
    here = NETWORK.readlink()
    with fake_host(tmp_path):
        assert NETWORK.readlink() != here
        assert f"default via {OUTSIDE_ADDRESS} dev {UPLINK}" in run("ip", "route")
    assert NETWORK.readlink() == here

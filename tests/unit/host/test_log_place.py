from __future__ import annotations

from pathlib import Path

import pytest

from hostpod.host.log_place import make_log_place, remove_log
from hostpod.host.logs import LogError


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "0.log").write_text("of the host")
    return tmp_path / "logs"


def of_the_host(logs: Path) -> Path:
    return logs.parent / "host"


def test_directories_are_made_and_a_log_goes(logs: Path) -> None:
    log = logs / "ns_pod_uid" / "web" / "0.log"
    remove_log(log, logs)
    make_log_place(log, logs)
    make_log_place(log, logs)
    log.write_text("said")
    remove_log(log, logs)
    assert list(log.parent.iterdir()) == []
    remove_log(log, logs)


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_a_link_in_the_place_of_a_log_is_not_written_to(logs: Path, kind: str) -> None:
    log = logs / "ns_pod_uid" / "web" / "0.log"
    make_log_place(log, logs)
    target = of_the_host(logs) / "0.log"
    if kind == "symbolic":
        log.symlink_to(target)
    else:
        log.hardlink_to(target)
    make_log_place(log, logs)
    log.write_text("said")
    assert target.read_text() == "of the host"


@pytest.mark.parametrize("depth", [0, 1])
def test_a_link_on_the_way_leads_nowhere(logs: Path, depth: int) -> None:
    log = logs / "ns_pod_uid" / "web" / "0.log"
    (target := of_the_host(logs) / "web").mkdir()
    (target / "0.log").write_text("of the host")
    replaced = log.parents[1 - depth]
    replaced.parent.mkdir(exist_ok=True)
    replaced.symlink_to(of_the_host(logs) if depth == 0 else target)
    with pytest.raises(LogError, match=r"cannot make the log .*: not a directory"):
        make_log_place(log, logs)
    remove_log(log, logs)
    assert (target / "0.log").read_text() == "of the host"


def test_what_is_no_log_is_left(logs: Path) -> None:
    log = logs / "ns_pod_uid" / "web" / "0.log"
    log.mkdir(parents=True)
    for verb in (make_log_place, remove_log):
        with pytest.raises(LogError, match=r"cannot (make|remove) the log .*0\.log: is a directory"):
            verb(log, logs)

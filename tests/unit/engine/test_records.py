from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hostpod.engine.paths import Paths
from hostpod.engine.records import ContainerRecord, DamagedRecordError, PodRecord, container_records
from hostpod.plan.observed import Ending
from tests.unit.plan.build import pod


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(
        state=tmp_path / "state",
        runtime=tmp_path / "run",
        logs=tmp_path / "logs",
        log_links=tmp_path / "links",
        claims=tmp_path / "claims",
    )


def container(**changes: object) -> ContainerRecord:
    made = ContainerRecord(
        name="web",
        id="c" * 64,
        attempt=2,
        backoff_s=20.0,
        image="img",
        image_id="sha256:1",
        stop_signal="SIGQUIT",
        log="/var/log/pods/x/web/2.log",
        cgroup="/hostpod/podu1/c",
        created_at=100.0,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_pod_is_found_again_as_it_was_admitted(paths: Paths) -> None:
    record = PodRecord(
        pod=pod("web", "side", hostNetwork=True),
        file="web.yaml",
        admitted_at=99.5,
        ending=Ending(since=120.0, grace_s=30.0, reason="its manifest is gone"),
        sandbox_at=100.0,
    )
    at = paths.pod("u1")
    at.runtime.mkdir(parents=True)
    record.save(at)
    assert PodRecord.load(at) == record


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"{}", b'{"pod": {}, "file": 1}'])
def test_a_damaged_record_names_its_file(paths: Paths, content: bytes | None) -> None:
    at = paths.pod("u1")
    at.runtime.mkdir(parents=True)
    if content is not None:
        at.record.write_bytes(content)
    with pytest.raises(DamagedRecordError, match=r"pod\.json"):
        PodRecord.load(at)


def test_a_container_is_found_again(paths: Paths) -> None:
    record = container(pid=7, pid_started=1234, started_at=101.0)
    at = paths.pod("u1").container(record.id)
    at.bundle.mkdir(parents=True)
    record.save(at)
    assert list(container_records(paths.pod("u1"))) == [at.bundle]
    assert ContainerRecord.load(at.record) == record


def test_records_of_others_are_damaged(paths: Paths) -> None:
    at = paths.pod("u2")
    at.runtime.mkdir(parents=True)
    PodRecord(pod=pod(uid="u1"), file="web.yaml", admitted_at=99.5).save(at)
    with pytest.raises(DamagedRecordError, match=r"pod\.json: it is the record of pod u1"):
        PodRecord.load(at)
    other = paths.pod("u2").container("d" * 64)
    other.bundle.mkdir(parents=True)
    container().save(other)
    with pytest.raises(DamagedRecordError, match=r"record\.json: it is the record of container ccc"):
        ContainerRecord.load(other.record)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"attempt": "2"}, r"record\.json: attempt: input should be a valid integer"),
        ({"created_at": None}, r"record\.json: created_at: input should be a valid number"),
        ({"kill_sent": 1}, r"record\.json: kill_sent: input should be a valid boolean"),
    ],
)
def test_values_of_another_type_are_damage_and_no_crash_later(
    paths: Paths, content: dict[str, object], message: str
) -> None:
    at = paths.pod("u1").container(container().id)
    at.bundle.mkdir(parents=True)
    container().save(at)
    at.record.write_text(json.dumps({**json.loads(at.record.read_text()), **content}))
    with pytest.raises(DamagedRecordError, match=message):
        ContainerRecord.load(at.record)


def test_what_a_newer_version_wrote_beside_is_left_out(paths: Paths) -> None:
    at = paths.pod("u1").container(container().id)
    at.bundle.mkdir(parents=True)
    container().save(at)
    at.record.write_text(json.dumps({**json.loads(at.record.read_text()), "colour": "blue"}))
    assert ContainerRecord.load(at.record) == container()


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        ({}, "creating"),
        ({"pid": 7}, "created"),
        ({"pid": 7, "started_at": 1.0}, "running"),
        ({"pid": 7, "started_at": 1.0, "exit_code": 0}, "exited"),
        ({"exit_code": 128}, "exited"),
    ],
)
def test_the_phase_follows_from_what_is_written_down(changes: dict[str, object], phase: str) -> None:
    assert container(**changes).observed().phase == phase


def test_logs_lie_where_the_kubelet_has_them(paths: Paths) -> None:
    assert paths.pod_logs("default", "web-host", "u1") == paths.logs / "default_web-host_u1"
    assert paths.log_link("default", "web-host", "web", "c1") == paths.log_links / "web-host_default_web-c1.log"

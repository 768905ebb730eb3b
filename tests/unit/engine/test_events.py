from __future__ import annotations

import asyncio
import logging
from itertools import count
from typing import Any

import pytest

from hostpod.engine.events import EventLog
from hostpod.engine.records import ContainerRecord
from hostpod.host.journal import journal_fields
from hostpod.kube import Pod, to_json
from hostpod.kube.event import Event
from hostpod.plan.happenings import Bound


def pod_named(name: str, uid: str = "u1") -> Pod:
    spec = {"initContainers": [{"name": "first"}], "containers": [{"name": "web"}]}
    return Pod.model_validate({"metadata": {"name": name, "namespace": "default", "uid": uid}, "spec": spec})


POD = pod_named("web-host")


def event_log() -> EventLog:
    ticks = count(1000)
    return EventLog(node="host", now=lambda: float(next(ticks)))


def test_an_event_has_the_shape_that_kubectl_reads() -> None:
    log = event_log()
    log.pod(POD, "Normal", "Started", "Started container web", container="web")
    (event,) = log.rendered()
    assert event["involvedObject"] == {
        "kind": "Pod",
        "apiVersion": "v1",
        "namespace": "default",
        "name": "web-host",
        "uid": "u1",
        "fieldPath": "spec.containers{web}",
    }
    assert (event["type"], event["reason"], event["message"]) == ("Normal", "Started", "Started container web")
    assert event["source"] == {"component": "hostpod", "host": "host"}
    assert event["firstTimestamp"] == "1970-01-01T00:16:40Z"


def test_an_event_is_what_kubernetes_calls_one() -> None:
    log = event_log()
    log.pod(POD, "Normal", "Started", "m", container="first")
    log.file("/etc/hostpod/manifests/web.yaml", "FailedValidation", "m")
    log.node("Warning", "SystemOOM", "m")
    for event in log.rendered():
        assert to_json(Event.model_validate(event)) == event


def test_repeats_are_folded_with_a_count() -> None:
    log = event_log()
    for _ in range(3):
        log.pod(POD, "Warning", "BackOff", "Back-off", container="web")
    (event,) = log.rendered()
    assert event["count"] == 3
    assert event["lastTimestamp"] == "1970-01-01T00:16:42Z"


def test_a_problem_of_a_file_is_an_event_too() -> None:
    log = event_log()
    log.file("/etc/hostpod/manifests/web.yaml", "FailedValidation", "web.yaml:3: spec: wrong")
    (event,) = log.rendered()
    assert event["involvedObject"]["kind"] == "File"
    assert event["involvedObject"]["name"] == "/etc/hostpod/manifests/web.yaml"


def told(caplog: pytest.LogCaptureFixture) -> dict[str, str]:
    """What the journal got of hostpod's own in the newest entry."""
    fields = journal_fields(caplog.records[-1])
    return {name: value for name, value in fields.items() if name.startswith("HOSTPOD_")}


def test_the_journal_is_told_the_more_exact_cause(caplog: pytest.LogCaptureFixture) -> None:
    log = event_log()
    log.pod(POD, "Warning", "Failed", "no such host", container="web", cause="ErrImagePull")
    about = {"HOSTPOD_POD": "web-host", "HOSTPOD_NAMESPACE": "default", "HOSTPOD_POD_UID": "u1"}
    assert told(caplog) == about | {
        "HOSTPOD_CONTAINER": "web",
        "HOSTPOD_EVENT": "Failed",
        "HOSTPOD_CAUSE": "ErrImagePull",
    }
    assert log.rendered()[0]["reason"] == "Failed"
    log.file("/etc/hostpod/manifests/web.yaml", "FailedValidation", "wrong")
    assert told(caplog) == {"HOSTPOD_FILE": "/etc/hostpod/manifests/web.yaml", "HOSTPOD_EVENT": "FailedValidation"}
    assert caplog.messages == ["web-host/web: Failed: no such host", "FailedValidation: wrong"]


@pytest.mark.parametrize(
    ("ending", "level"),
    [
        ({"exit_code": 0, "reason": "Completed"}, logging.INFO),
        ({"exit_code": 143, "reason": "Error", "stop_sent_at": 5.0}, logging.INFO),
        ({"exit_code": 137, "reason": "OOMKilled"}, logging.WARNING),
    ],
)
def test_the_end_of_a_container_is_for_the_journal_alone(
    caplog: pytest.LogCaptureFixture, ending: dict[str, Any], level: int
) -> None:
    caplog.set_level(logging.INFO)
    log = event_log()
    record = ContainerRecord(
        name="web", id="c1", attempt=0, backoff_s=0, image="i", image_id="i", stop_signal="SIGTERM", log="",
        cgroup="", created_at=1.0, **ending,
    )  # fmt: skip
    log.died(POD.metadata, record)
    assert log.rendered() == []
    assert caplog.records[-1].levelno == level
    fields = told(caplog)
    assert (fields["HOSTPOD_EXIT_CODE"], fields["HOSTPOD_CAUSE"]) == (str(ending["exit_code"]), ending["reason"])
    assert (fields["HOSTPOD_CONTAINER"], fields["HOSTPOD_CONTAINER_ID"]) == ("web", "c1")


def test_only_the_newest_are_kept() -> None:
    ticks = count(1000)
    log = EventLog(node="host", now=lambda: float(next(ticks)), bound=Bound(size_bytes=10_000))
    for number in range(200):
        log.pod(pod_named(f"p{number}", "u"), "Normal", "Pulled", "m")
    names = [event["involvedObject"]["name"] for event in log.rendered()]
    assert names == [f"p{number}" for number in range(200 - len(names), 200)]
    assert 20 < len(names) < 100


def test_init_containers_have_their_own_field_path() -> None:
    log = event_log()
    log.pod(POD, "Normal", "Started", "m", container="first")
    assert log.rendered()[0]["involvedObject"]["fieldPath"] == "spec.initContainers{first}"


def test_an_event_of_the_node(caplog: pytest.LogCaptureFixture) -> None:
    log = event_log()
    log.node("Warning", "SystemOOM", "System OOM encountered")
    (event,) = log.rendered()
    assert event["involvedObject"] == {"kind": "Node", "apiVersion": "v1", "name": "host", "uid": "host"}
    assert event["metadata"]["namespace"] == "default"
    assert caplog.messages == ["SystemOOM: System OOM encountered"]


def test_the_journal_has_the_message_itself_of_those_that_are_combined(caplog: pytest.LogCaptureFixture) -> None:
    log = event_log()
    for number in range(20):
        log.pod(POD, "Warning", "Failed", f"errno {number}")
    assert caplog.messages == [f"web-host: Failed: errno {number}" for number in range(20)]
    assert log.rendered()[-1]["message"] == "(combined from similar events): errno 19"


def test_watching_tells_of_repeats_as_modified() -> None:
    async def run() -> list[str]:
        log = event_log()
        log.pod(POD, "Normal", "Pulled", "m")
        watching = log.watch()
        changes = [await anext(watching)]
        log.pod(POD, "Normal", "Pulled", "m")
        changes.append(await anext(watching))
        return [change["type"] for change in changes]

    assert asyncio.run(run()) == ["ADDED", "MODIFIED"]

from __future__ import annotations

import asyncio
from itertools import count

from hostpod.engine.events import KEPT, EventLog
from hostpod.kube import ObjectMeta

META = ObjectMeta(name="web-host", namespace="default", uid="u1")


def event_log() -> EventLog:
    ticks = count(1000)
    return EventLog(node="host", now=lambda: float(next(ticks)))


def test_an_event_has_the_shape_that_kubectl_reads() -> None:
    log = event_log()
    log.pod(META, "Normal", "Started", "Started container web", container="web")
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


def test_repeats_are_folded_with_a_count() -> None:
    log = event_log()
    for _ in range(3):
        log.pod(META, "Warning", "BackOff", "Back-off", container="web")
    (event,) = log.rendered()
    assert event["count"] == 3
    assert event["lastTimestamp"] == "1970-01-01T00:16:42Z"


def test_a_problem_of_a_file_is_an_event_too() -> None:
    log = event_log()
    log.file("/etc/hostpod/manifests/web.yaml", "FailedValidation", "web.yaml:3: spec: wrong")
    (event,) = log.rendered()
    assert event["involvedObject"]["kind"] == "File"
    assert event["involvedObject"]["name"] == "/etc/hostpod/manifests/web.yaml"


def test_only_the_newest_are_kept() -> None:
    log = event_log()
    for number in range(KEPT + 5):
        log.pod(META, "Normal", "Pulled", f"{number}")
    assert len(log.rendered()) == KEPT
    assert log.rendered()[0]["message"] == "5"


def test_watching_tells_of_repeats_as_modified() -> None:
    async def run() -> list[str]:
        log = event_log()
        log.pod(META, "Normal", "Pulled", "m")
        watching = log.watch()
        changes = [await anext(watching)]
        log.pod(META, "Normal", "Pulled", "m")
        changes.append(await anext(watching))
        return [change["type"] for change in changes]

    assert asyncio.run(run()) == ["ADDED", "MODIFIED"]

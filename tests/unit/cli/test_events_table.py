from __future__ import annotations

from typing import Any

import pytest

from hostpod.cli.events_table import by_last_time, event_interval, event_row, event_source, events_about


def event(**more: Any) -> dict[str, Any]:
    about = {"kind": "Pod", "name": "web", "namespace": "default", "uid": "u1"}
    return {"involvedObject": about, "type": "Normal", "reason": "Started", "message": "x\n", **more}


@pytest.mark.parametrize(
    ("times", "text"),
    [
        ({"firstTimestamp": "1970-01-01T00:00:10Z", "count": 1}, "90s"),
        (
            {"firstTimestamp": "1970-01-01T00:00:10Z", "lastTimestamp": "1970-01-01T00:01:00Z", "count": 3},
            "40s (x3 over 90s)",
        ),
        (
            {
                "eventTime": "1970-01-01T00:00:10.5Z",
                "series": {"count": 2, "lastObservedTime": "1970-01-01T00:01:39Z"},
            },
            "1s (x2 over 89s)",
        ),
        ({}, "<unknown>"),
    ],
)
def test_when_it_was_seen(times: dict[str, Any], text: str) -> None:
    assert event_interval(event(**times), now=100) == text


def test_a_row() -> None:
    assert event_row(event(), now=0) == ("<unknown>", "Normal", "Started", "Pod/web", "x")


def test_a_manifest_is_shown_by_its_name() -> None:
    about = {"kind": "File", "name": "/etc/hostpod/manifests/web.yaml", "namespace": "default"}
    assert event_row(event(involvedObject=about), now=0)[3] == "File/web.yaml"


def test_who_says_so() -> None:
    assert event_source(event(source={"component": "hostpod"})) == "hostpod"
    assert event_source(event(reportingComponent="hostpod")) == "hostpod"


def test_events_of_this_pod_and_not_of_its_namesakes() -> None:
    pod = {"metadata": {"name": "web", "namespace": "default", "uid": "u1"}}
    mine = event(lastTimestamp="2026-01-01T00:00:02Z")
    early = event(lastTimestamp="2026-01-01T00:00:01Z")
    before = event(involvedObject={"kind": "Pod", "name": "web", "namespace": "default", "uid": "u0"})
    other = event(involvedObject={"kind": "Pod", "name": "web", "namespace": "x", "uid": "u1"})
    assert events_about([mine, before, other, early, {}], pod) == [early, mine]
    assert by_last_time([mine, early]) == [early, mine]

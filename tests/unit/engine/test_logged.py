from __future__ import annotations

from typing import Any

import pytest

from hostpod.engine.logged import logged_attempt
from hostpod.kube.api_status import StatusError


def status(state: dict[str, Any], last: str | None = None) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": "web", "state": state, "containerID": "hostpod://newest", "lastState": {}}
    if last:
        shown["lastState"] = {"terminated": {"containerID": f"hostpod://{last}"}}
    return shown


RUNNING: dict[str, Any] = {"running": {}}
ENDED = {"terminated": {"containerID": "hostpod://newest"}}
BACKING_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}


@pytest.mark.parametrize(
    ("state", "last", "previous", "attempt"),
    [
        (RUNNING, None, False, "newest"),
        (RUNNING, "older", False, "newest"),
        (RUNNING, "older", True, "older"),
        (ENDED, "older", False, "newest"),
        (ENDED, "older", True, "older"),
        (BACKING_OFF, "newest", False, "newest"),
        (BACKING_OFF, "newest", True, "newest"),
    ],
)
def test_the_attempt_that_is_meant(state: dict[str, Any], last: str | None, previous: bool, attempt: str) -> None:
    assert logged_attempt(status(state, last), pod="web-host", previous=previous) == attempt


@pytest.mark.parametrize(
    ("state", "previous", "message"),
    [
        (RUNNING, True, 'previous terminated container "web" in pod "web-host" not found'),
        ({}, False, 'container "web" in pod "web-host" is waiting to start: ContainerCreating'),
        (
            {"waiting": {"reason": "CreateContainerError"}},
            False,
            'container "web" in pod "web-host" is waiting to start: CreateContainerError',
        ),
        (
            {"waiting": {"reason": "ImagePullBackOff"}},
            False,
            'container "web" in pod "web-host" is waiting to start: trying and failing to pull image',
        ),
    ],
)
def test_without_an_attempt_it_is_told_why(state: dict[str, Any], previous: bool, message: str) -> None:
    with pytest.raises(StatusError) as refused:
        logged_attempt(status(state), pod="web-host", previous=previous)
    assert str(refused.value) == message
    assert refused.value.code == 400

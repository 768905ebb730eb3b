from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hostpod.kube import Pod
from hostpod.plan.admission import Room, admit_pods
from hostpod.plan.confinement import without_apparmor, without_selinux
from tests.unit.plan.build import pod

BARE = Room(pods=9, cpu_milli=1000, memory_bytes=1 << 30)
ANNOTATION = "container.apparmor.security.beta.kubernetes.io/web"


def asking(own: dict[str, Any] | None = None, of_pod: dict[str, Any] | None = None, annotation: str = "") -> Pod:
    base = pod("web", securityContext=of_pod or {})
    (container,) = base.spec.containers
    fresh = type(container).model_validate({"name": "web", "image": "i", "securityContext": own or {}})
    spec = base.spec.model_copy(update={"containers": (fresh,)})
    annotations = {ANNOTATION: annotation} if annotation else {}
    metadata = base.metadata.model_copy(update={"annotations": annotations})
    return base.model_copy(update={"spec": spec, "metadata": metadata})


def profile(kind: str) -> dict[str, Any]:
    return {"appArmorProfile": {"type": kind, "localhostProfile": "mine" if kind == "Localhost" else None}}


@pytest.mark.parametrize(
    ("own", "of_pod", "annotation", "refused"),
    [
        (None, None, "", ""),
        (profile("RuntimeDefault"), None, "", "RuntimeDefault"),
        (None, profile("Localhost"), "", "Localhost"),
        (profile("Unconfined"), profile("RuntimeDefault"), "", ""),
        (None, profile("Unconfined"), "localhost/mine", "Localhost"),
        (None, profile("RuntimeDefault"), "unconfined", ""),
        (None, None, "runtime/default", "RuntimeDefault"),
    ],
)
def test_a_host_without_apparmor(
    own: dict[str, Any] | None, of_pod: dict[str, Any] | None, annotation: str, refused: str
) -> None:
    asked = asking(own, of_pod, annotation)
    assert without_apparmor(asked) == (
        "Cannot enforce AppArmor: AppArmor is not enabled on the host: "
        f'remove appArmorProfile {refused} of container "web"'
        if refused
        else None
    )
    refusals = admit_pods({"a": asked}, {}, room=BARE).refused
    assert [each.reason for each in refusals.values()] == (["AppArmor"] if refused else [])
    assert not admit_pods({"a": asked}, {}, room=replace(BARE, apparmor=True)).refused


@pytest.mark.parametrize(
    ("own", "of_pod", "refused"),
    [
        (None, None, False),
        (None, {"seLinuxOptions": {"level": "s0"}}, True),
        ({"seLinuxOptions": {"type": "t"}}, None, True),
        ({"seLinuxOptions": {}}, None, False),
    ],
)
def test_a_host_without_selinux(own: dict[str, Any] | None, of_pod: dict[str, Any] | None, *, refused: bool) -> None:
    asked = asking(own, of_pod)
    assert (without_selinux(asked) is not None) == refused
    refusals = admit_pods({"a": asked}, {}, room=BARE).refused
    assert [each.reason for each in refusals.values()] == (["SELinux"] if refused else [])
    assert not admit_pods({"a": asked}, {}, room=replace(BARE, selinux=True)).refused

from __future__ import annotations

from typing import Any

import pytest

from hostpod.oci import SpecError, apparmor_label, selinux_labels
from tests.unit.oci.samples import pod

LOADED = {"hostpod-default", "mine"}
BOX = {"name": "main", "image": "busybox"}
PROCESS, FILES = "system_u:system_r:container_t:s0", "system_u:object_r:container_file_t:s0:c1,c2"


def apparmor(own: dict[str, Any], loaded: set[str] = LOADED, **spec: Any) -> str:
    subject = pod({**BOX, "securityContext": own}, **spec)
    return apparmor_label(subject, subject.spec.containers[0], loaded)


def profile(kind: str, name: str | None = None) -> dict[str, Any]:
    return {"appArmorProfile": {"type": kind, "localhostProfile": name}}


def test_profiles() -> None:
    assert apparmor(profile("RuntimeDefault")) == "hostpod-default"
    assert apparmor(profile("Localhost", "mine")) == "mine"
    assert apparmor(profile("Unconfined")) == apparmor({}, securityContext=profile("Unconfined")) == "unconfined"


def test_who_names_none_has_the_default_where_it_is_loaded() -> None:
    assert apparmor({}) == "hostpod-default"
    assert apparmor({}, {"mine"}) == apparmor({"privileged": True}) == ""
    assert apparmor({"privileged": True, **profile("RuntimeDefault")}) == ""


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (profile("RuntimeDefault"), '"hostpod-default" is not loaded on this host: install apparmor'),
        (profile("Localhost", "other"), '"other" is not loaded on this host: load it by apparmor_parser'),
    ],
)
def test_what_is_not_loaded_is_refused(own: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        apparmor(own, {"mine"})


def selinux(own: dict[str, Any], files: str = FILES, **spec: Any) -> tuple[str, str]:
    subject = pod({**BOX, "securityContext": own}, **spec)
    return selinux_labels(subject, subject.spec.containers[0], process=PROCESS, files=files)


def test_labels() -> None:
    assert selinux({}) == ("", "")
    options = {"seLinuxOptions": {"user": "u", "role": "r", "type": "t", "level": "s0:c7"}}
    assert selinux(options) == ("u:r:t:s0:c7", "system_u:object_r:container_file_t:s0:c7")
    of_pod = {"seLinuxOptions": {"type": "t"}}
    assert selinux({}, securityContext=of_pod) == ("system_u:system_r:t:s0", FILES)
    assert selinux({"seLinuxOptions": {"type": "x"}}, "a:b:c", securityContext=options) == (
        "system_u:system_r:x:s0",
        "a:b:c",
    )

"""Volumes of ConfigMaps, Secrets and the pod itself, seen from inside, and kept current."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.crash_kit import until
from tests.integration.harness import FOREVER, Daemon, container, pod, reasons, seen, statuses

pytestmark = pytest.mark.integration

WATCH = "trap 'exit 0' TERM; while :; do cat /v/* 2>/dev/null | tr '\\n' ' '; echo; usleep 50000; done"


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


def mounted(script: str, **source: Any) -> dict[str, Any]:
    """A pod with one volume at /v."""
    mounts = [{"name": "v", "mountPath": "/v"}]
    return pod("web", containers=[container("c0", script, volumeMounts=mounts)], volumes=[{"name": "v", **source}])


def inside(node: Daemon, script: str, *, own: dict[str, Any] | None = None, **source: Any) -> str:
    spec = {"volumes": [{"name": "v", **source}]}
    return seen(node, script, spec=spec, volumeMounts=[{"name": "v", "mountPath": "/v"}], **(own or {}))


def test_keys_are_files(node: Daemon) -> None:
    node.drop("app.yaml", config_map("app", color="blue", run="#!/bin/sh\necho ran\n"))
    node.drop("db.yaml", secret("db", user="root"))
    items = [{"key": "color", "path": "etc/color"}, {"key": "run", "path": "run", "mode": 0o755}]
    script = "cat /v/etc/color; echo; /v/run; ls -l /v; touch /v/x 2>&1; true"
    shown = inside(node, script, configMap={"name": "app", "items": items, "defaultMode": 0o440})
    assert shown.startswith("blue\nran\n")
    assert "run -> ..data/run" in shown
    assert "Read-only file system" in shown
    script = "cat /v/user; stat -c %a /v/..data/user; awk '$2 == \"/v\" {print $3}' /proc/mounts"
    assert inside(node, script, secret={"secretName": "db", "defaultMode": 0o400}).split() == ["root400", "tmpfs"]


def test_users_of_their_own_read_them(node: Daemon) -> None:
    node.drop("app.yaml", config_map("app", color="blue"))
    own = {"securityContext": {"runAsUser": 1000, "runAsGroup": 1000}}
    assert inside(node, "cat /v/color", own=own, configMap={"name": "app"}) == "blue"


def test_several_in_one(node: Daemon) -> None:
    node.drop("app.yaml", config_map("app", color="blue"))
    node.drop("db.yaml", secret("db", user="root"))
    fields = [
        {"path": "pod/name", "fieldRef": {"fieldPath": "metadata.name"}},
        {"path": "limit", "resourceFieldRef": {"containerName": "c0", "resource": "limits.memory", "divisor": "1Mi"}},
    ]
    sources = [
        {"configMap": {"name": "app"}},
        {"secret": {"name": "db"}},
        {"secret": {"name": "none", "optional": True}},
        {"downwardAPI": {"items": fields}},
    ]
    own = {"resources": {"limits": {"memory": "32Mi"}}}
    script = "for f in color user pod/name limit; do cat /v/$f; echo; done"
    shown = inside(node, script, own=own, projected={"sources": sources}).split()
    assert (shown[:2], shown[3:]) == (["blue", "root"], ["32"])
    assert shown[2].endswith("-lab")


def test_a_change_is_shown_to_the_pods_that_use_it_and_restarts_nothing(node: Daemon) -> None:
    node.drop("app.yaml", config_map("app", a="one", b="one"))
    node.drop("web.yaml", mounted(WATCH, configMap={"name": "app"}))
    node.drop("other.yaml", pod("other", FOREVER))
    before = node.wait_running("web-lab", "other-lab")
    node.wait_said("web-lab", "oneone")
    node.drop("app.yaml", config_map("app", a="two", c="two"))
    node.wait_said("web-lab", "twotwo")
    after = node.pods()
    assert all(statuses(after[name]) == statuses(before[name]) for name in before)

    node.remove("app.yaml")
    until(lambda: "FailedMount" in reasons(node.events(), "web-lab"), "told that it is gone")
    (told,) = {event["message"] for event in node.events() if event["reason"] == "FailedMount"}
    assert told.startswith('cannot prepare the pod\'s volumes: volume "v": configmap "app" not found')
    assert statuses(node.pods()["web-lab"])["c0"]["ready"], "what it has stays"
    node.drop("app.yaml", config_map("app", a="three"))
    node.wait_said("web-lab", "three")


def test_what_a_daemon_missed_is_shown_by_the_next(node: Daemon) -> None:
    node.drop("app.yaml", config_map("app", a="one"))
    node.drop("web.yaml", mounted(WATCH, configMap={"name": "app"}))
    before = node.wait_running("web-lab")
    node.kill()
    node.drop("app.yaml", config_map("app", a="two"))
    node.start()
    node.wait_said("web-lab", "two")
    assert statuses(node.pods()["web-lab"])["c0"]["restartCount"] == 0
    assert node.pods()["web-lab"]["metadata"]["uid"] == before["web-lab"]["metadata"]["uid"]


def test_labels_and_annotations_are_kept_current(node: Daemon) -> None:
    items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
    manifest = mounted(WATCH, downwardAPI={"items": items})
    manifest["metadata"]["labels"] = {"tier": "one"}
    node.drop("web.yaml", manifest)
    node.wait_said("web-lab", 'tier="one"')
    manifest["metadata"]["labels"] = {"tier": "two"}
    node.drop("web.yaml", manifest)
    node.wait_said("web-lab", 'tier="two"')
    assert statuses(node.pods()["web-lab"])["c0"]["restartCount"] == 0


def test_a_pod_waits_for_what_its_volume_shows(new_daemon: Callable[..., Daemon]) -> None:
    daemon = new_daemon(backoff={"initial": "10m", "max": "10m"})  # so it is what came that starts it, and no repeat
    daemon.start()
    daemon.drop("web.yaml", mounted(f"cat /v/a; echo; {FOREVER}", secret={"secretName": "late"}))
    until(lambda: "FailedMount" in reasons(daemon.events(), "web-lab"), "told")
    assert daemon.pods()["web-lab"]["status"]["phase"] == "Pending"
    daemon.drop("late.yaml", secret("late", a="there"))
    daemon.wait_running("web-lab")
    daemon.wait_said("web-lab", "there")


def test_one_file_of_it(node: Daemon) -> None:
    node.drop("app.yaml", config_map("app", color="blue", size="9"))
    spec = {"volumes": [{"name": "v", "configMap": {"name": "app"}}]}
    mounts = [{"name": "v", "mountPath": "/etc/color.conf", "subPath": "color"}]
    assert seen(node, "cat /etc/color.conf; ls /etc | grep -c conf", spec=spec, volumeMounts=mounts).startswith("blue")

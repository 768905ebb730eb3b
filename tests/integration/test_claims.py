"""Storage that outlives pods, files of images, and what is read-only all the way down, seen from inside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hostpod.host.mount import bind, mount, unmount_under
from tests.integration.harness import FOREVER, Daemon, container, pod, reasons, seen, statuses, waiting

pytestmark = pytest.mark.integration


def inside(node: Daemon, script: str, *, own: dict[str, Any] | None = None, **source: Any) -> str:
    """What a script prints in a container with one volume at /v; `own` are fields of its mount."""
    mounts = [{"name": "v", "mountPath": "/v", **(own or {})}]
    return seen(node, script, spec={"volumes": [{"name": "v", **source}]}, volumeMounts=mounts)


def claims_of(node: Daemon) -> Path:
    return node.state / "claims"


def test_a_claim_is_shared_outlives_its_pods_and_is_listed(node: Daemon) -> None:
    claim = {"claimName": "data"}
    assert inside(node, "stat -c %a /v; echo kept >/v/file", persistentVolumeClaim=claim).split() == ["777"]
    node.clear()
    file = claims_of(node) / "default" / "data" / "file"
    assert file.read_text() == "kept\n", "all of the pod is gone, and nothing of the claim"

    script = "cat /v/file; touch /v/x 2>&1"
    shown = inside(node, f"{script}; true", persistentVolumeClaim=claim | {"readOnly": True})
    assert shown.startswith("kept\n")
    assert "Read-only file system" in shown

    mounts = [{"name": "v", "mountPath": "/v"}]
    volumes = [{"name": "v", "persistentVolumeClaim": claim}]
    for name in ("one", "two"):
        node.drop(
            f"{name}.yaml", pod(name, containers=[container("c0", FOREVER, volumeMounts=mounts)], volumes=volumes)
        )
    node.wait_running("one-lab", "two-lab")
    listed = json.loads(node.cli("get", "volume", "data", "-o", "json").stdout)
    assert (listed["path"], listed["usedBy"][-2:]) == (str(file.parent), ["one-lab", "two-lab"])
    assert "one-lab,two-lab" in node.cli("get", "volumes").stdout
    assert "ClaimName:" in node.cli("describe", "pod", "one").stdout
    node.restart()
    node.remove("one.yaml")
    node.wait_for(lambda pods: "one-lab" not in pods, what="one of two gone")
    assert file.exists()


def test_a_link_among_claims_is_not_followed(node: Daemon) -> None:
    above = claims_of(node) / "default"
    above.mkdir(parents=True, exist_ok=True)
    (above / "evil").symlink_to("/etc")
    node.drop("web.yaml", pod("web", FOREVER, volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "evil"}}]))
    node.wait_for(lambda _: "FailedMount" in reasons(node.events(), "web-lab"), what="told that it is a link")
    told = [each["message"] for each in node.events() if each["reason"] == "FailedMount"][-1]
    assert f'volume "v": {above}/evil: is a symbolic link, which is not followed here' in told
    (above / "evil").unlink()


def test_a_group_gets_a_claim_by_its_policy(node: Daemon) -> None:
    file = claims_of(node) / "default" / "group" / "file"
    file.parent.mkdir(parents=True)
    file.write_text("x")
    script = "stat -c %g:%a /v/file"

    def group(**policy: str) -> str:
        spec = {
            "securityContext": {"fsGroup": 4321, **policy},
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "group"}}],
        }
        return seen(node, script, spec=spec, volumeMounts=[{"name": "v", "mountPath": "/v"}]).strip()

    assert group() == "4321:664"
    file.chmod(0o600)
    assert group(fsGroupChangePolicy="OnRootMismatch") == "4321:600", "the top of it is the group's: not looked through"
    assert group(fsGroupChangePolicy="Always") == "4321:660"


def test_what_is_mounted_below_is_read_only_as_well_and_stays_on_the_host(node: Daemon, tmp_path: Path) -> None:
    top = tmp_path / "host"
    top.mkdir()
    bind(top, top, propagation="shared")  # as all mounts are on a host of systemd
    disk = top / "part" / "disk"
    disk.mkdir(parents=True)
    mount("tmpfs", disk, "tmpfs")
    try:
        script = "touch /v/disk/x 2>/dev/null && echo written || echo refused"
        source = {"hostPath": {"path": str(top)}}
        plain = {"readOnly": True, "subPath": "part"}
        assert inside(node, script, own=plain, **source).split() == ["written"]
        deep = plain | {"recursiveReadOnly": "Enabled"}
        assert inside(node, script, own=deep, **source).split() == ["refused"]
        told = [statuses(each)["c0"]["volumeMounts"][0]["recursiveReadOnly"] for each in node.pods().values()]
        assert sorted(told) == ["Disabled", "Enabled"]
        node.clear()
        assert (disk / "x").exists(), "what ended with the pods is not the host's mount"
    finally:
        unmount_under(top)


def test_the_files_of_an_image(node: Daemon) -> None:
    image = {"image": {"reference": "busybox", "pullPolicy": "IfNotPresent"}}
    script = "ls /v/bin/busybox; touch /v/x 2>&1; /v/bin/busybox true 2>&1; awk '$2 == \"/v\" {print $4}' /proc/mounts"
    shown = inside(node, script, **image)
    assert "/v/bin/busybox\n" in shown
    assert "Read-only file system" in shown
    assert "Permission denied" in shown, "nothing of it can be executed"
    (status,) = [statuses(each)["c0"] for each in node.pods().values()]
    (told,) = status["volumeMounts"]
    assert told["volumeStatus"] == {"image": {"imageRef": status["imageID"]}}
    assert "busybox" in inside(node, "ls /v", own={"subPath": "bin"}, **image).split()


def test_an_image_of_a_volume_that_cannot_be_had_keeps_the_container_waiting(node: Daemon) -> None:
    mounts = [{"name": "v", "mountPath": "/v"}]
    volumes = [{"name": "v", "image": {"reference": "none:1", "pullPolicy": "Never"}}]
    containers = [container("c0", FOREVER, volumeMounts=mounts), container("c1", FOREVER)]
    node.drop("web.yaml", pod("web", containers=containers, volumes=volumes))
    status = node.wait_container("web-lab", waiting, what="waits")
    status = node.wait_container("web-lab", lambda each: waiting(each) == "ErrImageNeverPull", what="cannot be had")
    assert "none:1" in status["state"]["waiting"]["message"]
    node.wait_container("web-lab", lambda each: "running" in each["state"], container="c1", what="runs beside it")


@pytest.mark.skipif(Path("/sbin/mount.nfs").exists(), reason="this host could mount NFS, and a server is needed then")
def test_nfs_where_the_host_cannot_mount_it(node: Daemon) -> None:
    source = {"nfs": {"server": "192.0.2.1", "path": "/srv"}}
    node.drop("web.yaml", pod("web", FOREVER, volumes=[{"name": "v", **source}]))
    node.wait_for(lambda _: "FailedMount" in reasons(node.events(), "web-lab"), what="told what is missing")
    told = [each["message"] for each in node.events() if each["reason"] == "FailedMount"][-1]
    assert told.endswith('volume "v": this host cannot mount NFS, it has no /sbin/mount.nfs: install nfs-common')

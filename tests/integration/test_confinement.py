"""What keeps containers and the host apart: descriptors, images that lead astray, profiles that the host lacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hostpod.host import apparmor, selinux
from hostpod.host.mount import mounts
from lab.registry import Registry
from tests.integration.derived import push_with_links
from tests.integration.harness import FOREVER, Daemon, container, pod, seen, waiting

pytestmark = pytest.mark.integration

REFUSED = "CreateContainerConfigError"


def test_nothing_is_open_in_a_container_but_its_stdio(node: Daemon) -> None:
    """Neither what the daemon has open nor what runc and conmon have: each of these once led out of a container."""

    def looks(name: str) -> dict[str, Any]:
        # In a subshell: to redirect a command of its own this shell puts its stdout aside, at 10.
        script = f"read pid rest < /proc/self/stat; (ls /proc/$pid/fd) > /v/part-{name}; mv /v/part-{name} /v/{name}"
        return {"exec": {"command": ["sh", "-c", script]}}

    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    init = container("i0", "(ls /proc/1/fd) > /v/init; true", **mount)
    wait = "until test -e /v/hook && test -e /v/probe; do usleep 20000; done"
    script = (
        f"(ls /proc/1/fd) > /v/main; {wait}; cd /v; for each in init main hook probe; do echo $each $(cat $each); done"
    )
    main = container("c0", f"{script}; {FOREVER}", lifecycle={"postStart": looks("hook")}, **mount)
    main |= {"readinessProbe": looks("probe") | {"periodSeconds": 1}}
    node.drop("fds.yaml", pod("fds", initContainers=[init], containers=[main], volumes=[{"name": "v", "emptyDir": {}}]))
    shown = node.wait_said("fds-lab", "probe")
    assert shown.splitlines() == [f"{each} 0 1 2" for each in ("init", "main", "hook", "probe")]
    entered = node.cli("exec", "fds-lab", "-c", "c0", "--", "sh", "-c", "ls /proc/$$/fd; true").stdout
    assert entered.split() == ["0", "1", "2"]


def test_links_in_an_image_lead_nowhere_on_the_host(node: Daemon, registry: Registry, tmp_path: Path) -> None:
    """Images whose /etc, /dev, /proc or /sys are links to a directory of the host: nothing is shown or made there."""
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / "passwd").write_text("daemon:x:0:0:the host's:/:/bin/sh\n")
    before = {entry.target for entry in mounts()}
    for links in (("etc",), ("dev",), ("proc", "sys")):
        image = push_with_links(registry, f"astray-{links[0]}", dict.fromkeys(links, str(trap)))
        for own in (True, False):
            name = f"{links[0]}-{'host' if own else 'own'}-users"
            manifest = pod(name, "cat /etc/passwd; echo end; sleep 1000", image=image, hostUsers=own)
            node.drop(f"{name}.yaml", manifest)
            told = node.wait_container(
                f"{name}-lab",
                lambda each: waiting(each) == REFUSED or "running" in each["state"],
                what="made or refused",
            )
            if links[0] == "etc":
                assert "the host's" not in node.wait_said(f"{name}-lab", "end")
            else:
                assert f"/{links[0]} is a link to {trap}" in told["state"]["waiting"]["message"]
            node.remove(f"{name}.yaml")
    assert [path.name for path in trap.iterdir()] == ["passwd"]
    assert not [target for target in {each.target for each in mounts()} - before if target.is_relative_to(trap)]


@pytest.mark.skipif(apparmor.is_enabled(), reason="this host has AppArmor; shown on one without")
def test_profiles_that_the_host_has_not_are_refused(node: Daemon) -> None:
    annotation = "container.apparmor.security.beta.kubernetes.io/c0"
    asked = pod("asked", FOREVER, securityContext={"appArmorProfile": {"type": "RuntimeDefault"}})
    old = pod("old", FOREVER)
    old["metadata"]["annotations"] = {annotation: "localhost/mine"}
    for manifest in (asked, old):
        node.drop(f"{manifest['metadata']['name']}.yaml", manifest)
    for name, kind in (("asked", "RuntimeDefault"), ("old", "Localhost")):
        status = node.wait_phase(f"{name}-lab", "Failed")["status"]
        assert (status["reason"], status["message"]) == (
            "AppArmor",
            (
                "Pod was rejected: Cannot enforce AppArmor: AppArmor is not enabled on the host: "
                f'remove appArmorProfile {kind} of container "c0"'
            ),
        )
    unconfined = {"appArmorProfile": {"type": "Unconfined"}}
    assert seen(node, "echo runs", spec={"securityContext": unconfined}, securityContext=unconfined) == "runs\n"


@pytest.mark.skipif(selinux.is_enabled(), reason="this host has SELinux; shown on one without")
def test_labels_that_the_host_has_not_are_refused(node: Daemon) -> None:
    manifest = pod("label", FOREVER, securityContext={"seLinuxChangePolicy": "Recursive"})
    manifest["spec"]["containers"][0]["securityContext"] = {"seLinuxOptions": {"level": "s0:c1,c2"}}
    node.drop("label.yaml", json.dumps(manifest))
    status = node.wait_phase("label-lab", "Failed")["status"]
    assert status["reason"] == "SELinux"
    assert "SELinux is not enabled on the host" in status["message"]

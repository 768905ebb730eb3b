"""imagePullSecrets of pods, with a registry that asks for passwords; and nothing of them is seen anywhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import images
from lab.registry import USERS, Registry
from tests.integration import guarded
from tests.integration.guarded import auths, secret
from tests.integration.harness import FOREVER, Daemon, pod, reasons, statuses, waiting
from tests.integration.image_kit import push

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with guarded.guarded_registry(tmp_path_factory.mktemp("private")) as running:
        layout = images.layout("busybox")
        push(running, layout, "team/busybox:1", "--dest-creds", f"alice:{USERS['alice']}")
        yield running


def wanting(name: str, image: str, *secrets: str, policy: str = "IfNotPresent") -> dict[str, Any]:
    manifest = pod(name, FOREVER, image=image, imagePullSecrets=[{"name": each} for each in secrets])
    manifest["spec"]["containers"][0]["imagePullPolicy"] = policy
    return manifest


def wait_refused(node: Daemon, name: str) -> str:
    """Why its container has no image, as soon as it is known."""
    kinds = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull")
    status = node.wait_container(name, lambda each: waiting(each) in kinds, what="refused")
    return str(status["state"]["waiting"]["message"])


def messages(node: Daemon, name: str, reason: str) -> set[str]:
    events = [each for each in node.events() if each["involvedObject"]["name"] == name]
    return {each["message"] for each in events if each["reason"] == reason}


def test_a_private_image_is_for_pods_with_its_secret(
    new_daemon: Callable[..., Daemon], private: Registry, tmp_path: Path
) -> None:
    image = f"{private.address}/team/busybox:1"
    seen, wrapper = tmp_path / "seen", tmp_path / "skopeo"
    wrapper.write_text(f'#!/bin/sh\n{{ echo "$@"; env; }} >> {seen}\nexec {shutil.which("skopeo")} "$@"\n')
    wrapper.chmod(0o755)
    backoff = {"initial": "1h", "max": "1h"}  # who tries again does so for a reason
    node = new_daemon(binaries={"skopeo": str(wrapper)}, backoff=backoff)
    node.start()

    node.drop("wrong.yaml", secret("wrong", auths(private.address, "alice", "guessed")))
    node.drop("late.yaml", wanting("late", image, "wrong", "registry"))
    assert f'cannot pull "{image}": unauthorized: authentication required' in wait_refused(node, "late-lab")
    (warning,) = messages(node, "late-lab", "FailedToRetrieveImagePullSecret")
    assert warning.startswith("Unable to retrieve some image pull secrets (registry); attempting to pull the image may")

    node.drop("registry.yaml", secret("registry", auths(private.address, "bob")))
    node.wait_running("late-lab")  # at once: the Secret is what it waited for

    node.drop("same.yaml", wanting("same", image, "registry", policy="Never"))
    node.wait_running("same-lab")
    node.drop("none.yaml", wanting("none", image))
    node.drop("never.yaml", wanting("never", image, "wrong", policy="Never"))
    node.drop("alice.yaml", secret("alice", auths(private.address, "alice")))
    node.drop("other.yaml", wanting("other", image, "alice"))
    assert "unauthorized: authentication required" in wait_refused(node, "none-lab")
    assert "does not have the proper credentials" in wait_refused(node, "never-lab")
    node.wait_running("other-lab")
    assert reasons(node.events(), "other-lab").count("Pulling") >= 1
    assert reasons(node.events(), "same-lab").count("Pulling") == 0

    assert "--authfile /proc/self/fd/" in seen.read_text()
    below = [*node.directory.rglob("*"), *node.runtime.rglob("*.json")]
    written = [seen, *(path for path in below if "manifests" not in path.parts)]
    shown = [path.read_bytes() for path in written if path.is_file()] + [str(node.events()).encode()]
    shown.append(node.cli("get", "pods", "-o", "yaml").stdout.encode())
    assert not any(each.encode() in content for each in (*guarded.SECRETS, "guessed") for content in shown)
    assert statuses(node.pods()["other-lab"])["c0"]["image"] == image

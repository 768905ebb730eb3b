"""The Secrets that a pod's images are pulled with."""

from __future__ import annotations

import asyncio
from typing import Any

from hostpod.images import ImagePullError
from hostpod.kube import Pod, Secret
from hostpod.kube.config import Configs
from tests.unit.engine.a_host import a_host, named
from tests.unit.engine.machine import Machine

REASON = "FailedToRetrieveImagePullSecret"


def wanting(*names: str | None) -> Pod:
    container = {"name": "web", "image": "img", "imagePullPolicy": "Always"}
    return named("a", "u-a", containers=[container], imagePullSecrets=[{"name": each} for each in names])


def configs(**kinds: str) -> Configs:
    return {("Secret", "default", name): made(name, kind) for name, kind in kinds.items()}


def made(name: str, kind: str) -> Secret:
    content = {".dockerconfigjson": '{"auths": {"reg.io": {"username": "u", "password": "hunter2"}}}'}
    metadata = {"name": name, "namespace": "default"}
    return Secret.model_validate({"metadata": metadata, "type": kind, "stringData": content})


def told(node: Any) -> list[str]:
    return [each["message"] for each in node.events() if each["reason"] == REASON]


def test_those_that_are_there_are_shown_and_the_others_told(machine: Machine) -> None:
    async def run() -> None:
        async with a_host(machine, wanting("one", "absent", None, "odd", "one")) as host:
            host.engine.show_configs(configs(one="kubernetes.io/dockerconfigjson", odd="Opaque"))
            await host.until_running()
            assert [secret.name for secret in machine.shown] == ["one"]
            (message,) = told(host.node)
            assert message == (
                "Unable to retrieve some image pull secrets (absent, odd); attempting to pull the image may not "
                "succeed. absent: no manifest has a Secret of this name in namespace default; "
                "odd: its type is none of kubernetes.io/dockerconfigjson and kubernetes.io/dockercfg"
            )

    asyncio.run(run())


def test_one_that_comes_is_tried_at_once(machine: Machine) -> None:
    async def run() -> None:
        machine.refusals["ensure"] = ImagePullError("unauthorized")
        async with a_host(machine, wanting("one")) as host:
            await host.until(lambda pods: pods and "ErrImagePull" in str(pods["a"]["status"]))
            machine.refusals.clear()
            host.engine.show_configs(configs(one="kubernetes.io/dockerconfigjson"))
            await host.until_running()
            assert [secret.name for secret in machine.shown] == ["one"]

    asyncio.run(run())

"""A registry that asks who is there, for tests: TLS with an authority of its own, and passwords."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.registry import USERS, Guard, Registry, start_registry
from tests.integration.image_kit import Layout, push
from tests.unit.images.archives import archive, member

# What none may print, of what is shown to the registry.
SECRETS = (*USERS.values(), *(base64.b64encode(f"{u}:{p}".encode()).decode() for u, p in USERS.items()))


@contextmanager
def guarded_registry(directory: Path) -> Iterator[Registry]:
    """A running one. The host trusts it as long as its certificate is in /etc/containers/certs.d."""
    guard = Guard.made(directory / "guard")
    running = start_registry(directory / "registry", guard=guard)
    try:
        with own_containers_settings() as etc:
            trust(etc, running)
            yield running
    finally:
        running.stop()


@contextmanager
def own_containers_settings() -> Iterator[Path]:
    """An empty /etc/containers, in this process's mount namespace."""
    etc = Path("/etc/containers")
    etc.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", etc], check=True)
    try:
        yield etc
    finally:
        subprocess.run(["umount", "--lazy", etc], check=True)


def trust(etc: Path, registry: Registry) -> None:
    """Take the registry's own authority for good."""
    certificates = etc / "certs.d" / registry.address
    certificates.mkdir(parents=True)
    (certificates / "ca.crt").write_bytes((registry.directory.parent / "guard" / "ca.crt").read_bytes())


def fill(registry: Registry, layout: Layout, *repositories: str) -> dict[str, Any]:
    """Push an image with one file `v`, the repositories' names; its descriptor."""
    image = layout.image([archive([member("v", content=" ".join(repositories).encode())])])
    for repository in repositories:
        push(registry, layout.tag(image), f"{repository}:1", "--dest-creds", f"alice:{USERS['alice']}")
    return image


def auths(key: str, user: str, password: str | None = None) -> dict[str, Any]:
    """A document of credentials; without a password the right one."""
    auth = base64.b64encode(f"{user}:{USERS.get(user, '') if password is None else password}".encode()).decode()
    return {"auths": {key: {"auth": auth}}}


def secret(name: str, document: dict[str, Any], *, old: bool = False) -> dict[str, Any]:
    """A Secret of credentials, with `old` of the older type."""
    kind, key = ("dockercfg", ".dockercfg") if old else ("dockerconfigjson", ".dockerconfigjson")
    content = document["auths"] if old else document
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": f"kubernetes.io/{kind}",
        "stringData": {key: json.dumps(content)},
    }

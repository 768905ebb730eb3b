"""A real docker-registry on loopback that stands in for docker.io, and the settings that make skopeo ask it."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.debian import program
from lab.place import LabError, command, patient

READY_WITHIN_S = patient(10)
_ATTEMPTS = 3


# Who is let in by a guarded registry, with passwords that tests search for where none may be. The hashes are bcrypt's,
# of the least cost: docker-registry takes no others, and Python makes none.
USERS = {"alice": "wonder-4Tl9Qx", "bob": "builder-7Hd2Wz"}
_HTPASSWD = """\
alice:$2b$04$brhdmTrtDJ07seXCn0F0Tep1IyQMAC7lmVQOWMmDWpCdTYoDYg1aq
bob:$2b$04$xcuO/.2Sbc5UUFS.glEWiOaD997ezaqa2w9npFNyyNgG6ZmV59Gt2
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """What makes a registry ask who is there: a certificate, which is its own authority, and a file of passwords."""

    certificate: Path
    key: Path
    htpasswd: Path

    @classmethod
    def made(cls, directory: Path) -> Guard:
        """For 127.0.0.1, and for USERS."""
        directory.mkdir(parents=True, exist_ok=True)
        guard = cls(certificate=directory / "ca.crt", key=directory / "key.pem", htpasswd=directory / "htpasswd")
        guard.htpasswd.write_text(_HTPASSWD)
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"]
        subject = ["-subj", "/CN=registry of the lab", "-addext", "subjectAltName=IP:127.0.0.1"]
        command(["openssl", "req", "-x509", *curve, *subject, "-keyout", guard.key, "-out", guard.certificate])
        return guard

    def settings(self) -> dict[str, Any]:
        """For docker-registry."""
        return {
            "http": {"tls": {"certificate": str(self.certificate), "key": str(self.key)}},
            "auth": {"htpasswd": {"realm": "lab", "path": str(self.htpasswd)}},
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Registry:
    """A running registry; `stop` ends it. Everything it keeps is under `directory`."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def push(self, layout: Path, repository: str, tag: str = "latest", *, media: str = "oci") -> None:
        """Copy an OCI layout's image `latest` in as REPOSITORY:TAG; `media` is oci or v2s2."""
        target = f"docker://{self.address}/{repository}:{tag}"
        copy = ["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", "--format", media]
        command([*copy, f"oci:{layout}:latest", target], timeout_s=300)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_registry(directory: Path, *, guard: Guard | None = None) -> Registry:
    """Start an empty (or, in a used directory, the former) registry on a free port and wait until it answers. With a
    guard it speaks TLS, and only to those who have a password."""
    directory.mkdir(parents=True, exist_ok=True)
    binary = program("docker-registry", package="docker-registry")
    for attempt in range(_ATTEMPTS):
        registry = _start(binary, directory, free_port(), guard)
        try:
            _wait_until_it_listens(registry)
        except LabError:  # somebody may have taken the port in between
            registry.stop()
            if attempt + 1 == _ATTEMPTS:
                raise
        else:
            break
    return registry


def _start(binary: Path, directory: Path, port: int, guard: Guard | None) -> Registry:
    settings: dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(directory / "blobs")}, "delete": {"enabled": True}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    for section, more in (guard.settings() if guard else {}).items():
        settings[section] = {**settings.get(section, {}), **more}
    (directory / "registry.yaml").write_text(json.dumps(settings))
    with (directory / "registry.log").open("wb") as log:
        argv: list[str | Path] = [binary, "serve", directory / "registry.yaml"]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    return Registry(directory=directory, port=port, process=process)


def _wait_until_it_listens(registry: Registry) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline and registry.process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", registry.port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    output, _, _usage = (registry.directory / "registry.log").read_text().partition("Usage:")
    lines = output.strip().splitlines()[-3:]
    raise LabError(f"docker-registry does not listen on {registry.address}: {'; '.join(lines) or 'no output'}")


def free_port() -> int:
    """A TCP port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_registries_conf(path: Path, registry: Registry) -> Path:
    """A registries.conf file for this registry."""
    path.write_text(registries_conf(registry.address))
    return path


def registries_conf(address: str) -> str:
    """Settings in which the registry there is the mirror of docker.io, and short names mean docker.io."""
    return (
        'unqualified-search-registries = ["docker.io"]\n'
        '[[registry]]\nprefix = "docker.io"\nlocation = "docker.io"\n'
        f'[[registry.mirror]]\nlocation = "{address}"\ninsecure = true\n'
        f'[[registry]]\nlocation = "{address}"\ninsecure = true\n'
    )


def write_policy(path: Path) -> Path:
    """A policy.json that asks for no signatures."""
    path.write_text('{"default": [{"type": "insecureAcceptAnything"}]}\n')
    return path

"""Certificates for tests, made by openssl."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Authority:
    """An authority of its own, and a server's certificate for 127.0.0.1 that it signed."""

    ca: Path
    certificate: Path
    key: Path

    def server_side(self) -> ssl.SSLContext:
        """What a server listens with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_authority(directory: Path, *, address: str = "127.0.0.1") -> Authority:
    """Keys are elliptic: they are made at once."""
    directory.mkdir(parents=True, exist_ok=True)
    new = (
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    )
    ca, ca_key = directory / "ca.pem", directory / "ca.key"
    certificate, key = directory / "server.pem", directory / "server.key"
    _run(*new, "-subj", "/CN=a test's authority", "-keyout", ca_key, "-out", ca)
    extensions = ("-addext", f"subjectAltName=IP:{address}", "-addext", "basicConstraints=critical,CA:FALSE")
    signed = ("-CA", ca, "-CAkey", ca_key)
    _run(*new, "-subj", "/CN=a test's server", *extensions, *signed, "-keyout", key, "-out", certificate)
    return Authority(ca=ca, certificate=certificate, key=key)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)

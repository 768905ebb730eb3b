"""Credentials of registries in Secrets, and which of them an image is pulled with: Kubernetes' rules. Pure.

The rules are those of k8s.io/kubernetes/pkg/credentialprovider: keys of `auths` are hosts with or without a port, a
path and wildcards (`*.example.com`, one label each), docker.io's are also those of its old index.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

from hostpod.kube import Secret

DOCKER_IO = "docker.io"
OLD_INDEX = "index.docker.io"

_KEYS = {"kubernetes.io/dockerconfigjson": ".dockerconfigjson", "kubernetes.io/dockercfg": ".dockercfg"}
_PORT = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*):(?P<port>[0-9]*)")


class UnusableSecretError(Exception):
    """The Secret holds no credentials of registries; the message shows nothing of what it holds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """What a registry is shown."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    identity_token: str = field(default="", repr=False)

    def fingerprint(self, name: str) -> str:
        """Tells whether two are the same, without saying which. Of each repository another: it cannot be looked up."""
        parts = (name, self.username, self.password, self.identity_token)
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class PullSecret:
    """A Secret with credentials, each with the key that says what it is for."""

    uid: str
    namespace: str
    name: str
    entries: tuple[tuple[str, Credential], ...] = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A credential that may open a repository, and the Secret that it is from."""

    secret: PullSecret
    credential: Credential


def pull_secret(secret: Secret) -> PullSecret:
    """The credentials in a Secret of one of Kubernetes' two types. UnusableSecretError."""
    key = _KEYS.get(secret.type or "")
    if key is None:
        raise UnusableSecretError(f"its type is none of {' and '.join(_KEYS)}")
    try:
        document = json.loads(secret.contents().get(key, b""))
    except (ValueError, RecursionError):
        raise UnusableSecretError(f"{key} is no JSON") from None
    auths = document.get("auths") if key == ".dockerconfigjson" and isinstance(document, dict) else document
    meta = secret.metadata
    return PullSecret(
        uid=meta.uid or "", namespace=meta.namespace or "", name=meta.name or "", entries=_entries(auths or {})
    )


def keys_for(secrets: Iterable[PullSecret], name: str) -> tuple[Key, ...]:
    """What the Secrets have for a repository (docker.io/library/nginx), the most exact first."""
    held = [
        (where, Key(secret=secret, credential=credential))
        for secret in secrets
        for text, credential in secret.entries
        if (where := _place(text)) is not None
    ]
    held.sort(key=lambda each: each[0], reverse=True)  # a stable sort: within one place it is the Secrets' order
    found = [key for where, key in held if _matches(where, name)]
    if not found and name.startswith(f"{DOCKER_IO}/"):
        found = [key for where, key in held if where == OLD_INDEX]
    return tuple(dict.fromkeys(found))


def auth_file(name: str, credential: Credential) -> bytes:
    """What skopeo reads a repository's credential from."""
    entry = {"auth": base64.b64encode(f"{credential.username}:{credential.password}".encode()).decode()}
    if credential.identity_token:
        entry["identitytoken"] = credential.identity_token
    return json.dumps({"auths": {name: entry}}).encode()


def store_to_ask(document: Any, domain: str) -> tuple[str, str] | None:
    """The credential helper that a docker configuration names for all registries, and what to ask it for; None where
    there is none, or where it has something else for this one. skopeo knows auths and credHelpers, but not this."""
    if not isinstance(document, dict) or not isinstance(document.get("credsStore"), str):
        return None
    server = f"https://{OLD_INDEX}/v1/" if domain == DOCKER_IO else domain
    auths, helpers = document.get("auths"), document.get("credHelpers")
    if isinstance(helpers, dict) and domain in helpers:
        return None
    own = auths.get(server) if isinstance(auths, dict) else None
    if isinstance(own, dict) and own.get("auth"):
        return None
    return document["credsStore"], server


def _entries(auths: object) -> tuple[tuple[str, Credential], ...]:
    if not isinstance(auths, dict):
        raise UnusableSecretError("its credentials are no JSON object")
    return tuple((key, _credential(number, entry)) for number, (key, entry) in enumerate(auths.items(), 1))


def _credential(number: int, entry: object) -> Credential:
    """Not called by its key: that may be a URL with a password."""
    if not isinstance(entry, dict):
        raise UnusableSecretError(f"entry {number} of its auths is no JSON object")
    texts = {part: _text(number, entry, part) for part in ("username", "password", "auth", "identitytoken")}
    username, password = texts["username"], texts["password"]
    if texts["auth"]:
        username, password = _decoded(number, texts["auth"])
    return Credential(username=username, password=password, identity_token=texts["identitytoken"])


def _text(number: int, entry: Mapping[str, object], part: str) -> str:
    value = entry.get(part)
    if value is not None and not isinstance(value, str):
        raise UnusableSecretError(f"{part} in entry {number} of its auths is no text")
    return value or ""


def _decoded(number: int, auth: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(auth.rstrip("=") + "=" * (-len(auth.rstrip("=")) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    username, colon, password = text.partition(":")
    if not colon:
        raise UnusableSecretError(f"auth in entry {number} of its auths is not base64 of USER:PASSWORD")
    return username, password.rstrip("\0")


def _place(key: str) -> str | None:
    """HOST[:PORT][/PATH] that a key of `auths` means, None where it is no address."""
    rest = key.removeprefix("https://").removeprefix("http://")
    try:
        parts = urlsplit(f"https://{rest}")
    except ValueError:
        return None
    host, path = parts.netloc.rpartition("@")[2], parts.path
    if path.startswith(("/v1/", "/v2/")):
        path = path[3:]
    return host if path == "/" else host + path


def _matches(place: str, name: str) -> bool:
    host, slash, path = place.partition("/")
    asked, _, asked_path = name.partition("/")
    (labels, port), (asked_labels, asked_port) = _host(host), _host(asked)
    return (
        port == asked_port
        and len(labels) == len(asked_labels)
        and (not slash or asked_path.startswith(path))
        and all(fnmatchcase(one, pattern) for pattern, one in zip(labels, asked_labels, strict=True))
    )


def _host(text: str) -> tuple[list[str], str]:
    """Its labels and its port."""
    found = _PORT.fullmatch(text)
    host, port = (found["host"], found["port"]) if found else (text, "")
    return host.strip("[]").split("."), port  # to a pattern, brackets would be a set of characters

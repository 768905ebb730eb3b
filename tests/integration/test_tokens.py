"""Tokens of service accounts, seen from inside and verified as a stranger would: by the public keys alone."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from lab import client
from tests.integration.crash_kit import until
from tests.integration.harness import FOREVER, Daemon, container, pod

pytestmark = pytest.mark.integration

WATCH = "while :; do cat /t/vault; echo; usleep 100000; done"
STAT = "stat -Lc '%a %u %g'"
LOOK = f"readlink /t/vault; cat /t/..data/vault; echo; {STAT} /t/vault; {STAT} /u/token; {FOREVER}"


def wish(path: str, **fields: Any) -> dict[str, Any]:
    return {"serviceAccountToken": {"path": path, **fields}}


def asking(script: str, **spec: Any) -> dict[str, Any]:
    """A pod with tokens at /t (one that all may read) and at /u."""
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("t", "u")]
    sources = {"t": [wish("vault", audience="vault", expirationSeconds=600)], "u": [wish("token")]}
    volumes = [{"name": name, "projected": {"sources": found}} for name, found in sources.items()]
    return pod("till", containers=[container("c0", script, volumeMounts=mounts)], volumes=volumes, **spec)


def keys(node: Daemon) -> jwt.PyJWKSet:
    status, body = client.request(node.socket, "/openid/v1/jwks")
    assert status == 200
    return jwt.PyJWKSet.from_json(body.decode())


def verified(node: Daemon, token: str, audience: str) -> dict[str, Any]:
    """What a token says, believed as a service that knows the issuer believes it."""
    status, body = client.request(node.socket, "/.well-known/openid-configuration")
    assert status == 200
    issuer = json.loads(body)["issuer"]
    key = keys(node)[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=issuer)


def test_a_stranger_believes_the_token_and_only_its_user_reads_it(node: Daemon) -> None:
    alone = {"securityContext": {"runAsUser": 1000, "runAsGroup": 1000}}
    node.drop("till.yaml", asking(LOOK, serviceAccountName="till", **alone))
    node.wait_running("till-lab")
    link, token, *modes = node.wait_said("till-lab", "600 1000 0\n600 1000 0\n").split("\n")
    assert link == "..data/vault"
    assert modes[:2] == ["600 1000 0", "600 1000 0"]
    said = verified(node, token, "vault")
    shown = node.pods()["till-lab"]["metadata"]
    assert said["sub"] == "system:serviceaccount:default:till"
    assert said["exp"] - said["iat"] == 600
    assert said["kubernetes.io"]["pod"] == {"name": "till-lab", "uid": shown["uid"]}
    assert said["kubernetes.io"]["node"] == {"name": "lab"}
    with pytest.raises(jwt.InvalidAudienceError):
        verified(node, token, "other")
    key = node.state / "service-accounts" / "signing-key.pem"
    assert key.stat().st_mode & 0o777 == 0o600


def test_another_comes_in_time_and_nothing_is_restarted(node: Daemon) -> None:
    node.drop("till.yaml", asking(WATCH))
    node.wait_running("till-lab")
    first = node.wait_said("till-lab", "\n").split("\n")[0]
    node.kill()
    # As if the daemon had been away for most of the token's life: what is left of it is a moment.
    (shown,) = node.runtime.glob("pods/*/volumes/kubernetes.io~projected/t/..data/vault")
    old = json_claims(first)
    begins = int(time.time()) - 478
    key = (node.state / "service-accounts" / "signing-key.pem").read_text()
    aged = jwt.encode(
        {**old, "iat": begins, "nbf": begins, "exp": begins + 600}, key, algorithm="RS256",
        headers={"kid": jwt.get_unverified_header(first)["kid"]},
    )  # fmt: skip
    Path(shown).write_text(aged)
    node.start()
    node.wait_running("till-lab")
    until(lambda: said_last(node) not in (first, aged), "another token is shown")
    assert verified(node, said_last(node), "vault")["sub"] == "system:serviceaccount:default:default"


def said_last(node: Daemon) -> str:
    """The last whole line."""
    return node.said("till-lab").rpartition("\n")[0].rpartition("\n")[2]


def json_claims(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})

"""What the token of a service account says, and when another takes its place. Pure.

The sources are pkg/serviceaccount/claims.go (what an API server says) and pkg/kubelet/token/token_manager.go (when a
kubelet asks for another) of k8s.io/kubernetes.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from hostpod.kube import Pod, ServiceAccountTokenProjection

DEFAULT_ACCOUNT = "default"
DEFAULT_LIFE_S = 3600

# Another token comes when this share of a token's life is over, or after a day.
_SHARE = 0.8
_LONGEST_S = 24 * 3600

_OF_ONE_TOKEN = frozenset({"exp", "iat", "nbf", "jti"})

Claims = Mapping[str, Any]


def claims_for(token: ServiceAccountTokenProjection, pod: Pod, *, issuer: str, node: str, now: float) -> Claims:
    """What a token that is made now (wall seconds) says of the pod. Without an audience it is for the issuer itself."""
    account = account_of(pod)
    subject = f"system:serviceaccount:{pod.namespace}:{account}"
    begins = int(now)
    return {
        "aud": [token.audience or issuer],
        "exp": begins + (token.expiration_seconds or DEFAULT_LIFE_S),
        "iat": begins,
        "iss": issuer,
        "jti": str(uuid.uuid4()),
        "kubernetes.io": {
            "namespace": pod.namespace,
            "node": {"name": node},
            "pod": {"name": pod.name, "uid": pod.uid},
            "serviceaccount": {"name": account, "uid": _account_uid(issuer, subject)},
        },
        "nbf": begins,
        "sub": subject,
    }


def account_of(pod: Pod) -> str:
    """The pod's service account; the older field is another name of the newer one."""
    return pod.spec.service_account_name or pod.spec.service_account or DEFAULT_ACCOUNT


def renew_at(claims: Claims) -> float:
    """When another token takes the place of this one (wall seconds)."""
    begins, ends = claims["iat"], claims["exp"]
    return float(begins + min((ends - begins) * _SHARE, _LONGEST_S))


def is_current(held: Claims, wanted: Claims) -> bool:
    """Whether a token may stay where one like `wanted` is to be now. One of the future: a clock was put back."""
    same = {name: value for name, value in held.items() if name not in _OF_ONE_TOKEN} == {
        name: value for name, value in wanted.items() if name not in _OF_ONE_TOKEN
    }
    lasts = held["exp"] - held["iat"] == wanted["exp"] - wanted["iat"]
    return same and lasts and bool(held["iat"] <= wanted["iat"] < renew_at(held))


def owner_of(pod: Pod) -> int | None:
    """The user who owns the pod's tokens: the one that all its containers say they run as, if there is one."""
    whole = pod.spec.security_context.run_as_user if pod.spec.security_context else None
    users = {
        whole if (own := each.security_context) is None or own.run_as_user is None else own.run_as_user
        for each in pod.spec.all_containers
    }
    return users.pop() if len(users) == 1 else None


def _account_uid(issuer: str, subject: str) -> str:
    """Nobody keeps the account as an object: the same account of the same issuer always has the same one."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{issuer}#{subject}"))

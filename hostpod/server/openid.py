"""What verifiers of the pods' tokens read: who makes them, and the public keys. The paths are an API server's.

Nothing of it is secret, so it is on the port as well. For verifiers elsewhere both answers can be published below the
issuer's address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from hostpod.server.answers import json_answer
from hostpod.server.node import Node

DISCOVERY: Final = "/.well-known/openid-configuration"
KEYS: Final = "/openid/v1/jwks"


def discovery(issuer: str) -> Mapping[str, Any]:
    """The OpenID provider's description of itself, as far as it concerns the tokens of service accounts."""
    return {
        "issuer": issuer,
        "jwks_uri": issuer + KEYS,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def add_openid_routes(app: web.Application, node: Node) -> None:
    """Both documents."""

    async def send_discovery(_request: web.Request) -> web.Response:
        return json_answer(discovery(node.token_issuer))

    async def send_keys(_request: web.Request) -> web.Response:
        answer = json_answer(await node.public_keys())
        answer.content_type = "application/jwk-set+json"
        return answer

    app.router.add_get(DISCOVERY, send_discovery)
    app.router.add_get(KEYS, send_keys)

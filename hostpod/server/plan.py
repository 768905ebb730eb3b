"""POST /plan: files that somebody would put among the manifests."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aiohttp import web
from pydantic import Base64Bytes, BaseModel, ConfigDict, ValidationError, field_validator

from hostpod.kube.api_status import StatusError
from hostpod.server.answers import json_answer
from hostpod.server.node import Node
from hostpod.sources.files import is_manifest
from hostpod.sources.proposal import Proposal, ProposedFile

# Contents grow by a third on their way here. All manifests that a host can have pods for are far less.
BODY_LIMIT_BYTES: Final = 8 * 1024 * 1024


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str | None = None
    content: Base64Bytes = b""
    refused: str | None = None

    @field_validator("name")
    @classmethod
    def _checked(cls, name: str | None) -> str | None:
        if name is not None and ("/" in name or not is_manifest(name)):
            raise ValueError("no name of a manifest")
        return name


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    files: list[_File] = []
    whole: bool = False
    into: Path | None = None


def proposal_of(body: bytes) -> Proposal:
    """The body: {"files": [{"name", "content" (base64) or "refused"}], "whole": bool, "into": path or null}."""
    try:
        told = _Body.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise StatusError("BadRequest", f"the body is no plan: {place}: {first['msg']}") from None
    files = tuple(ProposedFile(name=each.name, content=each.content, refused=each.refused) for each in told.files)
    return Proposal(files=files, whole=told.whole, into=told.into)


async def send_plan(request: web.Request, node: Node) -> web.Response:
    """What would become of pods; nothing does."""
    body = await request.clone(client_max_size=BODY_LIMIT_BYTES).read()
    return json_answer(await node.plan(proposal_of(body)))

"""What a URL said last, written down for the next daemon: the answer, and what goes on beside it from before.

It may hold Secrets, so it is its owner's alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hostpod.host.store import StoreError, read_json, write_atomic
from hostpod.kube import ConfigMap, Pod, Secret, to_json
from hostpod.manifest import ConfigObject
from hostpod.sources.snapshot import FileState, SourcedConfig, SourcedPod


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """An answer of a URL, by the name that is shown of it; `kept` are objects that it does not say rightly.

    `url_digest` tells whether the ETag is of the same address with the same query.
    """

    name: str
    url_digest: str
    etag: str | None
    body: bytes = field(repr=False)
    kept: FileState = field(repr=False)


def digest_of(url: str) -> str:
    """Of a whole address, which may hold a password."""
    return hashlib.blake2b(url.encode(), digest_size=16).hexdigest()


def save(path: Path, saved: Saved) -> None:
    """Replace the file. Raises StoreError."""
    pods = [{"pod": to_json(each.pod), "line": each.line, "seen_at": each.seen_at} for each in saved.kept.wished]
    configs = [{"config": to_json(each.config), "line": each.line} for each in saved.kept.all_configs]
    content = {
        "name": saved.name,
        "url_digest": saved.url_digest,
        "etag": saved.etag,
        "body": base64.b64encode(saved.body).decode(),
        "pods": pods,
        "configs": configs,
    }
    write_atomic(path, json.dumps(content, separators=(",", ":")).encode(), durable=True)


def load(path: Path) -> Saved | None:
    """What was saved; None where nothing was. Raises StoreError."""
    content: Any = read_json(path)
    if content is None:
        return None
    try:
        return _loaded(content)
    except (KeyError, TypeError, ValueError) as error:
        # Not what the error says: it may show what the file holds.
        raise StoreError(f"cannot read {path}: it is not what hostpod writes ({type(error).__name__})") from None


def _loaded(content: Any) -> Saved:
    name = str(content["name"])
    pods = tuple(
        SourcedPod(pod=_pod(each["pod"]), file=name, line=int(each["line"]), seen_at=float(each["seen_at"]))
        for each in content["pods"]
    )
    configs = tuple(
        SourcedConfig(config=_config(each["config"]), file=name, line=int(each["line"])) for each in content["configs"]
    )
    return Saved(
        name=name,
        url_digest=str(content["url_digest"]),
        etag=content["etag"],
        body=base64.b64decode(content["body"], validate=True),
        kept=FileState(pods=pods, configs=configs),
    )


def _pod(value: Any) -> Pod:
    return Pod.model_validate_json(json.dumps(value))


def _config(value: Any) -> ConfigObject:
    text = json.dumps(value)
    return Secret.model_validate_json(text) if value["kind"] == "Secret" else ConfigMap.model_validate_json(text)

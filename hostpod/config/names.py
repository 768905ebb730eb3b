"""Names that Kubernetes or the kernel take, and the default name of the node."""

from __future__ import annotations

import re
import socket

NODE_NAME_RANGE = "lower case letters, digits, - and ., each part beginning and ending with a letter or digit"
BRIDGE_RANGE = "1 to 15 bytes without /, : and white space"

IMAGE_PATTERN_RANGE = "REGISTRY/PATH without tag and digest, or REGISTRY/* or REGISTRY/PATH/* for all below it"

_NODE_NAME_CHARACTERS = 253
_LINK_NAME_BYTES = 15
_REGISTRY = (
    r"(?:[A-Za-z0-9-]+\.[A-Za-z0-9.-]+(?::[0-9]+)?|[A-Za-z0-9-]+:[0-9]+|localhost|\[[a-fA-F0-9:]+\](?::[0-9]+)?)"
)
_PATH = r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*"
_IMAGE_PATTERN = re.compile(rf"{_REGISTRY}(?:/{_PATH})*(?:/{_PATH}|/\*)")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def node_name(value: str) -> str:
    """A DNS subdomain, as Kubernetes wants it: it is a part of pods' names."""
    if len(value) > _NODE_NAME_CHARACTERS:
        raise ValueError(f'"{value[:20]}…" is too long for a node name, at most {_NODE_NAME_CHARACTERS} characters')
    if not all(_LABEL.fullmatch(part) for part in value.split(".")):
        raise ValueError(f'"{value}" cannot be used, must be {NODE_NAME_RANGE}')
    return value


def own_node_name() -> str:
    """The host name as a node name."""
    return fitted(socket.gethostname())


def fitted(host_name: str) -> str:
    """A host name in lower case, with - for what a node name cannot have: My_Host. is my-host."""
    parts = (re.sub(r"[^a-z0-9]+", "-", part).strip("-") for part in host_name.lower().split("."))
    return ".".join(part for part in parts if part)[:_NODE_NAME_CHARACTERS].rstrip("-.") or "localhost"


def image_pattern(value: str) -> str:
    """A repository by its whole name, or all below a place."""
    if not _IMAGE_PATTERN.fullmatch(value):
        raise ValueError(f'"{value}" cannot be used, must be {IMAGE_PATTERN_RANGE}')
    return value


def bridge(value: str) -> str:
    """The name of a network link, as the kernel takes it (dev_valid_name)."""
    size = len(value.encode(errors="surrogateescape"))
    if not 1 <= size <= _LINK_NAME_BYTES or value in {".", ".."} or re.search(r"[\s/:\0]", value):
        raise ValueError(f'"{value}" cannot be used, must be {BRIDGE_RANGE}')
    return value

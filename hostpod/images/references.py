"""Image references as docker, containerd and skopeo read them. Pure.

A short name means docker.io: `nginx` is docker.io/library/nginx:latest. Which mirror of docker.io is asked, and whether
it may be asked at all, is for skopeo and registries.conf to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hostpod.images.errors import InvalidImageNameError

NAME_LIMIT = 255

_HOST = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*"
_DOMAIN = re.compile(rf"(?:{_HOST}|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_ID = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """A normalised reference: it has a tag, or a digest, which then makes a tag meaningless."""

    domain: str
    path: str
    tag: str | None
    digest: str | None

    @property
    def name(self) -> str:
        """The repository: docker.io/library/nginx."""
        return f"{self.domain}/{self.path}"

    def __str__(self) -> str:
        return f"{self.name}@{self.digest}" if self.digest else f"{self.name}:{self.tag}"

    def at(self, digest: str) -> str:
        """The same repository at a digest."""
        return f"{self.name}@{digest}"


def parse_reference(text: str) -> Reference:
    """Read [DOMAIN/]PATH[:TAG][@DIGEST]; InvalidImageNameError says what is wrong with it."""
    rest, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _invalid(text, f'"{digest}" is no digest, write for example @sha256: and 64 hexadecimal digits')
    name, tag = _split_tag(rest)
    if tag is not None and not _TAG.fullmatch(tag):
        raise _invalid(text, f'"{tag}" is no tag: letters, digits, ".", "_" and "-", at most 128')
    domain, path = _split_domain(name)
    _check_name(text, domain, path)
    return Reference(domain=domain, path=path, tag=None if digest else tag or "latest", digest=digest or None)


def image_id(text: str) -> str | None:
    """`sha256:HEX` where the text is an image's id (with or without the prefix), else None."""
    match = _ID.fullmatch(text)
    return f"sha256:{match[1]}" if match else None


def _split_tag(rest: str) -> tuple[str, str | None]:
    """A colon is a tag's only behind the last slash: before it, it is a port's."""
    head, colon, tail = rest.rpartition(":")
    if not colon or "/" in tail:
        return rest, None
    return head, tail


def _split_domain(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if not slash or not (set(".:") & set(first) or first == "localhost" or first != first.lower()):
        first, rest = "docker.io", name
    if first == "index.docker.io":
        first = "docker.io"
    if first == "docker.io" and "/" not in rest:
        rest = f"library/{rest}"
    return first, rest


def _check_name(text: str, domain: str, path: str) -> None:
    if not text:
        raise InvalidImageNameError("invalid image name: it is empty")
    if not _DOMAIN.fullmatch(domain):
        raise _invalid(text, f'"{domain}" is no registry, write HOST or HOST:PORT')
    if not _PATH.fullmatch(path):
        why = "has upper case letters" if _PATH.fullmatch(path.lower()) else "is no repository name"
        raise _invalid(text, f'"{path.removeprefix("library/")}" {why}: lower case letters, digits, ".", "_", "-", "/"')
    if len(domain) + 1 + len(path) > NAME_LIMIT:
        raise _invalid(text, f"the name is longer than {NAME_LIMIT} characters")


def _invalid(text: str, why: str) -> InvalidImageNameError:
    return InvalidImageNameError(f'invalid image name "{text}": {why}')

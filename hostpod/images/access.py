"""Who may have an image that is here already, as the kubelet decides it. Pure.

The rules are those of k8s.io/kubernetes/pkg/kubelet/images/pullmanager: of each pull it is written down by which
credentials a repository gave the image; who has none of them has to ask the registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, assert_never

from hostpod.images.keyring import Key

Policy = Literal["NeverVerify", "NeverVerifyPreloadedImages", "NeverVerifyAllowlistedImages", "AlwaysVerify"]

# The kubelet's bound of what is written down for one image.
MOST_SECRETS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretAccess:
    """A Secret that opened a repository, and the fingerprint of what it held then."""

    uid: str
    namespace: str
    name: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """By what a repository gave an image: to the host itself (`node`), and so to every pod, or to those Secrets. Or it
    was `loaded` by this name from a file, and nobody was asked."""

    repository: str
    node: bool = False
    loaded: bool = False
    secrets: tuple[SecretAccess, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Verification:
    """When a pod has to show that it may have an image. `allowlist` has repositories, or ends with /*."""

    policy: Policy
    allowlist: tuple[str, ...] = ()


def access_by(repository: str, key: Key | None) -> Access:
    """That of a pull which was answered: with a pod's key, or with what the host has."""
    if key is None:
        return Access(repository=repository, node=True)
    return Access(repository=repository, secrets=(_shown(repository, key),))


def with_access(held: Iterable[Access], fresh: Access) -> tuple[Access, ...]:
    """What is known, and one more. A Secret counts with what it held last."""
    before = next((each for each in held if each.repository == fresh.repository), fresh)
    others = tuple(each for each in held if each.repository != fresh.repository)
    loaded = before.loaded or fresh.loaded
    if before.node or fresh.node:
        return (*others, Access(repository=fresh.repository, node=True, loaded=loaded))
    fresh_places = {_place(each) for each in fresh.secrets}
    secrets = (*(each for each in before.secrets if _place(each) not in fresh_places), *fresh.secrets)
    return (*others, replace(fresh, secrets=secrets[-MOST_SECRETS:], loaded=loaded))


def may_have(rules: Verification, repository: str, held: Sequence[Access], keys: Iterable[Key]) -> bool:
    """Whether a pod with these keys gets the image of this repository without a question to the registry."""
    return not _must_show(rules, repository, held) or _has_shown(repository, held, keys)


def _must_show(rules: Verification, repository: str, held: Sequence[Access]) -> bool:
    match rules.policy:
        case "NeverVerify":
            return False
        case "NeverVerifyPreloadedImages":
            return bool(held) and not any(each.loaded for each in held if each.repository == repository)
        case "NeverVerifyAllowlistedImages":
            return not any(_allows(each, repository) for each in rules.allowlist)
        case "AlwaysVerify":
            return True
        case _:
            assert_never(rules.policy)


def _allows(pattern: str, repository: str) -> bool:
    return repository.startswith(pattern[:-1]) if pattern.endswith("/*") else repository == pattern


def _has_shown(repository: str, held: Iterable[Access], keys: Iterable[Key]) -> bool:
    access = next((each for each in held if each.repository == repository), None)
    if access is None:
        return False
    places, fingerprints = {_place(each) for each in access.secrets}, {each.fingerprint for each in access.secrets}
    shown = [_shown(repository, key) for key in keys]
    return access.node or any(_place(each) in places or each.fingerprint in fingerprints for each in shown)


def _shown(repository: str, key: Key) -> SecretAccess:
    secret = key.secret
    return SecretAccess(
        uid=secret.uid,
        namespace=secret.namespace,
        name=secret.name,
        fingerprint=key.credential.fingerprint(repository),
    )


def _place(secret: SecretAccess) -> tuple[str, str, str]:
    return secret.uid, secret.namespace, secret.name

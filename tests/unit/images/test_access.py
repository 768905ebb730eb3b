"""Who gets an image that is here."""

from __future__ import annotations

from functools import reduce

import pytest

from hostpod.images.access import MOST_SECRETS, Access, Policy, Verification, access_by, may_have, with_access
from hostpod.images.keyring import Credential, Key, PullSecret

REPOSITORY = "reg.io/team/web"
PRELOADED = Verification(policy="NeverVerifyPreloadedImages")


def key(name: str = "s", password: str = "p", *, uid: str = "") -> Key:
    secret = PullSecret(uid=uid, namespace="n", name=name, entries=())
    return Key(secret=secret, credential=Credential(username="u", password=password))


def known(*keys: Key | None, repository: str = REPOSITORY) -> tuple[Access, ...]:
    nothing: tuple[Access, ...] = ()
    return reduce(with_access, (access_by(repository, each) for each in keys), nothing)


@pytest.mark.parametrize(
    ("keys", "may"),
    [
        ((key(),), True),
        ((key("other", "x"), key()), True),
        ((key("copy"),), True),  # the same credential
        ((key(password="rotated"),), True),  # the same Secret
        ((key(password="rotated", uid="another"),), False),
        ((key("other", "x"),), False),
        ((), False),
    ],
)
def test_a_pod_gets_what_its_secrets_opened(keys: tuple[Key, ...], *, may: bool) -> None:
    assert may_have(PRELOADED, REPOSITORY, known(key()), keys) is may


def test_what_the_host_may_have_is_for_every_pod() -> None:
    assert may_have(PRELOADED, REPOSITORY, known(key(), None), ())
    assert known(None, key()) == (Access(repository=REPOSITORY, node=True),)


def test_what_was_loaded_by_a_name_is_for_every_pod_by_this_name() -> None:
    """Also where the same image came from a registry, before or afterwards."""
    loaded = Access(repository="localhost/own", loaded=True)
    for held in (with_access(known(key()), loaded), with_access((loaded,), access_by(REPOSITORY, key()))):
        assert may_have(PRELOADED, "localhost/own", held, ())
        assert not may_have(PRELOADED, REPOSITORY, held, ())
        assert not may_have(Verification(policy="AlwaysVerify"), "localhost/own", held, ())
    for opened in (None, key()):
        held = with_access((loaded,), access_by("localhost/own", opened))
        assert held[0].loaded
        assert may_have(PRELOADED, "localhost/own", held, ())


def test_a_repository_says_nothing_of_another() -> None:
    held = (*known(key()), *known(None, repository="reg.io/public"))
    assert not may_have(PRELOADED, REPOSITORY, held, ())
    assert not may_have(PRELOADED, "reg.io/third", held, (key(),))
    assert may_have(PRELOADED, "reg.io/public", held, ())


@pytest.mark.parametrize(
    ("policy", "allowlist", "pulled", "preloaded"),
    [
        ("NeverVerify", (), True, True),
        ("NeverVerifyPreloadedImages", (), False, True),
        ("NeverVerifyAllowlistedImages", (), False, False),
        ("NeverVerifyAllowlistedImages", (REPOSITORY,), True, True),
        ("NeverVerifyAllowlistedImages", ("reg.io/team/*",), True, True),
        ("NeverVerifyAllowlistedImages", ("reg.io/tea/*", "reg.io/team", "reg.io/team/web2"), False, False),
        ("AlwaysVerify", (), False, False),
    ],
)
def test_policies(policy: Policy, allowlist: tuple[str, ...], *, pulled: bool, preloaded: bool) -> None:
    rules = Verification(policy=policy, allowlist=allowlist)
    assert may_have(rules, REPOSITORY, known(key()), ()) is pulled
    assert may_have(rules, REPOSITORY, (), ()) is preloaded


def test_a_secret_counts_with_what_it_held_last() -> None:
    held = known(key("a", "1"), key("b", "2"), key("a", "3"))
    (access,) = held
    assert [each.name for each in access.secrets] == ["b", "a"]
    assert not may_have(PRELOADED, REPOSITORY, held, (key("c", "1"),))
    assert may_have(PRELOADED, REPOSITORY, held, (key("c", "3"),))


def test_no_more_are_kept_than_anybody_needs() -> None:
    (access,) = known(*(key(f"s{number}", f"p{number}") for number in range(MOST_SECRETS + 5)))
    assert len(access.secrets) == MOST_SECRETS
    assert access.secrets[-1].name == f"s{MOST_SECRETS + 4}"

from __future__ import annotations

from typing import Any

import pytest

from hostpod.kube import Pod, ServiceAccountTokenProjection
from hostpod.volumes.tokens import account_of, claims_for, is_current, owner_of, renew_at

NOW = 1000.7


def pod(**spec: Any) -> Pod:
    containers = [{"name": "c", "image": "i"}]
    metadata = {"name": "web-lab", "namespace": "shop", "uid": "u1"}
    return Pod.model_validate({"metadata": metadata, "spec": {"containers": containers, **spec}})


def claims(now: float = NOW, *, of: Pod | None = None, issuer: str = "https://lab", **token: Any) -> dict[str, Any]:
    wish = ServiceAccountTokenProjection.model_validate({"path": "token", "expirationSeconds": 600, **token})
    return dict(claims_for(wish, of or pod(), issuer=issuer, node="lab", now=now))


def test_it_says_what_an_api_server_says() -> None:
    said = claims(audience="vault", of=pod(serviceAccountName="till"))
    assert len(said.pop("jti")) == 36
    account = said["kubernetes.io"].pop("serviceaccount")
    assert (account["name"], len(account["uid"])) == ("till", 36)
    assert said == {
        "aud": ["vault"],
        "exp": 1600,
        "iat": 1000,
        "iss": "https://lab",
        "kubernetes.io": {"namespace": "shop", "node": {"name": "lab"}, "pod": {"name": "web-lab", "uid": "u1"}},
        "nbf": 1000,
        "sub": "system:serviceaccount:shop:till",
    }
    assert list(claims()) == sorted(claims()), "in the order of an API server"


def test_without_a_word_it_is_for_the_issuer_and_for_an_hour() -> None:
    said = claims(expirationSeconds=None)
    assert (said["aud"], said["exp"]) == (["https://lab"], 4600)


def test_each_is_another_and_the_account_stays_the_same() -> None:
    one, two = claims(), claims()
    assert one["jti"] != two["jti"]
    assert one["kubernetes.io"] == two["kubernetes.io"]
    other = claims(issuer="https://peer")
    assert other["kubernetes.io"]["serviceaccount"]["uid"] != one["kubernetes.io"]["serviceaccount"]["uid"]


def test_the_account_of_a_pod() -> None:
    assert account_of(pod()) == "default"
    assert account_of(pod(serviceAccount="old")) == "old"
    assert account_of(pod(serviceAccount="old", serviceAccountName="new")) == "new"


@pytest.mark.parametrize(("life_s", "after_s"), [(600, 480), (3600, 2880), (2**32, 24 * 3600)])
def test_another_comes_after_four_fifths_of_its_life_or_a_day(life_s: int, after_s: int) -> None:
    assert renew_at(claims(expirationSeconds=life_s)) == 1000 + after_s


@pytest.mark.parametrize(
    ("held", "stays"),
    [
        (claims(NOW - 479), True),
        (claims(NOW - 480), False),
        (claims(NOW + 2), False),
        (claims(expirationSeconds=700), False),
        (claims(audience="other"), False),
        (claims(issuer="https://other"), False),
        (claims(of=pod(serviceAccountName="other")), False),
    ],
    ids=["young", "old", "of the future", "life", "audience", "issuer", "account"],
)
def test_one_stays_while_it_is_young_and_says_the_same(held: dict[str, Any], stays: bool) -> None:
    assert is_current(held, claims(NOW)) is stays


@pytest.mark.parametrize(
    ("spec", "owner"),
    [
        ({}, None),
        ({"securityContext": {"runAsUser": 5}}, 5),
        ({"containers": [{"name": "a", "securityContext": {"runAsUser": 6}}, {"name": "b"}]}, None),
        (
            {
                "securityContext": {"runAsUser": 5},
                "containers": [{"name": "a", "securityContext": {"runAsUser": 6}}, {"name": "b"}],
            },
            None,
        ),
        (
            {
                "securityContext": {"runAsUser": 5},
                "containers": [{"name": "a", "securityContext": {"runAsUser": 6}}],
                "initContainers": [{"name": "i", "securityContext": {"runAsUser": 6, "runAsGroup": 1}}],
            },
            6,
        ),
        ({"securityContext": {"runAsUser": 5}, "initContainers": [{"name": "i", "securityContext": {}}]}, 5),
    ],
)
def test_it_belongs_to_the_user_that_all_containers_run_as(spec: dict[str, Any], owner: int | None) -> None:
    assert owner_of(pod(**spec)) == owner

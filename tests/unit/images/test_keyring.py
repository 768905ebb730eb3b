"""Which credentials a pod's Secrets have for an image."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from hostpod.images.keyring import (
    Credential,
    PullSecret,
    UnusableSecretError,
    auth_file,
    keys_for,
    pull_secret,
    store_to_ask,
)
from hostpod.kube import Secret

JSON, OLD = "kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret(content: Any, *, kind: str = JSON, name: str = "s") -> Secret:
    key = ".dockercfg" if kind == OLD else ".dockerconfigjson"
    text = content if isinstance(content, str) else json.dumps(content)
    metadata = {"name": name, "namespace": "n", "uid": "u"}
    return Secret.model_validate({"metadata": metadata, "type": kind, "stringData": {key: text}})


def held(*keys: str, name: str = "s") -> PullSecret:
    """A user for each key, called by it."""
    return pull_secret(secret({"auths": {key: {"username": key, "password": name} for key in keys}}, name=name))


def users(image: str, *keys: str) -> list[str]:
    return [key.credential.username for key in keys_for([held(*keys)], image)]


@pytest.mark.parametrize(
    ("entry", "credential"),
    [
        ({"username": "a", "password": "b"}, Credential(username="a", password="b")),
        ({"auth": encoded("a:b:c"), "username": "x", "email": "e"}, Credential(username="a", password="b:c")),
        ({"auth": encoded("a:b").rstrip("=")}, Credential(username="a", password="b")),
        (
            {"auth": encoded("a:"), "identitytoken": "t"},
            Credential(username="a", password="", identity_token="t"),
        ),
        ({}, Credential(username="", password="")),
    ],
)
def test_both_types_are_read(entry: dict[str, Any], credential: Credential) -> None:
    entries = (("reg.example", credential),)
    expected = PullSecret(uid="u", namespace="n", name="s", entries=entries)
    assert pull_secret(secret({"auths": {"reg.example": entry}})) == expected
    assert pull_secret(secret({"reg.example": entry}, kind=OLD)) == expected


def test_one_without_credentials_has_none() -> None:
    assert pull_secret(secret({})).entries == ()
    assert pull_secret(secret({"auths": None})).entries == ()


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (secret({}, kind="Opaque"), f"its type is none of {JSON} and {OLD}"),
        (Secret.model_validate({"metadata": {}}), f"its type is none of {JSON} and {OLD}"),
        (Secret.model_validate({"metadata": {}, "type": JSON}), ".dockerconfigjson is no JSON"),
        (secret("hunter2"), ".dockerconfigjson is no JSON"),
        (secret({"auths": "hunter2"}), "its credentials are no JSON object"),
        (secret({"auths": {"https://u:hunter2@reg": "hunter2"}}), "entry 1 of its auths is no JSON object"),
        (secret({"auths": {"a": {}, "b": {"auth": 3}}}), "auth in entry 2 of its auths is no text"),
        (secret({"a": {"auth": "hunter2"}}, kind=OLD), "auth in entry 1 of its auths is not base64 of USER:PASSWORD"),
        (
            secret({"a": {"auth": encoded("hunter2")}}, kind=OLD),
            "auth in entry 1 of its auths is not base64 of USER:PASSWORD",
        ),
    ],
)
def test_what_cannot_be_used_is_told_without_its_contents(made: Secret, why: str) -> None:
    with pytest.raises(UnusableSecretError) as caught:
        pull_secret(made)
    assert str(caught.value) == why
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "key",
    [
        "reg.example.com",
        "reg.example.com/",
        "https://reg.example.com",
        "http://reg.example.com/v1/",
        "https://reg.example.com/v2/",
        "https://somebody@reg.example.com",
        "reg.example.com/team",
        "reg.example.com/v2/team",
        "reg.example.com/team/we",  # as Kubernetes has it: the text begins so
        "*.example.com",
        "reg.*.com",
        "r*g.example.com/team",
        "*.*.*",
    ],
)
def test_a_key_that_fits(key: str) -> None:
    assert users("reg.example.com/team/web", key) == [key]


@pytest.mark.parametrize(
    "key",
    [
        "example.com",
        "*.com",
        "a.reg.example.com",
        "*.reg.example.com",
        "reg.example.com:443",
        "reg.example.com/other",
        "reg.example.com/team/web/more",
        "docker.io",
        "index.docker.io",
        "",
        "https://[broken",
    ],
)
def test_a_key_that_does_not_fit(key: str) -> None:
    assert users("reg.example.com/team/web", key) == []


def test_ports() -> None:
    assert users("reg:5000/web", "reg", "reg:5000", "reg:5001", "*:5000") == ["reg:5000", "*:5000"]
    assert users("[::1]:5000/web", "[::1]:5000", "[::1]") == ["[::1]:5000"]


@pytest.mark.parametrize("key", ["docker.io", "docker.io/library", "https://index.docker.io/v1/", "index.docker.io"])
def test_docker_io_has_an_old_name(key: str) -> None:
    assert users("docker.io/library/web", key) == [key]


def test_the_old_name_counts_where_nothing_else_does() -> None:
    assert users("docker.io/library/web", "https://index.docker.io/v1/", "docker.io") == ["docker.io"]


def test_the_most_exact_comes_first_and_secrets_are_in_their_order() -> None:
    first, second = held("reg.io", "reg.io/team", name="first"), held("reg.io/team", "*.io", name="second")
    found = [(key.secret.name, key.credential.username) for key in keys_for([first, second], "reg.io/team/web")]
    assert found == [("first", "reg.io/team"), ("second", "reg.io/team"), ("first", "reg.io"), ("second", "*.io")]


def test_the_same_twice_is_tried_once() -> None:
    one = held("reg.io")
    assert len(keys_for([one, one], "reg.io/web")) == 1


def test_a_fingerprint_tells_them_apart() -> None:
    one, other = Credential(username="a", password="b"), Credential(username="ab", password="")
    assert one.fingerprint("r") == Credential(username="a", password="b").fingerprint("r")
    assert len({one.fingerprint("r"), other.fingerprint("r"), one.fingerprint("q")}) == 3


def test_they_are_not_shown() -> None:
    shown = repr(keys_for([held("reg.io", name="hunter2")], "reg.io/web")[0])
    assert "password" not in shown
    assert "username" not in shown


def test_what_skopeo_is_given() -> None:
    credential = Credential(username="a", password="b", identity_token="t")
    entry = {"auth": encoded("a:b"), "identitytoken": "t"}
    assert json.loads(auth_file("reg.io/web", credential)) == {"auths": {"reg.io/web": entry}}
    plain = Credential(username="a", password="b")
    assert json.loads(auth_file("reg.io/web", plain)) == {"auths": {"reg.io/web": {"auth": encoded("a:b")}}}


@pytest.mark.parametrize(
    ("document", "domain", "asked"),
    [
        ({"credsStore": "s"}, "reg.io", ("s", "reg.io")),
        ({"credsStore": "s"}, "docker.io", ("s", "https://index.docker.io/v1/")),
        ({"credsStore": "s", "auths": {"reg.io": {}}}, "reg.io", ("s", "reg.io")),
        ({"credsStore": "s", "auths": {"reg.io": {"auth": "YTpi"}}}, "reg.io", None),
        ({"credsStore": "s", "credHelpers": {"reg.io": "t"}}, "reg.io", None),
        ({"credsStore": "s", "credHelpers": {"other.io": "t"}}, "reg.io", ("s", "reg.io")),
        ({"credsStore": 3}, "reg.io", None),
        ({}, "reg.io", None),
        ([], "reg.io", None),
        (None, "reg.io", None),
    ],
)
def test_the_store_of_all_credentials(document: Any, domain: str, asked: tuple[str, str] | None) -> None:
    assert store_to_ask(document, domain) == asked

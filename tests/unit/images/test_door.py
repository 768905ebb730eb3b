"""Who gets an image by which of its names, and who shares a pull."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hostpod.config import ImagesConfig
from hostpod.images.access import access_by
from hostpod.images.door import Door, flight_key, never_pulled, no_key_fits, no_such_id
from hostpod.images.keyring import Credential, PullSecret, keys_for
from hostpod.images.references import parse_reference
from tests.unit.images.test_catalogue import add, opened

NAME = "reg.io/team/web:1"
WEB = parse_reference(NAME)


def secret(name: str, password: str, where: str = "reg.io") -> PullSecret:
    entry = (where, Credential(username="u", password=password))
    return PullSecret(uid="", namespace="n", name=name, entries=(entry,))


def test_names_and_ids(tmp_path: Path) -> None:
    catalogue = opened(tmp_path)
    image = add(catalogue, "a", NAME, "reg.io/public:1")
    door = Door(catalogue, ImagesConfig())
    one, other = secret("one", "1"), secret("other", "2")
    assert door.lets_in(image, NAME, ())  # nobody had it from a registry yet
    assert door.lets_in(image, image.id, ())
    (key,) = keys_for((one,), WEB.name)
    asyncio.run(catalogue.grant(image.id, access_by(WEB.name, key)))
    for name in (NAME, image.id):
        assert door.lets_in(image, name, (one,))
        assert not door.lets_in(image, name, (other,))
        assert not door.lets_in(image, name, ())
    asyncio.run(catalogue.grant(image.id, access_by("reg.io/public", None)))
    assert door.lets_in(image, image.id, ())
    assert not door.lets_in(image, NAME, ())
    door.reconfigure(ImagesConfig(pull_credentials_verification="NeverVerify"))
    assert door.lets_in(image, NAME, ())


def test_what_a_registry_gave_is_known_after_a_restart(tmp_path: Path) -> None:
    catalogue = opened(tmp_path)
    image = add(catalogue, "a", NAME)
    access = access_by(WEB.name, None)
    asyncio.run(catalogue.grant(image.id, access))
    asyncio.run(catalogue.grant(image.id, access))
    asyncio.run(catalogue.grant("sha256:0", access))
    assert opened(tmp_path).access(image.id) == (access,)
    assert opened(tmp_path).access("sha256:0") == ()


def test_a_pull_is_shared_by_those_who_show_the_same() -> None:
    shown = [(), (secret("a", "1"),), (secret("a", "2"),), (secret("b", "1"),), (secret("a", "1"), secret("b", "2"))]
    keys = [flight_key(WEB, keys_for(secrets, WEB.name)) for secrets in shown]
    assert len(set(keys)) == len(shown)
    assert keys[0] == NAME
    assert keys[1] == flight_key(WEB, keys_for((secret("a", "1"),), WEB.name))
    assert flight_key(WEB, keys_for((secret("a", "1", "other.io"),), WEB.name)) == NAME


def test_words() -> None:
    assert never_pulled("web", is_here=False) == 'image "web" is not on this host and imagePullPolicy is Never'
    assert never_pulled("web", is_here=True) == (
        'Container image "web" is present with pull policy of Never but does not have the proper credentials to '
        "access the image"
    )
    assert no_such_id("1", is_here=False) == 'no image on this host has the id "1"; pull it by its name'
    assert "came with credentials that the pod does not have" in no_such_id("1", is_here=True)
    secrets = (secret("a", "1"), secret("b", "2"))
    words = '; of imagePullSecrets ("a", "b") none is for reg.io/team/web'
    assert no_key_fits(WEB, secrets, "unauthorized: authentication required") == words
    assert no_key_fits(WEB, secrets, "connection refused") == no_key_fits(WEB, (), "unauthorized") == ""

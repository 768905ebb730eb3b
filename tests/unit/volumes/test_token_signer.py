from __future__ import annotations

import json
from pathlib import Path

import jwt
import pytest

from hostpod.kube import Pod, Volume
from hostpod.volumes import VolumeError
from hostpod.volumes.token_files import TokenMaker
from hostpod.volumes.token_signer import KEY_FILE, TokenSigner

CLAIMS = {"iss": "https://lab", "exp": 5, "iat": 1}
POD = Pod.model_validate(
    {
        "metadata": {"name": "web-lab", "namespace": "default", "uid": "u1"},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a key: making one takes long."""
    directory = tmp_path_factory.mktemp("keys")
    TokenSigner(directory).sign(CLAIMS)
    return directory


def test_what_is_signed_is_verified_by_the_public_keys(keys: Path) -> None:
    signer = TokenSigner(keys)
    token = signer.sign(CLAIMS)
    (public,) = signer.public_keys()["keys"]
    assert list(public) == ["use", "kty", "kid", "alg", "n", "e"], "and nothing of the private part"
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "kid": public["kid"], "typ": "JWT"}
    key = jwt.PyJWK.from_json(json.dumps(public))
    options = {"verify_exp": False}
    assert jwt.decode(token, key, issuer="https://lab", options={**options}) == CLAIMS  # type: ignore[arg-type]


def test_the_key_is_kept_and_its_owners_alone(keys: Path) -> None:
    path = keys / KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    before = path.read_bytes()
    assert TokenSigner(keys).read(TokenSigner(keys).sign(CLAIMS)) == CLAIMS
    assert path.read_bytes() == before


def test_the_directory_of_a_new_key(tmp_path: Path) -> None:
    TokenSigner(tmp_path / "a" / "keys").public_keys()
    assert (tmp_path / "a" / "keys").stat().st_mode & 0o777 == 0o700


def test_what_another_has_signed_is_nothing(keys: Path, tmp_path: Path) -> None:
    other = TokenSigner(tmp_path).sign(CLAIMS)
    assert TokenSigner(keys).read(other) is None
    assert TokenSigner(keys).read(b"none at all") is None


def test_a_key_that_is_none_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("mine")
    with pytest.raises(VolumeError, match="is no RSA key in PEM without a password: remove it, and another is made"):
        TokenSigner(tmp_path).sign(CLAIMS)
    assert (tmp_path / KEY_FILE).read_text() == "mine"
    (tmp_path / KEY_FILE).unlink()
    (tmp_path / KEY_FILE).mkdir()
    with pytest.raises(VolumeError, match=r"cannot read the key of tokens .*: is a directory"):
        TokenSigner(tmp_path).public_keys()


def test_a_key_that_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VolumeError, match="cannot read the key of tokens"):
        TokenSigner(tmp_path / "file" / "keys").sign(CLAIMS)
    (tmp_path / f".{KEY_FILE}.tmp").mkdir()
    with pytest.raises(VolumeError, match="cannot keep the key of tokens: cannot write"):
        TokenSigner(tmp_path).sign(CLAIMS)


def test_a_token_that_is_shown_already_stays(keys: Path, tmp_path: Path) -> None:
    maker = TokenMaker(signer=TokenSigner(keys), issuer="https://lab", node="lab")
    source = {"serviceAccountToken": {"path": "t/token", "expirationSeconds": 600}}
    volume = Volume.model_validate({"name": "v", "projected": {"sources": [source, {"secret": {"name": "s"}}]}})
    first = maker.tokens_of(volume, POD, tmp_path)["t/token"]
    (tmp_path / "t").mkdir()
    (tmp_path / "t/token").write_bytes(first.content)
    assert maker.tokens_of(volume, POD, tmp_path) == {"t/token": first}
    (tmp_path / "t/token").write_bytes(maker.signer.sign({**CLAIMS, "sub": "other"}))
    other = maker.tokens_of(volume, POD, tmp_path)["t/token"]
    assert other.content != first.content
    assert abs(other.renew_at - first.renew_at) < 60
    assert maker.tokens_of(Volume(name="w"), POD, tmp_path) == {}

"""The key that tokens of service accounts are signed with: made when it is first needed, and never shown."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from hostpod.host.store import StoreError, write_atomic
from hostpod.volumes.errors import VolumeError, reason
from hostpod.volumes.tokens import Claims

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

# The one that every verifier of OpenID tokens knows.
ALGORITHM = "RS256"
_BITS = 2048
KEY_FILE = "signing-key.pem"


class TokenSigner:
    """Signs with the key in `directory`. Its verbs may block, and may be called from several threads."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / KEY_FILE
        self._lock = Lock()
        self._key: RSAPrivateKey | None = None

    def sign(self, claims: Claims) -> bytes:
        """A token that says so. Raises VolumeError where the key cannot be had."""
        import jwt  # noqa: PLC0415 - with what it loads a tenth of a second, and most hosts have no tokens

        key = self._have_key()
        return jwt.encode(dict(claims), key, algorithm=ALGORITHM, headers={"kid": _key_id(key)}).encode()

    def read(self, token: bytes) -> Claims | None:
        """What a token says; None where this key has not signed it."""
        import jwt  # noqa: PLC0415

        key = self._have_key().public_key()
        options: Any = {f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss")}
        try:
            return dict(jwt.decode(token, key, algorithms=[ALGORITHM], options=options))
        except jwt.InvalidTokenError:
            return None

    def public_keys(self) -> Mapping[str, Any]:
        """The JSON Web Key Set that verifiers read."""
        from jwt.algorithms import RSAAlgorithm  # noqa: PLC0415

        key = self._have_key()
        public = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        shown = {"use": "sig", "kty": public["kty"], "kid": _key_id(key), "alg": ALGORITHM}
        return {"keys": [{**shown, "n": public["n"], "e": public["e"]}]}

    def _have_key(self) -> RSAPrivateKey:
        with self._lock:
            if self._key is None:
                self._key = self._found() or self._made()
            return self._key

    def _found(self) -> RSAPrivateKey | None:
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise VolumeError(f"cannot read the key of tokens {self._path}: {reason(error)}") from error
        try:
            key = load_pem_private_key(content, password=None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, RSAPrivateKey):
            raise VolumeError(f"{self._path} is no RSA key in PEM without a password: remove it, and another is made")
        return key

    def _made(self) -> RSAPrivateKey:
        from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            Encoding,
            NoEncryption,
            PrivateFormat,
        )

        key = generate_private_key(public_exponent=65537, key_size=_BITS)
        content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomic(self._path, content, durable=True)
        except OSError as error:
            raise VolumeError(f"cannot make {self._path.parent}: {reason(error)}") from error
        except StoreError as error:
            raise VolumeError(f"cannot keep the key of tokens: {error}") from error
        return key


def _key_id(key: RSAPrivateKey) -> str:
    """As the API server names its keys: a digest of the public one."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.urlsafe_b64encode(hashlib.sha256(public).digest()).rstrip(b"=").decode()

"""The tokens of a projected volume: those that it shows already as long as they may stay, else new ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hostpod.host.clock import now
from hostpod.kube import Pod, ServiceAccountTokenProjection, Volume
from hostpod.volumes.token_signer import TokenSigner
from hostpod.volumes.tokens import claims_for, is_current, renew_at


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """One token, and when another takes its place (wall seconds)."""

    content: bytes
    renew_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenMaker:
    """What tokens of this host are made from: who signs, in whose name, on which node."""

    signer: TokenSigner
    issuer: str
    node: str

    def tokens_of(self, volume: Volume, pod: Pod, directory: Path) -> Mapping[str, Token]:
        """The tokens of a volume by their paths; `directory` shows those of before, if any. Raises VolumeError."""
        return {wish.path: self._token(wish, pod, directory / wish.path) for wish in _wishes(volume)}

    def _token(self, wish: ServiceAccountTokenProjection, pod: Pod, shown: Path) -> Token:
        wanted = claims_for(wish, pod, issuer=self.issuer, node=self.node, now=now())
        if (before := _content(shown)) is not None:
            held = self.signer.read(before)
            if held is not None and is_current(held, wanted):
                return Token(content=before, renew_at=renew_at(held))
        return Token(content=self.signer.sign(wanted), renew_at=renew_at(wanted))


def _wishes(volume: Volume) -> Iterator[ServiceAccountTokenProjection]:
    for source in volume.projected.sources if volume.projected else ():
        if source.service_account_token is not None:
            yield source.service_account_token


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return None

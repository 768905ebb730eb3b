"""What is remembered of an archive while it is read, in bytes: a small archive may say much. Pure."""

from __future__ import annotations

from hostpod.images.tarheader import TarError

LIMIT_BYTES = 128 << 20


class Held:
    """Ask before something is kept."""

    def __init__(self) -> None:
        self._bytes = 0

    def take(self, size: int) -> None:
        """TarError where it is too much."""
        self._bytes += size
        if self._bytes > LIMIT_BYTES:
            raise TarError(f"its paths and attributes take more than {LIMIT_BYTES >> 20} MiB")

"""nftables by libnftables, in this process: a text in nft's own language is one transaction, and no program is run."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from hostpod.network.errors import NetworkError

LIBRARY = "libnftables.so.1"


class NftablesError(NetworkError):
    """nftables refused a transaction; the message has its own words."""


@cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise NetworkError(f"cannot load {LIBRARY}: install the package nftables") from error
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_ctx_new.argtypes = [ctypes.c_uint32]
    for name in ("nft_ctx_get_output_buffer", "nft_ctx_get_error_buffer"):
        function = getattr(library, name)
        function.restype = ctypes.c_char_p
        function.argtypes = [ctypes.c_void_p]
    for name in ("nft_ctx_buffer_output", "nft_ctx_buffer_error", "nft_ctx_free"):
        getattr(library, name).argtypes = [ctypes.c_void_p]
    library.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    return library


@contextmanager
def _context(library: ctypes.CDLL) -> Iterator[int]:
    context = library.nft_ctx_new(0)
    if not context:
        raise NftablesError("cannot speak to nftables: the library did not start")
    try:
        library.nft_ctx_buffer_output(context)
        library.nft_ctx_buffer_error(context)
        yield int(context)
    finally:
        library.nft_ctx_free(context)


def run(commands: str, *, what: str) -> str:
    """Run commands as one transaction, and return what they print. `what` says in an error what could not be done."""
    library = _library()
    with _context(library) as context:
        if library.nft_run_cmd_from_buffer(context, commands.encode()) != 0:
            words = library.nft_ctx_get_error_buffer(context).decode(errors="replace").strip().splitlines()
            raise NftablesError(f"cannot {what}: nftables says {words[0] if words else 'nothing'}")
        return str(library.nft_ctx_get_output_buffer(context).decode(errors="replace"))


def tables() -> frozenset[str]:
    """Names of the tables of family inet."""
    lines = run("list tables inet", what="list the tables of nftables").splitlines()
    return frozenset(line.split()[2] for line in lines if line.startswith("table inet "))

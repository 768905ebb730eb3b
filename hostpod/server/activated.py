"""Sockets that systemd has opened, compared with the settings: what is served, and what to do where the two differ."""

from __future__ import annotations

import grp
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from hostpod.config import HttpConfig, SocketConfig

_CONTROL = "hostpod.socket"
_READONLY = "hostpod-readonly.socket"


def differences(
    unix: Sequence[socket.socket], tcp: Sequence[socket.socket], *, http: HttpConfig, control: SocketConfig
) -> Iterator[str]:
    """A line for each setting that says something else than the sockets that were handed over."""
    if unix:
        yield from _of_control([Path(each.getsockname()) for each in unix], control)
    if tcp:
        yield from _of_port([each.getsockname()[:2] for each in tcp], http)


def _of_control(held: Sequence[Path], control: SocketConfig) -> Iterator[str]:
    if control.path not in held:
        yield _words("socket.path", str(control.path), str(held[0]), unit=_CONTROL, line="ListenStream=")
        return
    with suppress(OSError):  # somebody has removed it
        if control.path.stat().st_gid != wanted_group(control.group):
            owner = f"a socket of the group {_group_name(control.path)}"
            yield _words("socket.group", control.group, owner, unit=_CONTROL, line="SocketGroup=")


def _of_port(held: Sequence[tuple[str, int]], http: HttpConfig) -> Iterator[str]:
    shown = " and ".join(f"{address}:{port}" for address, port in held)
    if not http.read_only_port:
        yield (
            f"http.readOnlyPort is 0, but systemd has opened {shown}: nothing is answered there; to close it: "
            f"systemctl mask --now {_READONLY} && systemctl restart hostpod"
        )
    elif (http.address, http.read_only_port) not in held:
        wanted = f"{http.address}:{http.read_only_port}"
        yield _words("http.address and http.readOnlyPort", wanted, shown, unit=_READONLY, line="ListenStream=")


def _words(setting: str, wanted: str, held: str, *, unit: str, line: str) -> str:
    verb = "are" if " and " in setting else "is"
    return (
        f"{setting} {verb} {wanted}, but systemd has opened {held}, and that is served; for what the settings say: "
        f"systemctl mask --now {unit} && systemctl restart hostpod, or write the same {line} with systemctl edit {unit}"
    )


def wanted_group(group: str) -> int:
    """The group's id; that of this process where there is no such group."""
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return os.getegid()


def _group_name(path: Path) -> str:
    try:
        return path.group()
    except KeyError:
        return str(path.stat().st_gid)

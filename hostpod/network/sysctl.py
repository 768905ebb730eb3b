"""The kernel's network settings that hostpod changes: on its own bridge, in pods, and forwarding on the host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hostpod.network.errors import NetworkError

# The files show the settings of the network namespace of the thread that opens them.
_NETWORK = Path("/proc/sys/net")
_FORWARD = "ipv4/ip_forward"
_LINKS6 = "ipv6/conf"
_FORWARD6 = f"{_LINKS6}/all/forwarding"


def _write(setting: str, value: str) -> None:
    path = _NETWORK / setting
    try:
        path.write_text(value)
    except OSError as error:
        raise NetworkError(f"cannot write {value} to {path}: {(error.strerror or '').lower()}") from error


def turn_off_ipv6(link: str) -> None:
    """No IPv6 on a link (`default`: on links to come), so no router advertisement from a pod is believed.

    A kernel without IPv6 has nothing to turn off.
    """
    setting = f"ipv6/conf/{link}/disable_ipv6"
    if (_NETWORK / setting).exists():
        _write(setting, "1")


def turn_on_ipv6(link: str) -> None:
    """IPv6 on a link (`default`: on links to come) with no other addresses and routes than those that it is given.

    Nobody asks whether another has them, which would take a second, and no router advertisement is believed.
    """
    for setting, value in (("accept_ra", "0"), ("accept_dad", "0"), ("disable_ipv6", "0")):
        _write(f"{_LINKS6}/{link}/{setting}", value)


def has_ipv6() -> bool:
    """Whether this kernel speaks IPv6."""
    return (_NETWORK / _LINKS6).is_dir()


def settle_bridge(bridge: str, *, ipv6: bool) -> None:
    """Forward what pods send, also where new links of the host do not, and take part in IPv6 only where pods do."""
    if ipv6:
        turn_on_ipv6(bridge)
    else:
        turn_off_ipv6(bridge)
    _write(f"ipv4/conf/{bridge}/forwarding", "1")


def take_answers_to_localhost(bridge: str) -> None:
    """Let 127.0.0.1 be answered over the bridge: that is what a program of the host asks a pod through a host port as.

    Without it the kernel drops such packets as forged. What pods send there of their own the firewall drops, so it must
    be there first.
    """
    _write(f"ipv4/conf/{bridge}/route_localnet", "1")


def enable_forwarding(note: Path) -> None:
    """Let the host forward IPv4. What was set before is noted, unless a note is there from an earlier start."""
    before = (_NETWORK / _FORWARD).read_text().strip()
    if not note.exists():
        note.write_text(before)
    if before != "1":
        _write(_FORWARD, "1")


def restore_forwarding(note: Path) -> None:
    """Set forwarding back to what was noted, and remove the note; nothing without one."""
    with suppress(FileNotFoundError):
        if note.read_text().strip() == "0":
            _write(_FORWARD, "0")
        note.unlink()


def enable_forwarding6(note: Path) -> None:
    """Let the host forward IPv6, and go on to learn its own way out from router advertisements where it did.

    A kernel that forwards forgets the default routes of links whose accept_ra is 1, and learns no more there; with 2 it
    does neither. Noted are the setting before, and the links (and `default`) whose accept_ra was raised.
    """
    before = (_NETWORK / _FORWARD6).read_text().strip()
    first, *raised = (note.read_text().split() if note.exists() else []) or [before]
    learning = sorted(_learning_links()) if before != "1" else []
    note.write_text("\n".join((first, *raised, *(link for link in learning if link not in raised))))
    for link in learning:
        _change_accept_ra(link, "1", "2")
    if before != "1":
        _write(_FORWARD6, "1")


def restore_forwarding6(note: Path) -> None:
    """Set forwarding and accept_ra back to what was noted, and remove the note; nothing without one."""
    with suppress(FileNotFoundError):
        first, *raised = note.read_text().split() or ["1"]
        if first == "0":
            _write(_FORWARD6, "0")
        for link in raised:
            _change_accept_ra(link, "2", "1")
        note.unlink()


def _learning_links() -> Iterator[str]:
    for path in (_NETWORK / _LINKS6).iterdir():
        with suppress(OSError):  # the link has gone meanwhile
            accepts, forwards = ((path / name).read_text().strip() for name in ("accept_ra", "forwarding"))
            if path.name != "all" and (accepts, forwards) == ("1", "0"):
                yield path.name


def _change_accept_ra(link: str, before: str, after: str) -> None:
    path = _NETWORK / _LINKS6 / link / "accept_ra"
    with suppress(FileNotFoundError):  # the link has gone
        if path.read_text().strip() == before:
            _write(f"{_LINKS6}/{link}/accept_ra", after)

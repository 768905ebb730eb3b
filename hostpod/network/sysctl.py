"""The kernel's network settings that hostpod changes: on its own bridge, in pods, and forwarding on the host."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from hostpod.network.errors import NetworkError

# The files show the settings of the network namespace of the thread that opens them.
_NETWORK = Path("/proc/sys/net")
_FORWARD = "ipv4/ip_forward"


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


def settle_bridge(bridge: str) -> None:
    """Forward what pods send, also where new links of the host do not, and take no part in IPv6."""
    turn_off_ipv6(bridge)
    _write(f"ipv4/conf/{bridge}/forwarding", "1")


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

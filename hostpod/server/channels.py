"""The framing of exec over WebSocket, v4.channel.k8s.io and v5: the first byte of a message is its channel. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

# v5 adds the end of stdin; the client names what it speaks, best first.
PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2
ERROR: Final = 3
RESIZE: Final = 4
CLOSE: Final = 255


def pack(channel: int, data: bytes) -> bytes:
    """A message for a channel."""
    return bytes((channel,)) + data


def unpack(message: bytes) -> tuple[int, bytes]:
    """Channel and data of a message; an empty one is an empty write to stdin."""
    return (message[0], message[1:]) if message else (STDIN, b"")


def pack_resize(*, columns: int, rows: int) -> bytes:
    """A message that tells the terminal's size."""
    return pack(RESIZE, json.dumps({"Width": columns, "Height": rows}).encode())


def unpack_resize(data: bytes) -> tuple[int, int] | None:
    """(columns, rows); None for what is no size."""
    try:
        size = json.loads(data)
        columns, rows = int(size["Width"]), int(size["Height"])
    except (ValueError, KeyError, TypeError):
        return None
    return (columns, rows) if 0 < columns < 65536 and 0 < rows < 65536 else None


def command_status(exit_code: int) -> dict[str, Any]:
    """The Status that ends an exec: Success, or a NonZeroExitCode failure whose cause holds the code."""
    if exit_code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {exit_code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(exit_code)}]},
    }


def command_exit_code(status: Mapping[str, Any]) -> int | None:
    """The exit code that `command_status` wrote; None where the Status tells of another failure."""
    if status.get("status") == "Success":
        return 0
    if status.get("reason") != "NonZeroExitCode":
        return None
    causes = status.get("details", {}).get("causes", [])
    codes = [cause["message"] for cause in causes if cause.get("reason") == "ExitCode"]
    return int(codes[0]) if codes else None

"""What can go wrong with the pod network; every message can be shown to a person as it is."""

from __future__ import annotations

import os


class NetworkError(Exception):
    """The pod network cannot be set up, or a pod cannot be joined to it."""


class NetlinkError(NetworkError):
    """The kernel refused a change; `number` is its errno."""

    def __init__(self, what: str, number: int, detail: str = "") -> None:
        self.number = number
        reason = os.strerror(number).lower()
        super().__init__(f"cannot {what}: {reason} ({detail})" if detail else f"cannot {what}: {reason}")

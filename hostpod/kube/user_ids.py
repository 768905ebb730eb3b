"""The ids of a pod with a user namespace of its own (`hostUsers: false`). Pure."""

from __future__ import annotations

from typing import Final

IDS: Final = 65536
"""How many users and groups each has, from 0 on: the kubelet's number."""

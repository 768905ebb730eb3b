"""hostpod's own nftables table on this host. Blocking: call it in a thread."""

from __future__ import annotations

from hostpod.network import libnftables
from hostpod.network.errors import NetworkError
from hostpod.network.firewall import is_ours, removal


def replace_table(name: str, rules: str) -> None:
    """Replace the table as a whole in one transaction; NetworkError when one of that name is somebody else's."""
    if _exists(name) and not _is_ours(name):
        raise NetworkError(
            f"cannot use nftables table inet {name}: it is there and hostpod did not make it; "
            "set network.table to another name"
        )
    libnftables.run(rules, what=f"write nftables table {name}")


def remove_table(name: str) -> None:
    """Remove the table; nothing when there is none, or one of somebody else's."""
    if _exists(name) and _is_ours(name):
        libnftables.run(removal(name), what=f"remove nftables table {name}")


def _exists(name: str) -> bool:
    return name in libnftables.tables()


def _is_ours(name: str) -> bool:
    return is_ours(libnftables.run(f"list table inet {name}", what=f"read nftables table {name}"))

"""hostpod's own nftables table on this host. Blocking: call it in a thread."""

from __future__ import annotations

from hostpod.network import libnftables
from hostpod.network.errors import NetworkError
from hostpod.network.firewall import is_ours, removal


def replace_table(name: str, rules: str) -> None:
    """Replace the table as a whole in one transaction; NetworkError when one of that name is somebody else's."""
    _exists(name)
    libnftables.run(rules, what=f"write nftables table {name}")


def remove_table(name: str) -> None:
    """Remove the table; nothing when there is none."""
    if _exists(name):
        libnftables.run(removal(name), what=f"remove nftables table {name}")


def _exists(name: str) -> bool:
    if name not in libnftables.tables():
        return False
    if not is_ours(libnftables.run(f"list table inet {name}", what=f"read nftables table {name}")):
        raise NetworkError(
            f"cannot use nftables table inet {name}: it is there and hostpod did not make it; "
            "set network.table to another name"
        )
    return True

"""Which kernel parameters of its namespaces a pod may set. Pure; the list and the words are the kubelet's.

Those that are safe change nothing for other pods and the host; the others have to be allowed by a setting.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

SAFE = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
FORBIDDEN = "SysctlForbidden"


def forbidden(names: Iterable[str], allowed: Collection[str]) -> str | None:
    """Why a pod that sets these is not run; `allowed` are names and patterns like `net.core.*`."""
    for name in sorted(names):
        if name not in SAFE and not any(fnmatchcase(name, pattern) for pattern in allowed):
            return f'forbidden sysctl: "{name}" not allowlisted: remove it, or name it in security.allowedUnsafeSysctls'
    return None

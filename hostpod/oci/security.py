"""What a container's process may do: the words of its securityContext, and of its pod's where it says nothing. Pure.

The rules are the kubelet's (pkg/securitycontext), and CRI-O's for capabilities.
"""

from __future__ import annotations

from collections.abc import Iterable

from hostpod.kube import Container, SecurityContext
from hostpod.oci.defaults import CAPABILITIES
from hostpod.oci.values import SpecError

_ALL = "ALL"

# linux/capability.h, by their numbers.
KNOWN_CAPABILITIES = (
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
    "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
)  # fmt: skip


def of_container(container: Container) -> SecurityContext:
    """Its securityContext; an empty one where it has none."""
    return container.security_context or SecurityContext()


def is_privileged(container: Container) -> bool:
    """Whether nothing is kept from it but what namespaces keep."""
    return bool(of_container(container).privileged)


def capabilities(container: Container, mask: int) -> tuple[str, ...]:
    """Those that it may have, by number; `mask` has a bit for each that this host can give.

    `drop: [ALL]` leaves just what is added, `add: [ALL]` all but what is dropped; of a name in both it is dropped.
    SpecError for a name that this host does not have.
    """
    known = tuple(name for bit, name in enumerate(KNOWN_CAPABILITIES) if mask >> bit & 1)
    if is_privileged(container):
        return known
    wanted = of_container(container).capabilities
    add, drop = (_names(wanted.add, known), _names(wanted.drop, known)) if wanted else (set(), set())
    base = set() if _ALL in drop else set(known) if _ALL in add else set(CAPABILITIES)
    has = (base | add) - drop
    return tuple(name for name in known if name in has)


def _names(words: Iterable[str], known: tuple[str, ...]) -> set[str]:
    found = set()
    for word in words:
        name = word.upper()
        if name != _ALL:
            name = name if name.startswith("CAP_") else f"CAP_{name}"
            if name not in known:
                raise SpecError(f'this host has no capability "{word}" to give: see capabilities(7)')
        found.add(name)
    return found

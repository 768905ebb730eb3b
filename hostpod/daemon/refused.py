"""Why the daemon cannot start or go on, in words: the world's refusals are told from faults of hostpod's own. Pure."""

from __future__ import annotations

import errno

from hostpod.daemon.instance import START_ERRORS
from hostpod.host.inotify import InotifyError

# What a host runs out of. Any other error of the system that nobody caught while the daemon ran is a fault of ours.
_EXHAUSTED = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM))


def refused(error: Exception) -> str:
    """What the world refused, one line; empty where it is a fault. Errors of tasks come as groups."""
    if isinstance(error, ExceptionGroup):
        words = [_of_task(each) for each in error.exceptions]
        return "; ".join(dict.fromkeys(words)) if all(words) else ""
    return _words(error)


def _of_task(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, InotifyError) and error.errno not in _EXHAUSTED:
        return ""
    return refused(error)


def _words(error: Exception) -> str:
    if not isinstance(error, START_ERRORS):
        return ""
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror[:1].lower()}{error.strerror[1:]}"
    return str(error)

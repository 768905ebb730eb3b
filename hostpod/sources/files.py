"""Which files of a directory are manifests, and when one is another than before. Pure."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

EXTENSIONS = (".yaml", ".yml", ".json")
ENCRYPTED = ".cred"
# vim tries whether it can write by a file of this name.
_VIM_PROBE = "4913"
_EMACS_AUTOSAVE = re.compile(r"#.*#", re.DOTALL)


class Stamp(NamedTuple):
    """What changes when a file does: rewriting, replacing, linking elsewhere, changing who may read it."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int


def stamp_of(stat: os.stat_result) -> Stamp:
    """The stamp of what a name leads to."""
    return Stamp(
        device=stat.st_dev,
        inode=stat.st_ino,
        size_bytes=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        ctime_ns=stat.st_ctime_ns,
    )


def is_manifest(name: str) -> bool:
    """Names like web.yaml, web.yml, web.json and web, and db.yaml.cred, which is encrypted; not hidden ones, nor what
    editors and packages leave behind."""
    if name.startswith(".") or name == _VIM_PROBE or _EMACS_AUTOSAVE.fullmatch(name):
        return False
    if "." in name:
        return name.lower().removesuffix(ENCRYPTED).endswith(EXTENSIONS)
    return not name.endswith("~")


def is_encrypted(name: str) -> bool:
    """Whether a manifest of this name is encrypted by systemd-creds."""
    return name.lower().endswith(ENCRYPTED)


def may_be_temporary(name: str) -> bool:
    """Without an extension, a new name may be a tool's temporary one (`sed -i` writes sedAbCdEf and renames it)."""
    return "." not in name

"""How large volumes are. Pure."""

from __future__ import annotations

BLOCK_BYTES = 4096
SHM_BYTES = 64 * 1024 * 1024
# For hosts, hostname and resolv.conf together.
WRITTEN_BYTES = 1024 * 1024

# ext4 keeps 256 octets for an inode of every 16 KiB, and a little for each group and for itself; and it holds back a
# fiftieth, 4096 blocks at the most, for what it must write however full it is.
_EXT4_SHARE = 40
_EXT4_FIXED_BYTES = 256 * 1024
_EXT4_HELD_BACK_SHARE = 50
_EXT4_HELD_BACK_BYTES = 4096 * BLOCK_BYTES


def memory_volume_bytes(*, size_limit: int | None, pod_limit: int | None, host_bytes: int) -> int:
    """A volume in memory: the least of its own limit, the pod's memory limit and the host's memory."""
    return min(limit for limit in (size_limit, pod_limit, host_bytes) if limit is not None)


def image_bytes(size_limit: int) -> int:
    """The size of an ext4 image with room for `size_limit` octets of data, in whole blocks."""
    held_back = min(size_limit // _EXT4_HELD_BACK_SHARE, _EXT4_HELD_BACK_BYTES)
    wanted = size_limit + size_limit // _EXT4_SHARE + _EXT4_FIXED_BYTES + held_back
    return -(-wanted // BLOCK_BYTES) * BLOCK_BYTES

"""What the kernel's text files say about the machine. Pure: the texts are arguments."""

from __future__ import annotations

from collections.abc import Iterable

from hostpod.host.mountinfo import MountEntry

_DISK_FILE_SYSTEMS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs", "erofs"})
_SIZES = {"K": 1024, "M": 1024**2, "G": 1024**3}


def keyed_kib(text: str) -> dict[str, int]:
    """/proc/meminfo, and a node's of the same form: name to bytes."""
    values = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        number, _, unit = rest.strip().partition(" ")
        if number.isdigit():
            values[name.split()[-1] if name else name] = int(number) * (1024 if unit == "kB" else 1)
    return values


def cpu_field(cpuinfo: str, key: str) -> list[str]:
    """Every value of a key of /proc/cpuinfo, one a processor."""
    fields = (line.partition(":") for line in cpuinfo.splitlines())
    return [value.strip() for name, _, value in fields if name.strip() == key]


def cpu_frequency_khz(cpuinfo: str, highest_khz: Iterable[str]) -> int:
    """The highest clock that cpufreq knows, else the fastest that the processors run at now; 0 when nobody tells."""
    known = [int(text) for text in highest_khz if text.strip().isdigit()]
    if known:
        return max(known)
    return max((round(float(value) * 1000) for value in cpu_field(cpuinfo, "cpu MHz")), default=0)


def number_list(text: str) -> list[int]:
    """The kernel's lists of numbers: `0-3,7` is 0, 1, 2, 3, 7."""
    numbers: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            numbers.extend(range(int(first), int(last or first) + 1))
    return numbers


def cache_bytes(text: str) -> int:
    """`512K` in bytes."""
    text = text.strip()
    unit = _SIZES.get(text[-1:], 1)
    digits = text.rstrip("KMG")
    return int(digits) * unit if digits.isdigit() else 0


def chosen(text: str) -> str:
    """The word in brackets of `none [mq-deadline] bfq`; `none` where there is none."""
    return text.partition("[")[2].partition("]")[0] or "none"


def counted_file_systems(mounts: Iterable[MountEntry]) -> list[tuple[str, str]]:
    """(device, a place where it is mounted) of file systems with a disk below them, and of memory ones by place."""
    found: dict[str, str] = {}
    for mount in mounts:
        if mount.fstype in _DISK_FILE_SYSTEMS:
            found.setdefault(mount.source, str(mount.target))
        elif mount.fstype == "tmpfs" and mount.root == "/":
            found.setdefault(str(mount.target), str(mount.target))
    return sorted(found.items())


def is_real_disk(name: str) -> bool:
    """Whether a block device is counted among the disks: not a loop device, RAM disk or the like."""
    return not name.startswith(("loop", "ram", "sr", "fd"))


def is_real_link(name: str) -> bool:
    """Whether a network device is the machine's own: not the loopback, nor one that containers brought."""
    return not name.startswith(("lo", "veth", "docker", "cni", "ifb"))

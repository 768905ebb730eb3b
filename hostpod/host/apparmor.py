"""AppArmor: whether the kernel has it, which profiles are loaded, and the one of hostpod's own."""

from __future__ import annotations

from pathlib import Path

from hostpod.host.process import run

SYS = Path("/sys")
_TIMEOUT_S = 60.0

# Paths are written out and nothing is included: the parser then needs no files of the host. What a container may do to
# the files of its root is a matter of their owners; this is about what the kernel shows, and about other processes.
_PROFILE = """\
profile {name} flags=(attach_disconnected,mediate_deleted) {{
  capability,
  dbus,
  file,
  network,
  umount,
  unix,

  signal (receive),
  signal (send) peer={name},
  ptrace (readby, tracedby),
  ptrace (read, trace) peer={name},

  deny mount,
  deny remount,
  deny pivot_root,

  deny /proc/{{kcore,kmem,mem,sysrq-trigger}} rwklx,
  deny /proc/{{acpi,asound,bus,fs,irq,scsi}}/** wklx,
  deny /proc/sys/{{abi,debug,dev,fs,user,vm}}/** wklx,
  deny /proc/sys/kernel/{{[^ms],m[^s],s[^eh],se[^m],sh[^m]}}** wklx,
  deny /proc/latency_stats rwklx,
  deny /proc/timer_stats rwklx,

  deny /sys/{{block,bus,class,dev,devices,firmware,hypervisor,kernel,module,power}}/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/kernel/security/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/fs/[^c]** wklx,
}}
"""


def is_enabled(sys: Path = SYS) -> bool:
    """Whether the kernel enforces profiles."""
    return _text(sys / "module/apparmor/parameters/enabled").strip() == "Y"


def loaded_profiles(sys: Path = SYS) -> frozenset[str]:
    """The names of all that are loaded."""
    lines = _text(sys / "kernel/security/apparmor/profiles").splitlines()
    return frozenset(line.rpartition(" (")[0] for line in lines)


def profile_text(name: str) -> str:
    """hostpod's own profile: files and network are free, the kernel's settings and other processes are not."""
    return _PROFILE.format(name=name)


async def load_profile(name: str, parser: str) -> None:
    """Give the kernel hostpod's profile in place of an older one of that name. CommandError says why it has not."""
    await run([parser, "--replace", "--skip-cache"], timeout_s=_TIMEOUT_S, stdin=profile_text(name).encode())


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

"""The system calls that a container's process may use. Pure.

RuntimeDefault is an allow-list: what is not on it answers EPERM. What a capability is for comes with the capability.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from hostpod.kube import Container, Pod, SeccompProfile
from hostpod.oci.system_calls import ALWAYS, BY_CAPABILITY, BY_MACHINE, OF_OWN_PROCESSES
from hostpod.oci.values import Json, SpecError

# Without x32, which Debian's kernels have switched off: each architecture costs every container 4 ms.
_ARCHITECTURES: Mapping[str, tuple[str, ...]] = {
    "x86_64": ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86"),
    "aarch64": ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
    "riscv64": ("SCMP_ARCH_RISCV64",),
    "ppc64le": ("SCMP_ARCH_PPC64LE",),
    "s390x": ("SCMP_ARCH_S390X", "SCMP_ARCH_S390"),
}

_ALLOW = "SCMP_ACT_ALLOW"
_EPERM, _ENOSYS = 1, 38
# clone(2): any of CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
_NEW_NAMESPACES = 0x7E020000
# personality(2): Linux and BSD, each with UNAME26 too, and the question which one it is.
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
# socket(2): all families but AF_ALG (the kernel's ciphers) and AF_VSOCK (other machines past every firewall).
_FAMILIES = (("SCMP_CMP_LT", 38), ("SCMP_CMP_EQ", 39), ("SCMP_CMP_GT", 40))

LoadProfile = Callable[[str], Json]


def profile_of(pod: Pod, container: Container) -> SeccompProfile | None:
    """The container's own, or the pod's; None where neither says anything."""
    own, of_pod = container.security_context, pod.spec.security_context
    return (own.seccomp_profile if own else None) or (of_pod.seccomp_profile if of_pod else None)


def seccomp(wanted: SeccompProfile, *, capabilities: Collection[str], machine: str, load: LoadProfile) -> Json | None:
    """linux.seccomp for a profile; None is no filter. `load` reads a file of Localhost, and raises SpecError."""
    match wanted.type:
        case "RuntimeDefault":
            return default_profile(capabilities, machine)
        case "Localhost":
            profile = load(wanted.localhost_profile or "")
            if not isinstance(profile.get("defaultAction"), str):
                raise SpecError(f'seccomp profile "{wanted.localhost_profile}" has no defaultAction')
            return profile
        case _:
            return None


def default_profile(capabilities: Collection[str], machine: str) -> Json:
    """RuntimeDefault for a process that may have these capabilities, on this kind of machine (uname -m)."""
    named = [*ALWAYS, *OF_OWN_PROCESSES, *BY_MACHINE.get(machine, ())]
    for capability in sorted(capabilities):
        named += BY_CAPABILITY.get(capability, ())
    calls = [_allowed(sorted({*named}))]
    calls += [_allowed(["socket"], _compared(0, family, how)) for how, family in _FAMILIES]
    calls += [_allowed(["personality"], _compared(0, value, "SCMP_CMP_EQ")) for value in _PERSONALITIES]
    if "CAP_SYS_ADMIN" not in capabilities:
        flags = {**_compared(int(machine == "s390x"), _NEW_NAMESPACES, "SCMP_CMP_MASKED_EQ"), "valueTwo": 0}
        calls.append(_allowed(["clone"], flags))
        # Its flags are in memory, where no filter can look: so C libraries fall back to clone.
        calls.append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS})
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": _EPERM,
        "architectures": list(_ARCHITECTURES.get(machine, ())),
        "syscalls": calls,
    }


def _allowed(names: list[str], *arguments: Json) -> Json:
    return {"names": names, "action": _ALLOW} | ({"args": list(arguments)} if arguments else {})


def _compared(index: int, value: int, how: str) -> Json:
    return {"index": index, "value": value, "op": how}

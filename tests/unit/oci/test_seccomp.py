from __future__ import annotations

from typing import Any

import pytest

from hostpod.kube import SeccompProfile
from hostpod.oci import SpecError, profile_of, seccomp
from hostpod.oci.seccomp import default_profile
from tests.unit.oci.samples import pod


def answer(profile: dict[str, Any], call: str, *arguments: int) -> str | int:
    """What the filter does with a call: "allow" or an error number. The most that any rule allows counts."""
    found: str | int = profile["defaultErrnoRet"]
    for rule in profile["syscalls"]:
        if call in rule["names"] and all(_holds(each, arguments) for each in rule.get("args", ())):
            if rule["action"] == "SCMP_ACT_ALLOW":
                return "allow"
            found = rule["errnoRet"]
    return found


def _holds(condition: dict[str, Any], arguments: tuple[int, ...]) -> bool:
    value = arguments[condition["index"]]
    match condition["op"]:
        case "SCMP_CMP_LT":
            return bool(value < condition["value"])
        case "SCMP_CMP_GT":
            return bool(value > condition["value"])
        case "SCMP_CMP_EQ":
            return bool(value == condition["value"])
        case _:
            return bool(value & condition["value"] == condition["valueTwo"])


PLAIN = default_profile((), "x86_64")
NEW_USER, NEW_NET, THREAD = 0x10000000, 0x40000000, 0x3D0F00


@pytest.mark.parametrize(
    ("call", "arguments", "answered"),
    [
        ("openat", (), "allow"),
        ("ptrace", (), "allow"),
        ("arch_prctl", (), "allow"),
        ("clone", (THREAD,), "allow"),
        ("clone", (NEW_USER | THREAD,), 1),
        ("clone", (NEW_NET,), 1),
        ("clone3", (), 38),
        ("unshare", (), 1),
        ("mount", (), 1),
        ("bpf", (), 1),
        ("keyctl", (), 1),
        ("kexec_load", (), 1),
        ("userfaultfd", (), 1),
        ("io_uring_setup", (), 1),
        ("socket", (2,), "allow"),
        ("socket", (38,), 1),  # AF_ALG
        ("socket", (40,), 1),  # AF_VSOCK
        ("socket", (44,), "allow"),
        ("personality", (0xFFFFFFFF,), "allow"),
        ("personality", (0x0040000,), 1),  # ADDR_NO_RANDOMIZE
    ],
)
def test_what_is_let_through_by_default(call: str, arguments: tuple[int, ...], answered: str | int) -> None:
    assert answer(PLAIN, call, *arguments) == answered


@pytest.mark.parametrize(
    ("capability", "call", "arguments"),
    [
        ("CAP_SYS_ADMIN", "mount", ()),
        ("CAP_SYS_ADMIN", "clone", (NEW_USER,)),
        ("CAP_SYS_ADMIN", "clone3", ()),
        ("CAP_SYS_CHROOT", "chroot", ()),
        ("CAP_SYS_TIME", "clock_settime", ()),
        ("CAP_BPF", "bpf", ()),
        ("CAP_SYSLOG", "syslog", ()),
    ],
)
def test_what_a_capability_is_for_comes_with_it(capability: str, call: str, arguments: tuple[int, ...]) -> None:
    assert answer(PLAIN, call, *(arguments or (0,))) in (1, 38) or call == "clone"
    assert answer(default_profile((capability,), "x86_64"), call, *(arguments or (0,))) == "allow"


def test_machines_differ() -> None:
    arm = default_profile((), "aarch64")
    assert arm["architectures"] == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    assert PLAIN["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    assert (answer(arm, "cacheflush"), answer(arm, "arch_prctl")) == ("allow", 1)
    s390x = default_profile((), "s390x")
    assert (answer(s390x, "clone", NEW_USER, 0), answer(s390x, "clone", 0, NEW_USER)) == ("allow", 1)
    assert default_profile((), "unheard-of")["architectures"] == []


@pytest.mark.parametrize(
    ("of_pod", "own", "type_"),
    [
        ({}, {}, None),
        ({"seccompProfile": {"type": "Unconfined"}}, {}, "Unconfined"),
        ({"seccompProfile": {"type": "Unconfined"}}, {"seccompProfile": {"type": "RuntimeDefault"}}, "RuntimeDefault"),
    ],
)
def test_the_container_s_profile_comes_before_the_pod_s(
    of_pod: dict[str, Any], own: dict[str, Any], type_: str | None
) -> None:
    subject = pod({"name": "c", "image": "i", "securityContext": own}, securityContext=of_pod)
    found = profile_of(subject, subject.spec.containers[0])
    assert (found.type if found else None) == type_


def filtered(type_: str, name: str | None = None, **held: Any) -> Any:
    profile = SeccompProfile(type=type_, localhost_profile=name)
    return seccomp(profile, capabilities=(), machine="x86_64", load=lambda found: {**held, "name": found})


def test_profiles() -> None:
    assert filtered("Unconfined") is None
    assert filtered("RuntimeDefault") == PLAIN
    assert filtered("Localhost", "a.json", defaultAction="SCMP_ACT_LOG")["name"] == "a.json"
    with pytest.raises(SpecError, match=r'^seccomp profile "a.json" has no defaultAction$'):
        filtered("Localhost", "a.json")

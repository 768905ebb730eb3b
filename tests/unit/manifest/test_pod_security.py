"""The Pod Security Standards: each control, what keeps it and what breaks it, in Kubernetes' words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from hostpod.kube import Pod
from hostpod.manifest import PodSecurity, parse_manifest
from hostpod.manifest.pod_security import CONTROLS, Level, refused, warned
from hostpod.manifest.pod_security.baseline import SYSCTLS
from hostpod.plan.sysctls import SAFE

GOOD: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""The security context that restricted asks for."""


ESCALATION = "allowPrivilegeEscalation != false"
MUST = "must set securityContext.allowPrivilegeEscalation=false"


def container(name: str = "a", **fields: object) -> dict[str, Any]:
    return {"name": name, "image": "busybox", **fields}


def secured(name: str = "a", **context: object) -> dict[str, Any]:
    return container(name, securityContext=context)


def pod(*containers: Mapping[str, object], annotations: Mapping[str, str] | None = None, **spec: object) -> Pod:
    metadata = {"name": "web", "annotations": dict(annotations or {})}
    return Pod.model_validate({"metadata": metadata, "spec": {"containers": list(containers), **spec}})


def told(made: Pod, level: Level) -> list[str]:
    """The breaches, without what all begin with."""
    start = f'violates PodSecurity "{level}:latest": '
    found = [breach.message for breach in refused(made, PodSecurity(enforce=level))]
    assert all(message.startswith(start) for message in found)
    return [message.removeprefix(start) for message in found]


def apparmor(kind: str) -> dict[str, Any]:
    return {"appArmorProfile": {"type": kind}}


def seccomp(kind: str) -> dict[str, Any]:
    return {"seccompProfile": {"type": kind}}


def windows(*, host: bool) -> dict[str, Any]:
    return {"windowsOptions": {"hostProcess": host}}


ANNOTATION = "container.apparmor.security.beta.kubernetes.io/a"

BREAKS_BASELINE: Sequence[tuple[Pod, str]] = [
    (
        pod(container(), securityContext=apparmor("Unconfined")),
        'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
    ),
    (
        pod(
            secured(**apparmor("Unconfined")), secured("b", **apparmor("Other")), securityContext=apparmor("Localhost")
        ),
        'forbidden AppArmor profiles (containers "a", "b" must not set AppArmor profile type to "Other", "Unconfined")',
    ),
    (
        pod(container(), annotations={ANNOTATION: "unconfined"}),
        f'forbidden AppArmor profile (annotation must not set AppArmor profile type to "{ANNOTATION}="unconfined"")',
    ),
    (
        pod(secured(capabilities={"add": ["SYS_ADMIN", "NET_RAW", "CHOWN"]}), secured("b", capabilities={})),
        (
            'non-default capabilities (container "a" must not include "NET_RAW", "SYS_ADMIN" in '
            "securityContext.capabilities.add)"
        ),
    ),
    (
        pod(container(), hostNetwork=True, hostPID=True, hostIPC=True),
        "host namespaces (hostIPC=true, hostNetwork=true, hostPID=true)",
    ),
    (
        pod(container(), volumes=[{"name": "x", "hostPath": {"path": "/"}}, {"name": "y", "hostPath": {"path": "/"}}]),
        'hostPath volumes (volumes "x", "y")',
    ),
    (
        pod(container(ports=[{"containerPort": 80, "hostPort": 80}, {"containerPort": 81}])),
        'hostPort (container "a" uses hostPort 80)',
    ),
    (
        pod(
            container(ports=[{"containerPort": 9, "hostPort": 9}, {"containerPort": 80, "hostPort": 80}]),
            container("b", ports=[{"containerPort": 80, "hostPort": 80}]),
        ),
        'hostPort (containers "a", "b" use hostPorts 80, 9)',
    ),
    (
        pod(
            container(livenessProbe={"httpGet": {"port": 80, "host": "10.0.0.1"}}),
            container(
                "b",
                readinessProbe={"tcpSocket": {"port": 80, "host": "localhost"}},
                startupProbe={"exec": {"command": ["true"]}},
                lifecycle={
                    "postStart": {"httpGet": {"port": 80, "host": "::1"}},
                    "preStop": {"tcpSocket": {"port": 80, "host": "::1"}},
                },
            ),
        ),
        'probe or lifecycle host (containers "a", "b" use probe or lifecycle hosts "10.0.0.1", "::1", "localhost")',
    ),
    (
        pod(secured(privileged=True), initContainers=[secured("i", privileged=True)]),
        'privileged (containers "i", "a" must not set securityContext.privileged=true)',
    ),
    (
        pod(secured(procMount="Unmasked"), secured("b", procMount="Default")),
        'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    ),
    (
        pod(
            secured(seLinuxOptions={"type": "spc_t", "user": "u", "role": "r"}),
            securityContext={"seLinuxOptions": {"user": "u"}},
        ),
        (
            'seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: type "spc_t"; '
            "user may not be set; role may not be set)"
        ),
    ),
    (
        pod(container(), securityContext={"seLinuxOptions": {"role": "r"}}),
        "seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: role may not be set)",
    ),
    (
        pod(secured(**seccomp("Unconfined")), securityContext=seccomp("Unconfined")),
        'seccompProfile (pod and container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
    ),
    (
        pod(
            container(),
            securityContext={"sysctls": [{"name": "net.core.somaxconn", "value": "1"}, {"name": "b", "value": "1"}]},
        ),
        "forbidden sysctls (net.core.somaxconn, b)",
    ),
    (
        pod(secured(**windows(host=True)), securityContext=windows(host=True)),
        'hostProcess (pod and container "a" must not set securityContext.windowsOptions.hostProcess=true)',
    ),
]

KEEPS_BASELINE: Sequence[Pod] = [
    pod(container()),
    pod(secured(**apparmor("Localhost")), securityContext=apparmor("RuntimeDefault")),
    pod(container(), annotations={ANNOTATION: "localhost/mine", "other": "unconfined"}),
    pod(container(), annotations={ANNOTATION: "runtime/default"}),
    pod(secured(capabilities={"add": ["CHOWN", "NET_BIND_SERVICE"]})),
    pod(container(), hostNetwork=False, hostPID=False, hostIPC=False),
    pod(container(), volumes=[{"name": "x", "nfs": {"server": "s", "path": "/"}}]),
    pod(container(ports=[{"containerPort": 80, "hostPort": 0}])),
    pod(
        container(livenessProbe={"httpGet": {"port": 80, "host": ""}}, lifecycle={"preStop": {"sleep": {"seconds": 1}}})
    ),
    pod(secured(privileged=False)),
    pod(secured(procMount="Default"), secured("b", procMount=None)),
    pod(secured(procMount="Unmasked"), hostUsers=False),
    pod(
        secured(seLinuxOptions={"type": "container_engine_t", "level": "s0:c1"}), securityContext={"seLinuxOptions": {}}
    ),
    pod(secured(**seccomp("Localhost")), securityContext=seccomp("RuntimeDefault")),
    pod(container(), securityContext={"sysctls": [{"name": name, "value": "1"} for name in sorted(SYSCTLS)]}),
    pod(secured(**windows(host=False)), securityContext=windows(host=False)),
]

BREAKS_RESTRICTED: Sequence[tuple[Pod, str]] = [
    (
        pod(
            secured(**{**GOOD, "allowPrivilegeEscalation": True}),
            secured("b", **{**GOOD, "allowPrivilegeEscalation": None}),
        ),
        f'{ESCALATION} (containers "a", "b" {MUST})',
    ),
    (
        pod(secured(**{**GOOD, "capabilities": {"drop": ["CHOWN"]}})),
        'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"])',
    ),
    (
        pod(secured(**{**GOOD, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE", "CHOWN"]}})),
        'unrestricted capabilities (container "a" must not include "CHOWN" in securityContext.capabilities.add)',
    ),
    (
        pod(
            secured(**{**GOOD, "capabilities": None}),
            secured("b", **{**GOOD, "capabilities": {"drop": ["ALL"], "add": ["KILL"]}}),
        ),
        (
            'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; '
            'container "b" must not include "KILL" in securityContext.capabilities.add)'
        ),
    ),
    (
        pod(secured(**GOOD, procMount="Unmasked"), hostUsers=False),
        'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    ),
    (
        pod(secured(**GOOD), volumes=[{"name": "x", "hostPath": {"path": "/"}}]),
        'restricted volume types (volume "x" uses restricted volume type "hostPath")',
    ),
    (
        pod(
            secured(**GOOD),
            volumes=[{"name": "x", "hostPath": {"path": "/"}}, {"name": "y", "nfs": {"server": "s", "path": "/"}}],
        ),
        'restricted volume types (volumes "x", "y" use restricted volume types "hostPath", "nfs")',
    ),
    (
        pod(secured(**{**GOOD, "runAsNonRoot": None}), secured("b", **GOOD)),
        'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
    ),
    (
        pod(secured(**{**GOOD, "runAsNonRoot": False}), secured("b", **{**GOOD, "runAsNonRoot": None})),
        'runAsNonRoot != true (container "a" must not set securityContext.runAsNonRoot=false)',
    ),
    (
        pod(secured(**GOOD), securityContext={"runAsNonRoot": False}),
        "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)",
    ),
    (
        pod(secured(**GOOD, runAsUser=0), securityContext={"runAsUser": 0}),
        'runAsUser=0 (pod and container "a" must not set runAsUser=0)',
    ),
    (
        pod(secured(**{**GOOD, "seccompProfile": None}), secured("b", **GOOD)),
        (
            'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
            '"Localhost")'
        ),
    ),
    (
        pod(secured(**{**GOOD, **seccomp("Unconfined")}), secured("b", **{**GOOD, "seccompProfile": None})),
        'seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
    ),
]

ALL_VOLUMES = [
    {"name": "a", "configMap": {"name": "x"}},
    {"name": "b", "csi": {"driver": "x"}},
    {"name": "c", "downwardAPI": {}},
    {"name": "d", "emptyDir": {}},
    {"name": "e", "ephemeral": {}},
    {"name": "f", "image": {"reference": "x"}},
    {"name": "g", "persistentVolumeClaim": {"claimName": "x"}},
    {"name": "h", "projected": {}},
    {"name": "i", "secret": {"secretName": "x"}},
]

KEEPS_RESTRICTED: Sequence[Pod] = [
    pod(secured(**GOOD), volumes=ALL_VOLUMES),
    pod(secured(**{**GOOD, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}, runAsUser=1)),
    pod(
        secured(allowPrivilegeEscalation=False, capabilities={"drop": ["ALL"]}),
        securityContext={"runAsNonRoot": True, "runAsUser": 1, **seccomp("Localhost")},
    ),
    # Root of a user namespace is nobody on the host.
    pod(secured(**{**GOOD, "runAsNonRoot": False}, runAsUser=0), hostUsers=False, securityContext={"runAsUser": 0}),
    # Windows has none of these.
    pod(secured(runAsNonRoot=True), os={"name": "windows"}),
]


@pytest.mark.parametrize(("made", "words"), BREAKS_BASELINE)
def test_what_breaks_baseline(made: Pod, words: str) -> None:
    assert told(made, "baseline") == [words]
    assert not told(made, "privileged")


@pytest.mark.parametrize("made", KEEPS_BASELINE)
def test_what_keeps_baseline(made: Pod) -> None:
    assert not told(made, "baseline")


@pytest.mark.parametrize(("made", "words"), BREAKS_RESTRICTED)
def test_what_breaks_restricted(made: Pod, words: str) -> None:
    assert told(made, "restricted") == [words]


@pytest.mark.parametrize("made", KEEPS_RESTRICTED)
def test_what_keeps_restricted(made: Pod) -> None:
    assert not told(made, "restricted")


def test_an_ordinary_pod_under_restricted() -> None:
    """In Kubernetes' order: what baseline asks first, then what only restricted asks."""
    made = pod(container(ports=[{"containerPort": 80, "hostPort": 80}]), container("b"))
    assert told(made, "restricted") == [
        'hostPort (container "a" uses hostPort 80)',
        f'{ESCALATION} (containers "a", "b" {MUST})',
        'unrestricted capabilities (containers "a", "b" must set securityContext.capabilities.drop=["ALL"])',
        'runAsNonRoot != true (pod or containers "a", "b" must set securityContext.runAsNonRoot=true)',
        (
            'seccompProfile (pod or containers "a", "b" must set securityContext.seccompProfile.type to '
            '"RuntimeDefault" or "Localhost")'
        ),
    ]


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_every_control_is_in_the_cases(level: Level) -> None:
    cases = {"baseline": BREAKS_BASELINE, "restricted": [*BREAKS_BASELINE, *BREAKS_RESTRICTED]}[level]
    for control in CONTROLS[level]:
        assert any(control.places(made) for made, _ in cases), control.name


def test_restricted_asks_nothing_that_it_does_not_ask_alone() -> None:
    """A stricter control takes the place of baseline's, so that nothing is told twice."""
    names = [control.name for control in CONTROLS["restricted"]]
    assert len(names) == len(set(names))
    assert {control.name for control in CONTROLS["baseline"]} - set(names) == {"hostPathVolumes"}


def test_the_safe_sysctls_are_the_kubelets() -> None:
    assert SYSCTLS == SAFE


def test_a_breach_has_its_place() -> None:
    text = b"""\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
    - name: a
      image: busybox
      securityContext:
        privileged: true
"""
    parsed = parse_manifest(text, file="web.yaml", security=PodSecurity(enforce="baseline", warn="restricted"))
    assert [str(problem) for problem in parsed.problems] == [
        (
            'web.yaml:10: spec.containers[0].securityContext.privileged: violates PodSecurity "baseline:latest": '
            'privileged (container "a" must not set securityContext.privileged=true)'
        )
    ]
    assert not parsed.pods
    assert not parsed.warnings, "one that is refused is not warned of as well"


def test_a_pod_that_is_only_warned_of() -> None:
    made = pod(secured(**{**GOOD, "runAsNonRoot": None}))
    assert [breach.message for breach in warned(made, PodSecurity(warn="restricted"))] == [
        (
            'would violate PodSecurity "restricted:latest": runAsNonRoot != true (pod or container "a" must set '
            "securityContext.runAsNonRoot=true)"
        )
    ]
    text = b"{apiVersion: v1, kind: Pod, metadata: {name: w}, spec: {hostPID: true, containers: [{name: a, image: b}]}}"
    parsed = parse_manifest(text, file="w", security=PodSecurity(warn="baseline"))
    assert [str(warning) for warning in parsed.warnings] == [
        'w:1: spec.hostPID: would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)'
    ]
    assert [each.pod.name for each in parsed.pods] == ["w"]
    assert not parsed.problems

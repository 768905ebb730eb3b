from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.rules.pods import problems

SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
OWN_SECCOMP = "container.seccomp.security.alpha.kubernetes.io/web"
APPARMOR = "container.apparmor.security.beta.kubernetes.io/web"


@pytest.mark.parametrize("kind", ["seccompProfile", "appArmorProfile"])
@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ({"type": "RuntimeDefault"}, []),
        ({"type": "Unconfined"}, []),
        ({"type": "Localhost", "localhostProfile": "profiles/web.json"}, []),
        ({"type": ""}, ['type: "" is not known, write "RuntimeDefault", "Unconfined" or "Localhost"']),
        ({"type": "Localhost"}, ["localhostProfile: is missing, type Localhost needs a profile"]),
        (
            {"type": "Unconfined", "localhostProfile": "a"},
            ["localhostProfile: must be left away, it belongs to type Localhost"],
        ),
    ],
)
def test_a_profile_by_field(kind: str, profile: dict[str, Any], expected: list[str]) -> None:
    for place, found in (
        (f"spec.securityContext.{kind}", problems(spec={"securityContext": {kind: profile}})),
        (f"spec.containers[0].securityContext.{kind}", problems(container={"securityContext": {kind: profile}})),
    ):
        assert found == [f"{place}.{line}" for line in expected]


def test_a_seccomp_profile_stays_below_the_directory_of_profiles() -> None:
    profile = {"type": "Localhost", "localhostProfile": "../etc/passwd"}
    assert problems(spec={"securityContext": {"seccompProfile": profile}}) == [
        'spec.securityContext.seccompProfile.localhostProfile: "../etc/passwd" must be a path without ".."'
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("web ", '"web " must be written without white space at its ends'),
        ("a" * 4096, "is longer than 4095 bytes"),
    ],
)
def test_the_name_of_an_apparmor_profile(name: str, message: str) -> None:
    profile = {"type": "Localhost", "localhostProfile": name}
    assert problems(spec={"securityContext": {"appArmorProfile": profile}}) == [
        f"spec.securityContext.appArmorProfile.localhostProfile: {message}"
    ]


@pytest.mark.parametrize("value", ["runtime/default", "docker/default", "unconfined", "localhost/web.json"])
@pytest.mark.parametrize("key", [SECCOMP, OWN_SECCOMP])
def test_seccomp_annotations(key: str, value: str) -> None:
    assert problems(metadata={"annotations": {key: value}}) == []


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        (
            {SECCOMP: "foo"},
            '"foo" is not known, write "runtime/default", "docker/default", "unconfined" or "localhost/PROFILE"',
        ),
        ({SECCOMP: "localhost//foo"}, '"/foo" must be a relative path: take the leading "/" away'),
        ({OWN_SECCOMP: "localhost/../foo"}, '"../foo" must be a path without ".."'),
        (
            {APPARMOR: "runtime/foo"},
            '"runtime/foo" is not known, write "runtime/default", "unconfined" or "localhost/PROFILE"',
        ),
        ({APPARMOR.replace("/web", "/db"): "unconfined"}, '"db" is no container of this pod'),
    ],
)
def test_annotations_that_say_nothing(annotations: dict[str, str], expected: str) -> None:
    (key,) = annotations
    assert problems(metadata={"annotations": annotations}) == [f"metadata.annotations.{key}: {expected}"]


@pytest.mark.parametrize("value", ["", "runtime/default", "unconfined", "localhost/web"])
def test_apparmor_annotations(value: str) -> None:
    assert problems(metadata={"annotations": {APPARMOR: value}}) == []


@pytest.mark.parametrize(
    ("annotation", "profile", "field"),
    [
        ("unconfined", {"type": "Unconfined"}, None),
        ("runtime/default", {"type": "RuntimeDefault"}, None),
        ("localhost/a", {"type": "Localhost", "localhostProfile": "a"}, None),
        ("unconfined", {"type": "RuntimeDefault"}, "type"),
        ("unconfined", {"type": "Localhost", "localhostProfile": "a"}, "type"),
        ("localhost/a", {"type": "Localhost", "localhostProfile": "b"}, "localhostProfile"),
    ],
)
@pytest.mark.parametrize(
    ("key", "kind", "of_pod", "place"),
    [
        (SECCOMP, "seccompProfile", True, "spec.securityContext.seccompProfile"),
        (OWN_SECCOMP, "seccompProfile", False, "spec.containers[0].securityContext.seccompProfile"),
        (APPARMOR, "appArmorProfile", False, "spec.containers[0].securityContext.appArmorProfile"),
        (APPARMOR, "appArmorProfile", True, "spec.containers[0].securityContext.appArmorProfile"),
    ],
)
def test_annotation_and_field_say_the_same(
    key: str, kind: str, of_pod: bool, place: str, annotation: str, profile: dict[str, str], field: str | None
) -> None:
    context = {"securityContext": {kind: profile}}
    found = problems(
        metadata={"annotations": {key: annotation}},
        spec=context if of_pod else None,
        container=None if of_pod else context,
    )
    message = f'says other than the annotation "{annotation}", drop one'
    assert found == ([] if field is None else [f"{place}.{field}: {message}"])


def test_a_pods_profile_needs_no_annotation() -> None:
    assert problems(spec={"securityContext": {"appArmorProfile": {"type": "Unconfined"}, "runAsUser": 0}}) == []
    assert problems(container={"securityContext": {"runAsUser": 1}}, spec={"securityContext": {}}) == []

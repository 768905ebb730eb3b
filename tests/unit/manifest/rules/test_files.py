from __future__ import annotations

from typing import Any

import pytest

from tests.unit.manifest.rules.pods import volume_problems

MODE = "is no file mode, must be 0 to 0777 (in YAML octal, 511 in JSON)"
FIELD = {"path": "a", "fieldRef": {"fieldPath": "metadata.labels"}}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"configMap": {"name": "a", "defaultMode": 0o777, "items": [{"key": "a", "path": "b/c", "mode": 0}]}}, []),
        ({"configMap": {"name": ""}}, ["configMap.name: is missing, name a ConfigMap"]),
        ({"configMap": {"name": "a", "defaultMode": 512}}, [f"configMap.defaultMode: 512 {MODE}"]),
        ({"secret": {"secretName": "a", "optional": True}}, []),
        ({"secret": {}}, ["secret.secretName: is missing, name a Secret"]),
        ({"secret": {"secretName": "a", "defaultMode": -1}}, [f"secret.defaultMode: -1 {MODE}"]),
        (
            {"secret": {"secretName": "a", "items": [{"key": "", "path": "", "mode": 512}]}},
            [
                "secret.items[0].key: is missing, must be set",
                "secret.items[0].path: is missing, must be set",
                f"secret.items[0].mode: 512 {MODE}",
            ],
        ),
        (
            {"configMap": {"name": "a", "items": [{"key": "a", "path": "../b"}]}},
            ['configMap.items[0].path: "../b" must be a path without ".."'],
        ),
        (
            {"configMap": {"name": "a", "items": [{"key": "a", "path": "..b"}]}},
            ['configMap.items[0].path: "..b" must be a path that does not begin with ".."'],
        ),
        ({"downwardAPI": {"items": [FIELD]}}, []),
        (
            {
                "downwardAPI": {
                    "items": [{"path": "a", "resourceFieldRef": {"resource": "limits.cpu", "containerName": "web"}}]
                }
            },
            [],
        ),
        ({"downwardAPI": {"defaultMode": 512}}, [f"downwardAPI.defaultMode: 512 {MODE}"]),
        (
            {"downwardAPI": {"items": [{"path": "/a", "mode": -1}]}},
            [
                'downwardAPI.items[0].path: "/a" must be a relative path: take the leading "/" away',
                f"downwardAPI.items[0].mode: -1 {MODE}",
                'downwardAPI.items[0]: is empty, set one of "fieldRef" or "resourceFieldRef"',
            ],
        ),
        (
            {"downwardAPI": {"items": [{"path": "a", "resourceFieldRef": {"resource": "limits.cpu"}}]}},
            [
                (
                    "downwardAPI.items[0].resourceFieldRef.containerName: is missing, "
                    "name the container whose resource is meant"
                )
            ],
        ),
    ],
)
def test_files_of_objects_and_fields(source: dict[str, Any], expected: list[str]) -> None:
    assert volume_problems(**source) == expected


TOKEN = {"path": "token"}
TRUST = {"path": "ca", "name": "roots"}
CERTIFICATE = {"signerName": "example.com/a", "keyType": "ED25519", "keyPath": "key"}


def projected(*sources: dict[str, Any]) -> list[str]:
    found = volume_problems(projected={"sources": sources})
    return [line.removeprefix("projected.sources") for line in found]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"secret": {"name": "a"}}, []),
        ({"configMap": {"name": "a", "items": [{"key": "a", "path": "b"}]}}, []),
        ({"downwardAPI": {"items": [FIELD]}}, []),
        ({"serviceAccountToken": {**TOKEN, "expirationSeconds": 600}}, []),
        ({"clusterTrustBundle": TRUST}, []),
        ({"podCertificate": CERTIFICATE}, []),
        (
            {},
            [
                (
                    ': is empty, set one of "secret", "configMap", "downwardAPI", "serviceAccountToken", '
                    '"clusterTrustBundle" or "podCertificate"'
                )
            ],
        ),
        (
            {"secret": {"name": "a"}, "configMap": {"name": "a"}},
            ['.configMap: stands beside "secret", only one of them may be set'],
        ),
        ({"secret": {}}, [".secret.name: is missing, name a Secret"]),
        ({"configMap": {}}, [".configMap.name: is missing, name a ConfigMap"]),
        (
            {"configMap": {"name": "a", "items": [{"key": "a", "path": ".."}]}},
            ['.configMap.items[0].path: ".." must be a path without ".."'],
        ),
        (
            {"serviceAccountToken": {"path": "", "expirationSeconds": 599}},
            [
                ".serviceAccountToken.path: is missing, must be set",
                ".serviceAccountToken.expirationSeconds: 599 is out of range, must be between 600 and 4294967296",
            ],
        ),
        (
            {"clusterTrustBundle": {"path": "/ca"}},
            [
                '.clusterTrustBundle.path: "/ca" must be a relative path: take the leading "/" away',
                '.clusterTrustBundle: is empty, set one of "name" or "signerName"',
            ],
        ),
        (
            {"clusterTrustBundle": {**TRUST, "signerName": "example.com/a"}},
            ['.clusterTrustBundle.signerName: stands beside "name", only one of them may be set'],
        ),
        (
            {"clusterTrustBundle": {**TRUST, "name": ""}},
            [".clusterTrustBundle.name: is missing, name a ClusterTrustBundle"],
        ),
        ({"clusterTrustBundle": {**TRUST, "name": "example.com:a:b"}}, []),
        (
            {"clusterTrustBundle": {**TRUST, "labelSelector": {}}},
            [".clusterTrustBundle.labelSelector: must be left away, it chooses among a signer's bundles"],
        ),
        (
            {"clusterTrustBundle": {"path": "ca", "signerName": "x"}},
            ['.clusterTrustBundle.signerName: "x" must be a signer such as example.com/name'],
        ),
        (
            {
                "clusterTrustBundle": {
                    "path": "ca",
                    "signerName": "example.com/a",
                    "labelSelector": {"matchLabels": {"a": "b"}},
                }
            },
            [],
        ),
        (
            {"podCertificate": {**CERTIFICATE, "signerName": "", "keyType": "DSA", "maxExpirationSeconds": 1}},
            [
                ".podCertificate.signerName: is missing, name a signer",
                (
                    '.podCertificate.keyType: "DSA" is not known, write "RSA3072", "RSA4096", "ECDSAP256", '
                    '"ECDSAP384", '
                    '"ECDSAP521" or "ED25519"'
                ),
                ".podCertificate.maxExpirationSeconds: 1 is out of range, must be between 3600 and 7862400",
            ],
        ),
        (
            {"podCertificate": {**CERTIFICATE, "keyPath": None}},
            [
                (
                    ".podCertificate: writes no file, set credentialBundlePath, keyPath, certificateChainPath "
                    "or several of them"
                )
            ],
        ),
        (
            {"podCertificate": {**CERTIFICATE, "keyPath": "/key"}},
            ['.podCertificate.keyPath: "/key" must be a relative path: take the leading "/" away'],
        ),
        (
            {"podCertificate": {**CERTIFICATE, "userAnnotations": {"a": "b"}}},
            ['.podCertificate.userAnnotations.a: "a" needs a domain, like example.com/a'],
        ),
        ({"podCertificate": {**CERTIFICATE, "userAnnotations": {"example.com/a": "b"}}}, []),
        (
            {"podCertificate": {**CERTIFICATE, "userAnnotations": {"a.b/c": "x" * 262144}}},
            [".podCertificate.userAnnotations: are 262149 bytes in all, at most 262144 are allowed"],
        ),
    ],
)
def test_projections(source: dict[str, Any], expected: list[str]) -> None:
    assert projected(source) == [f"[0]{line}" for line in expected]


def test_a_projected_volume_has_a_mode() -> None:
    assert volume_problems(projected={"defaultMode": 512, "sources": []}) == [f"projected.defaultMode: 512 {MODE}"]


@pytest.mark.parametrize(
    "place",
    [
        {"secret": {"name": "a", "items": [{"key": "a", "path": "x"}]}},
        {"configMap": {"name": "a", "items": [{"key": "a", "path": "x"}]}},
        {"downwardAPI": {"items": [{**FIELD, "path": "x"}]}},
        {"serviceAccountToken": {"path": "x"}},
        {"clusterTrustBundle": {"name": "a", "path": "x"}},
        {"podCertificate": {**CERTIFICATE, "keyPath": "x"}},
    ],
)
def test_no_two_sources_write_one_file(place: dict[str, Any]) -> None:
    (line,) = projected({"secret": {"name": "b", "items": [{"key": "a", "path": "x"}]}}, place)
    assert line.startswith(f"[1].{next(iter(place))}.")
    assert line.endswith('ath: "x" is written by another source of this volume, take another path')

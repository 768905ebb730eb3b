"""Rules for volumes that hostpod fills with files: configMap, secret, downwardAPI, projected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hostpod.kube import (
    ClusterTrustBundleProjection,
    ConfigMapVolumeSource,
    DownwardAPIVolumeFile,
    DownwardAPIVolumeSource,
    KeyToPath,
    PodCertificateProjection,
    ProjectedVolumeSource,
    SecretVolumeSource,
    ServiceAccountTokenProjection,
    VolumeProjection,
)
from hostpod.manifest.rules import references
from hostpod.manifest.rules.formats import dns_subdomain, file_path, qualified_name, signer_name
from hostpod.manifest.rules.metadata import ANNOTATIONS_BYTES
from hostpod.manifest.rules.selectors import label_selector
from hostpod.manifest.rules.violation import (
    Path,
    Violation,
    Violations,
    chosen,
    exactly_one,
    forbidden,
    formatted,
    named,
    optional,
    quoted,
    required,
    unique,
    within,
)

LAST_MODE = 0o777
PROJECTIONS = ("secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle", "podCertificate")
KEY_TYPES = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")
TOKEN_S = (600, 2**32)
CERTIFICATE_S = (3600, 91 * 24 * 3600)

Files = Iterator[tuple[Path, str]]
"""The files that a source writes: where that is said, and their paths in the volume."""


def config_map(path: Path, source: ConfigMapVolumeSource) -> Violations:
    """Keys of a ConfigMap as files."""
    yield from required((*path, "name"), source.name, "name a ConfigMap")
    yield from _mode((*path, "defaultMode"), source.default_mode)
    yield from _items((*path, "items"), source.items)


def secret(path: Path, source: SecretVolumeSource) -> Violations:
    """Keys of a Secret as files."""
    yield from required((*path, "secretName"), source.secret_name, "name a Secret")
    yield from _mode((*path, "defaultMode"), source.default_mode)
    yield from _items((*path, "items"), source.items)


def downward_api(path: Path, source: DownwardAPIVolumeSource) -> Violations:
    """Fields of the pod as files."""
    yield from _mode((*path, "defaultMode"), source.default_mode)
    yield from _fields((*path, "items"), source.items)


def _mode(path: Path, mode: int | None) -> Violations:
    if mode is not None and not 0 <= mode <= LAST_MODE:
        yield Violation(path=path, message=f"{mode} is no file mode, must be 0 to 0777 (in YAML octal, 511 in JSON)")


def _items(path: Path, items: tuple[KeyToPath, ...]) -> Violations:
    for index, item in enumerate(items):
        yield from required((*path, index, "key"), item.key)
        yield from named((*path, index, "path"), item.path, file_path)
        yield from _mode((*path, index, "mode"), item.mode)


def _fields(path: Path, items: tuple[DownwardAPIVolumeFile, ...]) -> Violations:
    for index, item in enumerate(items):
        yield from named((*path, index, "path"), item.path, file_path)
        yield from _mode((*path, index, "mode"), item.mode)
        yield from _field((*path, index), item)


def _field(path: Path, item: DownwardAPIVolumeFile) -> Violations:
    sources = {"fieldRef": item.field_ref, "resourceFieldRef": item.resource_field_ref}
    yield from exactly_one(path, [name for name, source in sources.items() if source is not None], sources)
    if item.field_ref is not None:
        yield from references.field((*path, "fieldRef"), item.field_ref, references.FILE_FIELDS)
    if item.resource_field_ref is not None:
        yield from references.container((*path, "resourceFieldRef"), item.resource_field_ref)
        yield from references.resource((*path, "resourceFieldRef"), item.resource_field_ref)


def projected(path: Path, source: ProjectedVolumeSource) -> Violations:
    """Several sources in one directory: no two of them may write the same file."""
    yield from _mode((*path, "defaultMode"), source.default_mode)
    for index, projection in enumerate(source.sources):
        yield from _projection((*path, "sources", index), projection)
    files = (
        file
        for index, projection in enumerate(source.sources)
        for file in _written((*path, "sources", index), projection)
        if file[1]
    )
    yield from unique(files, "{} is written by another source of this volume, take another path")


def _projection(path: Path, projection: VolumeProjection) -> Violations:
    yield from exactly_one(path, [name for name, value in _parts(projection).items() if value is not None], PROJECTIONS)
    if projection.secret is not None:
        yield from required((*path, "secret", "name"), projection.secret.name, "name a Secret")
        yield from _items((*path, "secret", "items"), projection.secret.items)
    if projection.config_map is not None:
        yield from required((*path, "configMap", "name"), projection.config_map.name, "name a ConfigMap")
        yield from _items((*path, "configMap", "items"), projection.config_map.items)
    if projection.downward_api is not None:
        yield from _fields((*path, "downwardAPI", "items"), projection.downward_api.items)
    if projection.service_account_token is not None:
        yield from _token((*path, "serviceAccountToken"), projection.service_account_token)
    if projection.cluster_trust_bundle is not None:
        yield from _trust((*path, "clusterTrustBundle"), projection.cluster_trust_bundle)
    if projection.pod_certificate is not None:
        yield from _certificate((*path, "podCertificate"), projection.pod_certificate)


def _parts(projection: VolumeProjection) -> Mapping[str, object]:
    parts = (
        projection.secret,
        projection.config_map,
        projection.downward_api,
        projection.service_account_token,
        projection.cluster_trust_bundle,
        projection.pod_certificate,
    )
    return dict(zip(PROJECTIONS, parts, strict=True))


def _token(path: Path, token: ServiceAccountTokenProjection) -> Violations:
    yield from named((*path, "path"), token.path, file_path)
    yield from within((*path, "expirationSeconds"), token.expiration_seconds, *TOKEN_S)


def _trust(path: Path, bundle: ClusterTrustBundleProjection) -> Violations:
    yield from named((*path, "path"), bundle.path, file_path)
    sources = {"name": bundle.name, "signerName": bundle.signer_name}
    yield from exactly_one(path, [name for name, value in sources.items() if value is not None], sources)
    if bundle.name is not None:
        yield from required((*path, "name"), bundle.name, "name a ClusterTrustBundle")
        yield from optional((*path, "name"), bundle.name.replace(":", "."), dns_subdomain)
        yield from forbidden(
            (*path, "labelSelector"), bundle.label_selector, "must be left away, it chooses among a signer's bundles"
        )
    if bundle.signer_name is not None:
        yield from named((*path, "signerName"), bundle.signer_name, signer_name, "name a signer")
        yield from label_selector((*path, "labelSelector"), bundle.label_selector)


def _certificate(path: Path, certificate: PodCertificateProjection) -> Violations:
    yield from named((*path, "signerName"), certificate.signer_name, signer_name, "name a signer")
    yield from chosen((*path, "keyType"), certificate.key_type, KEY_TYPES)
    yield from within((*path, "maxExpirationSeconds"), certificate.max_expiration_seconds, *CERTIFICATE_S)
    paths = _certificate_paths(certificate)
    if not any(paths.values()):
        yield Violation(path=path, message=f"writes no file, set {', '.join(paths)} or several of them")
    for name, file in paths.items():
        yield from optional((*path, name), file, file_path)
    yield from _annotations((*path, "userAnnotations"), certificate.user_annotations)


def _certificate_paths(certificate: PodCertificateProjection) -> Mapping[str, str | None]:
    return {
        "credentialBundlePath": certificate.credential_bundle_path,
        "keyPath": certificate.key_path,
        "certificateChainPath": certificate.certificate_chain_path,
    }


def _annotations(path: Path, values: Mapping[str, str]) -> Violations:
    """Notes for the signer: their keys say whose they are."""
    for key in values:
        yield from formatted((*path, key), key, qualified_name)
        if "/" not in key:
            yield Violation(path=(*path, key), message=f"{quoted(key)} needs a domain, like example.com/{key}")
    size_bytes = sum(len(key.encode()) + len(value.encode()) for key, value in values.items())
    if size_bytes > ANNOTATIONS_BYTES:
        yield Violation(path=path, message=f"are {size_bytes} bytes in all, at most {ANNOTATIONS_BYTES} are allowed")


def _written(path: Path, projection: VolumeProjection) -> Files:
    for name, part in (("secret", projection.secret), ("configMap", projection.config_map)):
        for index, item in enumerate(part.items if part is not None else ()):
            yield (*path, name, "items", index, "path"), item.path
    if projection.downward_api is not None:
        for index, file in enumerate(projection.downward_api.items):
            yield (*path, "downwardAPI", "items", index, "path"), file.path
    if projection.service_account_token is not None:
        yield (*path, "serviceAccountToken", "path"), projection.service_account_token.path
    if projection.cluster_trust_bundle is not None:
        yield (*path, "clusterTrustBundle", "path"), projection.cluster_trust_bundle.path
    if projection.pod_certificate is not None:
        for name, file_of in _certificate_paths(projection.pod_certificate).items():
            yield (*path, "podCertificate", name), file_of or ""

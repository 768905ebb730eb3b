"""Rules for env and envFrom."""

from __future__ import annotations

from hostpod.kube import EnvFromSource, EnvVar, EnvVarSource
from hostpod.manifest.rules import references
from hostpod.manifest.rules.formats import dns_subdomain, environment_name
from hostpod.manifest.rules.violation import Path, Violation, Violations, exactly_one, formatted, named

SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
BULK_SOURCES = ("configMapRef", "secretRef")


def environment(path: Path, variables: tuple[EnvVar, ...]) -> Violations:
    """The variables of one container, each from a value or from one source."""
    for index, variable in enumerate(variables):
        yield from named((*path, index, "name"), variable.name, environment_name)
        if variable.value_from is not None:
            yield from _source((*path, index, "valueFrom"), variable.value_from)
        if variable.value_from is not None and variable.value:
            yield Violation(path=(*path, index, "valueFrom"), message='stands beside "value", only one may be set')


def _source(path: Path, source: EnvVarSource) -> Violations:
    values = (
        source.field_ref,
        source.resource_field_ref,
        source.config_map_key_ref,
        source.secret_key_ref,
        source.file_key_ref,
    )
    present = [name for name, value in zip(SOURCES, values, strict=True) if value is not None]
    yield from exactly_one(path, present, SOURCES)
    if source.field_ref is not None:
        yield from references.field((*path, "fieldRef"), source.field_ref, references.ENV_FIELDS)
    if source.resource_field_ref is not None:
        yield from references.resource((*path, "resourceFieldRef"), source.resource_field_ref)
    if source.config_map_key_ref is not None:
        yield from references.key((*path, "configMapKeyRef"), source.config_map_key_ref)
    if source.secret_key_ref is not None:
        yield from references.key((*path, "secretKeyRef"), source.secret_key_ref)
    if source.file_key_ref is not None:
        yield from references.file_key((*path, "fileKeyRef"), source.file_key_ref)


def bulk_environment(path: Path, sources: tuple[EnvFromSource, ...]) -> Violations:
    """Whole ConfigMaps and Secrets as variables."""
    for index, source in enumerate(sources):
        yield from _bulk_source((*path, index), source)


def _bulk_source(path: Path, source: EnvFromSource) -> Violations:
    references_by_name = {"configMapRef": source.config_map_ref, "secretRef": source.secret_ref}
    present = {name: reference for name, reference in references_by_name.items() if reference is not None}
    yield from exactly_one(path, present, BULK_SOURCES)
    for name, reference in present.items():
        yield from named((*path, name, "name"), reference.name, dns_subdomain)
    if source.prefix:
        yield from formatted((*path, "prefix"), source.prefix, environment_name)

"""Environment variables of a container, and $(NAME) in its command, arguments and values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from hostpod.kube import (
    ConfigMap,
    ConfigMapKeySelector,
    Container,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    FileKeySelector,
    Pod,
    SecretKeySelector,
)
from hostpod.kube.config import Configs
from hostpod.kube.downward import RunningFacts, field_value, resource_value
from hostpod.kube.expansion import expand
from hostpod.kube.references import CONFIG_MAP, SECRET, missing
from hostpod.oci.env_file import env_file_value
from hostpod.oci.values import SpecError

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, kw_only=True, slots=True)
class EnvSources:
    """Where values come from. `read_file` takes a volume's name and a path in it; None where there is no file."""

    pod: Pod
    facts: RunningFacts
    configs: Configs
    read_file: Callable[[str, str], str | None]

    def find(self, kind: str, name: str, *, optional: bool) -> dict[str, str]:
        """What a ConfigMap or Secret holds as text; nothing where it may be missing and is."""
        held = self.configs.get((kind, self.pod.namespace, name))
        if held is None and not optional:
            raise SpecError(missing(kind, name, self.pod.namespace))
        if isinstance(held, ConfigMap):
            return dict(held.data)  # its binaryData is for files only
        return {key: _text(key, value) for key, value in held.contents().items()} if held else {}


def _text(key: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise SpecError(f"key {key} is no text in UTF-8: mount it as a file") from error


def container_variables(container: Container, sources: EnvSources) -> dict[str, str]:
    """The pod's own variables of a container: all of envFrom, then env in order.

    A value may refer to those before it, and the last of a name counts. Raises SpecError for what is not there.
    """
    known: dict[str, str] = {}
    for number, bulk in enumerate(container.env_from):
        with _about(f"envFrom[{number}]"):
            known |= _all_of(bulk, sources)
    for variable in container.env:
        with _about(f"variable {variable.name}"):
            value = _value(variable, container, known, sources)
        if value is not None:
            known[variable.name] = value
    for name, value in known.items():
        if "\0" in value:
            raise SpecError(f"variable {name}: its value has a zero octet, which no variable can")
    return known


@contextmanager
def _about(what: str) -> Iterator[None]:
    try:
        yield
    except SpecError as error:
        raise SpecError(f"{what}: {error}") from error


def _all_of(bulk: EnvFromSource, sources: EnvSources) -> dict[str, str]:
    reference, kind = (bulk.config_map_ref, CONFIG_MAP) if bulk.config_map_ref else (bulk.secret_ref, SECRET)
    assert reference is not None, "a source without a reference is refused with its manifest"
    found = sources.find(kind, reference.name or "", optional=bool(reference.optional))
    return {f"{bulk.prefix or ''}{key}": value for key, value in sorted(found.items())}


def _value(variable: EnvVar, container: Container, known: Mapping[str, str], sources: EnvSources) -> str | None:
    """None where an optional source has nothing: then the variable is not set by this."""
    if variable.value or variable.value_from is None:
        return expand(variable.value or "", known)
    return _from(variable.value_from, container, sources)


def _from(source: EnvVarSource, container: Container, sources: EnvSources) -> str | None:
    if source.field_ref is not None:
        return field_value(sources.pod, source.field_ref.field_path, sources.facts)
    if (resource := source.resource_field_ref) is not None:
        of = sources.pod.spec.container(resource.container_name) if resource.container_name else container
        return resource_value(of, resource, sources.facts)
    if source.config_map_key_ref is not None:
        return _of_key(CONFIG_MAP, source.config_map_key_ref, sources)
    if source.secret_key_ref is not None:
        return _of_key(SECRET, source.secret_key_ref, sources)
    assert source.file_key_ref is not None, "a variable without a source is refused with its manifest"
    return _of_file(source.file_key_ref, sources)


def _of_key(kind: str, key: ConfigMapKeySelector | SecretKeySelector, sources: EnvSources) -> str | None:
    held = sources.find(kind, key.name or "", optional=bool(key.optional))
    if key.key not in held and not key.optional:
        raise SpecError(f"couldn't find key {key.key} in {kind} {sources.pod.namespace}/{key.name}")
    return held.get(key.key)


def _of_file(key: FileKeySelector, sources: EnvSources) -> str | None:
    with _about(f'file {key.path} of volume "{key.volume_name}"'):
        text = sources.read_file(key.volume_name, key.path)
        value = env_file_value(text, key.key) if text is not None else None
        if value is None and not key.optional:
            raise SpecError(f"no variable {key.key} in it" if text is not None else "there is no such file")
        return value


def environment(*, image: Iterable[str], pod: Mapping[str, str], hostname: str, tty: bool) -> list[str]:
    """Everything a process finds: defaults, then the image's, then the pod's; a later one replaces an earlier one."""
    found = {"PATH": DEFAULT_PATH}
    if tty:
        found["TERM"] = "xterm"
    found["HOSTNAME"] = hostname
    for entry in image:
        name, _, value = entry.partition("=")
        found[name] = value
    found.update(pod)
    return [f"{name}={value}" for name, value in found.items()]

"""A manifest file to pods with their defaults, ConfigMaps and Secrets, or to every problem with its place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from hostpod.kube import PersistentVolumeClaim, Pod
from hostpod.manifest.configs import (
    ConfigObject,
    OtherObject,
    placed_in_default,
    settled,
    validate_other,
    without_contents,
)
from hostpod.manifest.defaults import with_defaults
from hostpod.manifest.documents import ObjectNode, objects_of
from hostpod.manifest.place import Finding, Path, Place, Problem, path_text
from hostpod.manifest.pod_security import PRIVILEGED, PodSecurity, refused, warned
from hostpod.manifest.rules import Violation, validate_pod
from hostpod.manifest.structure import StructureReader, locate
from hostpod.manifest.survey import survey
from hostpod.manifest.yaml_source import Document, read_documents

_CHECKED_BEFORE: tuple[Path, ...] = (("kind",), ("apiVersion",))
MOST_PROBLEMS = 500
"""A file that is no manifest at all has no end of problems."""


class Note(NamedTuple):
    """A field that is accepted and has no effect on one host, and why."""

    line: int
    path: str
    note: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedPod:
    """A pod without problems, with its defaults, and the line on which it begins."""

    pod: Pod
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedConfig:
    """A ConfigMap or Secret without problems, settled, and the line on which it begins."""

    config: ConfigObject
    line: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Parsed:
    """What a file holds: the objects without problems, all problems, notes and warnings, each in order of line.

    Warnings are of pods without problems, too.
    """

    pods: tuple[ParsedPod, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Note, ...] = ()
    configs: tuple[ParsedConfig, ...] = ()
    warnings: tuple[Problem, ...] = ()


class _Reading(NamedTuple):
    """An object as it was read, right or wrong, and where its name stands."""

    value: Pod | OtherObject
    line: int
    name: Finding
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    warnings: tuple[Finding, ...]


def parse_manifest(content: bytes, *, file: str, security: PodSecurity = PRIVILEGED) -> Parsed:
    """Everything that a file says; never raises. `file` is the name that problems show.

    Pods must keep the standard that `security` enforces, as they must keep all other rules.
    """
    source = read_documents(content)
    findings = list(source.findings)
    readings: list[_Reading] = []
    for document in source.documents:
        wrapping, read = _read_document(document, security)
        findings += wrapping
        readings += read
    repeated = {reading.name.place: finding for reading, finding in _repetitions(readings)}
    good = [each for each in readings if not each.findings and each.name.place not in repeated]
    findings += repeated.values()
    findings += (finding for reading in readings for finding in reading.findings)
    return Parsed(
        pods=tuple(ParsedPod(pod=each.value, line=each.line) for each in good if isinstance(each.value, Pod)),
        problems=_problems(findings, file),
        notes=tuple(sorted(_note(finding) for reading in readings for finding in reading.notes)),
        configs=tuple(
            ParsedConfig(config=settled(each.value), line=each.line)
            for each in good
            # A claim needs nothing: it is a directory that is made for the first pod that names it.
            if not isinstance(each.value, Pod | PersistentVolumeClaim)
        ),
        warnings=_problems((finding for each in good for finding in each.warnings), file),
    )


def _read_document(document: Document, security: PodSecurity) -> tuple[list[Finding], list[_Reading]]:
    """What is wrong around the objects of a document, and its objects with what is wrong with each."""
    around = list(document.findings)
    nodes: list[ObjectNode] = []
    for found in objects_of(document.root):
        if isinstance(found, Finding):
            around.append(found)
        else:
            nodes.append(found)
    readings = []
    for found in nodes:
        own = [finding for finding in around if finding.path[: len(found.path)] == found.path]
        around = [finding for finding in around if finding not in own]
        readings.append(_read_object(found, own, security))
    return around, readings


def _read_object(found: ObjectNode, own: Collection[Finding], security: PodSecurity) -> _Reading:
    reader = StructureReader()
    data = reader.read_object(found.node, found.model, ())
    value, violations = _checked(found, data, reader.findings)
    structure = reader.findings if isinstance(value, Pod) else list(without_contents(reader.findings))
    remarks = list(survey(data, found.model))

    def placed(path: Path, message: str, place: Place | None = None) -> Finding:
        return Finding(place or locate(found.node, path), (*found.path, *path), message)

    told = _Told({*reader.meant, *_CHECKED_BEFORE})
    told.add((remark.path, remark.message, None) for remark in remarks if remark.kind == "not supported")
    told.add((finding.path, finding.message, finding.place) for finding in structure)
    told.add((path, message, None) for path, message in violations)
    told.add((*breach, None) for breach in (refused(value, security) if isinstance(value, Pod) else ()))
    return _Reading(
        value=value,
        line=found.node.place.line,
        name=placed(("metadata", "name"), ""),
        findings=(*own, *(placed(*complaint) for complaint in told.complaints)),
        notes=tuple(placed(remark.path, remark.message) for remark in remarks if remark.kind == "no effect"),
        warnings=tuple(placed(*breach) for breach in (warned(value, security) if isinstance(value, Pod) else ())),
    )


def _checked(
    found: ObjectNode, data: dict[str, object], structure: Sequence[Finding]
) -> tuple[Pod | OtherObject, list[tuple[Path, str]]]:
    """The object, and which rules of Kubernetes it breaks."""
    if found.model is Pod:
        pod = with_defaults(Pod.model_validate(data))
        violations = _without_defaults(tuple(validate_pod(pod)), data)
        return pod, list(_without_echoes(violations, structure))
    other = placed_in_default(cast("OtherObject", found.model.model_validate(data)))
    return other, [(each.path, each.message) for each in validate_other(other)]


_Complaint = tuple[Path, str, Place | None]


class _Told:
    """Complaints in order of their weight: of a field and of what is below it, only the first is told."""

    def __init__(self, settled: Iterable[Path]) -> None:
        self.complaints: list[_Complaint] = []
        self._settled = set(settled)

    def add(self, complaints: Iterable[_Complaint]) -> None:
        """Complaints of equal weight: they do not hide each other."""
        fresh = [complaint for complaint in complaints if not self._covered(complaint[0])]
        self.complaints += fresh
        self._settled.update(path for path, _, _ in fresh)

    def _covered(self, path: Path) -> bool:
        return any(path[:length] in self._settled for length in range(1, len(path) + 1))


def _without_defaults(violations: Sequence[Violation], data: object) -> Iterator[Violation]:
    """A request that was not written is the limit: what is wrong with it is told of the limit."""
    told = {violation.path for violation in violations}
    for violation in violations:
        path = violation.path
        limit = (*path[:-2], "limits", path[-1]) if path[-2:-1] == ("requests",) else None
        if limit not in told or _has(data, path):
            yield violation


def _has(data: Any, path: Path) -> bool:
    for key in path:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _without_echoes(violations: Iterable[Violation], structure: Iterable[Finding]) -> Iterator[tuple[Path, str]]:
    """A volume that could not be read is not missed once more by each of its mounts."""
    volumes_unread = any(finding.path[:2] == ("spec", "volumes") and len(finding.path) <= 4 for finding in structure)
    for violation in violations:
        refers = len(violation.path) > 3 and violation.path[-3] in ("volumeMounts", "volumeDevices")
        if not (volumes_unread and refers and violation.path[-1] == "name"):
            yield violation.path, violation.message


def _repetitions(readings: Iterable[_Reading]) -> Iterator[tuple[_Reading, Finding]]:
    """Objects whose name an earlier one of their kind has in the file."""
    lines: dict[tuple[type, str, str], int] = {}
    for reading in readings:
        kind, metadata = type(reading.value), reading.value.metadata
        identity = (kind, metadata.namespace or "default", metadata.name or "")
        if identity in lines and metadata.name:
            what = "pod" if kind is Pod else kind.__name__
            message = f'the {what} "{metadata.name}" is in this file already, on line {lines[identity]}: rename one'
            yield reading, reading.name._replace(message=message)
        lines.setdefault(identity, reading.line)


def _problems(findings: Iterable[Finding], file: str) -> tuple[Problem, ...]:
    ordered = sorted(set(findings), key=lambda finding: (finding.place, path_text(finding.path), finding.message))
    problems = [_problem(finding, file) for finding in ordered[:MOST_PROBLEMS]]
    left = len(ordered) - len(problems)
    if left:
        last = ordered[MOST_PROBLEMS - 1].place
        problems.append(_problem(Finding(last, (), f"{left} more problems are not shown"), file))
    return tuple(problems)


def _problem(finding: Finding, file: str) -> Problem:
    return Problem(
        file=file,
        line=finding.place.line,
        column=finding.place.column,
        path=path_text(finding.path),
        message=finding.message,
    )


def _note(finding: Finding) -> Note:
    return Note(finding.place.line, path_text(finding.path), finding.message)
